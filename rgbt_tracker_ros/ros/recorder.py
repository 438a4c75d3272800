# SPDX-License-Identifier: Apache-2.0
"""Records what a subscriber sees of the tracker: a line per frame."""
from __future__ import annotations

from pathlib import Path
from time import monotonic

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from std_msgs.msg import Bool
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.frame_log import row_of, write_rows

FILE = 'boxes.csv'

_DEPTH = 100
_STOPPED_S = 10.0


class RecorderNode(Node):  # type: ignore[misc]
    """Node `recorder`: subscribes to `rgbt_tracker/...` and `player/finished`.

    It ends when the player has finished and no frame has come for `quiet` seconds, when frames
    have stopped for 10 s without a word of the player, or when no frame at all has come for
    `patience` seconds; then, or when it is ended from outside, it writes `boxes.csv` (see
    `frame_log.COLUMNS`) into the folder `output`.

    Attributes
    ----------
    finished
        Done, with the exit status, at the end: 1 when there was no frame or the player failed.
    rows
        The lines so far.

    """

    def __init__(self, context: Context | None = None, output: str = '') -> None:
        super().__init__('recorder', context=context)
        self.finished = Future()
        self._output = str(self.declare_parameter('output', output).value)
        self._quiet = float(self.declare_parameter('quiet', 1.0).value)
        self._patience = float(self.declare_parameter('patience', 60.0).value)
        self.rows: list[dict[str, str]] = []
        self._latencies: dict[float, float] = {}
        self._without: dict[float, dict[str, str]] = {}
        self._last = monotonic()
        self._played: bool | None = None
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for kind, topic, callback, qos in (
                (Detection2DArray, 'rgbt_tracker/detections', self._on_detections, _DEPTH),
                (DiagnosticArray, 'rgbt_tracker/status', self._on_status, _DEPTH),
                (Bool, 'player/finished', self._on_finished, latched)):
            self.create_subscription(kind, topic, callback, qos)
        self.create_timer(0.1, self._look)

    def start(self) -> None:
        """Begin; all is set up already."""

    def close(self) -> None:
        """Write the file, when there is a folder to write to."""
        if self._output:
            folder = Path(self._output).expanduser()
            folder.mkdir(parents=True, exist_ok=True)
            write_rows(folder / FILE, self.rows)

    def _now(self) -> float:
        return seconds(self.get_clock().now().to_msg())

    def _on_detections(self, message: Detection2DArray) -> None:
        stamp = seconds(message.header.stamp)
        latency = 1000 * (self._now() - stamp)
        row = self._without.pop(stamp, None)
        if row is None:
            self._latencies[stamp] = latency
        else:
            row['latency_ms'] = f'{latency:.3f}'

    def _on_status(self, message: DiagnosticArray) -> None:
        # Published after the detections of its frame, but on a topic of its own.
        stamp = seconds(message.header.stamp)
        latency = self._latencies.pop(stamp, None)
        row = row_of(message, latency)
        if row is None:
            return
        if latency is None:
            self._without[stamp] = row
        self._last = monotonic()
        self.rows.append(row)

    def _on_finished(self, message: Bool) -> None:
        self._played = bool(message.data)
        self._last = monotonic()

    def _look(self) -> None:
        silence = monotonic() - self._last
        allowed = self._patience if not self.rows else _STOPPED_S
        if self._played is not None:
            allowed = self._quiet
        if self.finished.done() or silence < allowed:
            return
        if not self.rows:
            self.get_logger().error(f'no frame came for {silence:.0f} s')
        elif self._played is None:
            self.get_logger().warning(f'no frame came for {silence:.0f} s: the player is gone')
        self.finished.set_result(int(not self.rows or self._played is False))
