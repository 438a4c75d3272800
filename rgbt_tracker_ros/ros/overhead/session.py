# SPDX-License-Identifier: Apache-2.0
"""One node, the player and a listener for some seconds: three processes on their own network."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.ros.overhead.listener import Heard
from rgbt_tracker_ros.ros.processes import ros_environment, start_node, stop_node

WARM_UP_S = 1.0
"""Left out at the start: the first frames are slow."""


@dataclass(frozen=True, slots=True)
class Played:
    """What is played to every node.

    Attributes
    ----------
    folder
        Holds the folders `rgb` and `thermal`.
    rate
        Frames per second of each camera.
    encoding
        Encoding of the RGB images.
    seconds
        How long, without the warm-up.

    """

    folder: Path
    rate: float
    encoding: str
    seconds: float


def listen(executable: str, parameters: Mapping[str, Any], played: Played, *,
           call_parameters: bool = False) -> tuple[Heard, str]:
    """Run a node and listen to it; return what was heard, and what the node wrote in its log.

    Parameters
    ----------
    executable
        See `processes.start_node`.
    parameters
        Those of the node.
    played
        What it is shown.
    call_parameters
        Also call its parameter services.

    Raises
    ------
    InputError
        If nothing was heard; with the last words of the processes.

    """
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from rgbt_tracker_ros.ros.overhead.listener import Listener

    environment = ros_environment()
    # Into a file: a pipe that nobody reads would stop a node that has much to say.
    with _environment(environment), TemporaryFile('w+') as log:
        context = rclpy.Context()
        rclpy.init(context=context, args=[])
        executor = SingleThreadedExecutor(context=context)
        processes = [start_node(executable, parameters, environment, stderr=log)]
        listener = Listener(context, processes[0], WARM_UP_S, call_parameters)
        executor.add_node(listener)
        try:
            processes.append(start_node('player_node', {
                'rgb': played.folder / 'rgb', 'thermal': played.folder / 'thermal',
                'rgb_rate': played.rate, 'thermal_rate': played.rate, 'loop': True,
                'rgb_encoding': played.encoding, 'duration': played.seconds + WARM_UP_S,
            }, environment, stderr=log))
            executor.spin_until_future_complete(listener.finished)
        finally:
            for process in reversed(processes):
                stop_node(process)
            executor.shutdown()
            listener.destroy_node()
            rclpy.shutdown(context=context)
        log.seek(0)
        words = log.read().strip()
    if len(listener.heard.latency_ms) < 2:
        raise InputError(f'{executable} gave {len(listener.heard.latency_ms)} frames in '
                         f'{played.seconds:g} s; the nodes said: {words[-500:]}')
    return listener.heard, words


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Let this process's own ROS node live in the same network as the others."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
