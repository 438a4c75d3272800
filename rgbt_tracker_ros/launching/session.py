# SPDX-License-Identifier: Apache-2.0
"""Playing a recording to the tracker: when it begins, and how everything ends."""
from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from launch import LaunchContext
from launch.actions import (
    ExecuteProcess,
    OpaqueCoroutine,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnExecutionComplete, OnProcessExit
from launch_ros.ros_adapters import get_ros_node

from rgbt_tracker_ros.ros.diagnostics import fault_of

_LAST_FRAMES_S = 1.0
"""What the tracker gets for the last frames when the recording is over."""

_LOOK_S = 0.1


def after(process: ExecuteProcess, name: str, actions: Callable[[], Sequence[Any]],
          ) -> RegisterEventHandler:
    """Do something when a process has ended well; when it has not, end everything with status 1.

    Parameters
    ----------
    process
        What is waited for.
    name
        What to call it in the error.
    actions
        Gives what is done then.

    """
    def ended(event: Any, context: LaunchContext) -> Sequence[Any]:
        if context.is_shutdown:
            return []
        if event.returncode:
            raise RuntimeError(
                f'{name} ended with status {event.returncode}: its last lines above say why')
        return actions()

    return RegisterEventHandler(OnProcessExit(target_action=process, on_exit=ended))


def ending(recording: ExecuteProcess, tracker: ExecuteProcess, namespace: str) -> list[Any]:
    """End everything when the recording is over, or when the tracker ends or cannot work.

    Parameters
    ----------
    recording, tracker
        What plays, and what tracks.
    namespace
        That of the tracker.

    """
    over = Shutdown(reason='the recording is over')
    return [after(recording, 'the player', lambda: [TimerAction(
                period=_LAST_FRAMES_S, actions=[over])]),
            after(tracker, 'the tracker', lambda: [Shutdown(reason='the tracker has ended')]),
            *_once_broken('/'.join(filter(None, [namespace.strip('/'), 'rgbt_tracker'])))]


def once_subscribed(topics: Sequence[str], actions: Sequence[Any]) -> list[Any]:
    """Do something as soon as each topic has a subscriber.

    A bag that plays while the tracker still loads its model is lost.

    Parameters
    ----------
    topics
        Full names.
    actions
        What is done then.

    """
    async def wait(context: LaunchContext) -> None:
        node = get_ros_node(context)
        while not all(map(node.count_subscribers, topics)):
            await asyncio.sleep(_LOOK_S)

    return _once(wait, lambda: actions)


def _once_broken(tracker: str) -> list[Any]:
    """End everything with status 1 when the tracker cannot work: it would live on, and wait."""
    faults: list[str] = []

    def hear(message: DiagnosticArray) -> None:
        faults.extend(filter(None, [fault_of(message, tracker)]))

    async def wait(context: LaunchContext) -> None:
        node = get_ros_node(context)
        subscription = node.create_subscription(DiagnosticArray, '/diagnostics', hear, 10)
        while not faults:
            await asyncio.sleep(_LOOK_S)
        node.destroy_subscription(subscription)

    def end() -> Sequence[Any]:
        raise RuntimeError(f'the tracker cannot work: {faults[0]}')

    return _once(wait, end)


def _once(wait: Callable[[LaunchContext], Coroutine[Any, Any, None]],
          actions: Callable[[], Sequence[Any]]) -> list[Any]:
    """Do something when a wait is over, unless everything is ending anyway."""
    waiting = OpaqueCoroutine(coroutine=wait)
    over = OnExecutionComplete(
        target_action=waiting,
        on_completion=lambda event, context: [] if context.is_shutdown else list(actions()))
    return [RegisterEventHandler(over), waiting]
