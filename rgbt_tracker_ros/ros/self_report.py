# SPDX-License-Identifier: Apache-2.0
"""What the node says about itself once a second on `/diagnostics`."""
from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import Header

from rgbt_tracker_ros.pipeline.report import Level, Part
from rgbt_tracker_ros.ros.diagnostics import diagnostic_array


class SelfReport:
    """Publishes the node's own condition, also while it is not configured.

    Attributes
    ----------
    state
        Lifecycle state in words.
    fault
        Why the last transition failed; empty when it did not.
    facts
        Model, backend and what else does not change from frame to frame.

    """

    def __init__(self, node: Node) -> None:
        self._node = node
        # The one absolute name of the package: ROS tools collect diagnostics there.
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self.state = 'unconfigured'
        self.fault = ''
        self.facts: dict[str, Any] = {}
        self._frames = 0
        self._since = monotonic()

    def publish(self, frames: int = 0, numbers: Mapping[str, Any] | None = None,
                silent: Mapping[str, str] | None = None) -> None:
        """Publish the report.

        Parameters
        ----------
        frames
            Frames handled since the node was activated.
        numbers
            More counters.
        silent
            What is known about each camera that says nothing.

        """
        now = monotonic()
        rate = max(frames - self._frames, 0) / max(now - self._since, 1e-3)
        self._frames, self._since = frames, now
        level, message = Level.OK, self.state
        if self.fault:
            level, message = Level.ERROR, f'{self.state}: {self.fault}'
        elif silent:
            level, message = Level.WARN, '; '.join(silent.values())
        parts = [Part('node', level, message, {
            'state': self.state, 'frames': frames, 'frames_per_s': rate, **self.facts,
            **(numbers or {})})]
        header = Header(stamp=self._node.get_clock().now().to_msg())
        self._publisher.publish(
            diagnostic_array(header, self._node.get_fully_qualified_name(), parts))
