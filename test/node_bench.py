# SPDX-License-Identifier: Apache-2.0
"""A tracker node in this process, so that a test can look into it and slow it down."""
from __future__ import annotations

from collections.abc import Callable
import contextlib
from time import monotonic
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.srv import ChangeState
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from ros_rig import PATIENCE

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.ros.lifecycle import TrackerNode
from rgbt_tracker_ros.ros.processes import ros_environment
from rgbt_tracker_ros.tracking.tracker import Tracker

CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


class Bench:
    """A tracker node and a listener in one executor."""

    def __init__(self, bundle: Any, load: Any = Tracker.from_model, *parameters: str) -> None:
        self.context = context = rclpy.Context()
        rclpy.init(context=context, args=[], domain_id=int(ros_environment()['ROS_DOMAIN_ID']))
        self.executor = SingleThreadedExecutor(context=context)
        arguments = [f'model.name:={bundle}', 'autostart:=false', *parameters]
        self.node = TrackerNode(load, context=context, use_global_arguments=False, cli_args=[
            '--ros-args', *(part for item in arguments for part in ('-p', item))])
        self.listener = rclpy.create_node('listener', context=context, use_global_arguments=False)
        self.reports: list[DiagnosticArray] = []
        self.listener.create_subscription(DiagnosticArray, '/diagnostics', self.reports.append, 50)
        self._stranger: Any = None
        self._client = self.listener.create_client(ChangeState, '/rgbt_tracker/change_state')
        for node in (self.node, self.listener):
            self.executor.add_node(node)
        self.until(self._client.service_is_ready)

    def close(self) -> None:
        with contextlib.suppress(ModelError):
            self.node.close()
        self.executor.shutdown()
        self.node.destroy_node()
        self.listener.destroy_node()
        rclpy.shutdown(context=self.context)
        if self._stranger is not None:
            self._stranger.destroy_node()
            rclpy.shutdown(context=self._stranger.context)

    def until(self, ready: Callable[[], Any]) -> Any:
        end = monotonic() + PATIENCE
        while not (value := ready()):
            assert monotonic() < end
            self.executor.spin_once(0.02)
        return value

    def spin(self, seconds: float) -> None:
        end = monotonic() + seconds
        while monotonic() < end:
            self.executor.spin_once(0.02)

    def report(self, part: str, words: str) -> DiagnosticStatus:
        """Return the newest part whose message has these words."""
        return self.until(lambda: [
            status for message in self.reports for status in message.status
            if status.name.endswith(f': {part}') and words in status.message])[-1]

    def request(self, number: int = 0, label: str = '') -> bool:
        request = ChangeState.Request()
        request.transition.id, request.transition.label = number, label
        future = self._client.call_async(request)
        self.until(future.done)
        return bool(future.result().success)

    @property
    def stranger(self) -> Any:
        """Return a node that meets the others only over the network; it is never spun."""
        if self._stranger is None:
            context = rclpy.Context()
            rclpy.init(context=context, args=[], domain_id=self.context.get_domain_id())
            self._stranger = rclpy.create_node('stranger', context=context,
                                               use_global_arguments=False)
        return self._stranger

    @property
    def state(self) -> str:
        return str(self.node._state_machine.current_state[1])

    @staticmethod
    def parameter(name: str, value: Any) -> Parameter:
        return Parameter(name, value=value)

    def now(self) -> float:
        """Return the time of this machine, seconds."""
        return float(self.listener.get_clock().now().nanoseconds * 1e-9)
