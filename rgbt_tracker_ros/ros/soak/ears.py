# SPDX-License-Identifier: Apache-2.0
"""Hears everything that the tracker under test says, and hands it to the judge."""
from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.soak.history import Said
from rgbt_tracker_ros.ros.soak.judge import Judge
from rgbt_tracker_ros.ros.soak.scene import FRAME_ID

TRACKER = '/rgbt_tracker'
_DEPTH = 1000
_LONGEST_SILENCE_S = 10.0
"""`/diagnostics` comes once a second; loading a model may delay it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The node's answer to a request."""

    at: float
    source: str
    accepted: bool
    reason: str


class Ears:
    """Subscribes to detections, status and diagnostics of the tracker.

    Parameters
    ----------
    node
        Owner of the subscriptions.
    judge
        Is told all of it.

    Attributes
    ----------
    replies
        The newest answers to requests.

    """

    def __init__(self, node: Node, judge: Judge) -> None:
        self._judge = judge
        self.replies: list[Reply] = []
        self._diagnosed = 0.0
        node.create_subscription(
            Detection2DArray, f'{TRACKER}/detections', self._on_detections, _DEPTH)
        node.create_subscription(DiagnosticArray, f'{TRACKER}/status', self._on_status, _DEPTH)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, _DEPTH)

    def reply(self, source: str, since: float) -> Reply | None:
        """Return the first answer to a request by `source` that came after `since`."""
        return next((reply for reply in list(self.replies)
                     if reply.at >= since and reply.source == source), None)

    def _on_detections(self, message: Detection2DArray) -> None:
        boxes, numbers = [], []
        for detection in message.detections:
            center = detection.bbox.center
            box = Box.from_center(center.position.x, center.position.y, detection.bbox.size_x,
                                  detection.bbox.size_y)
            boxes.append(box)
            numbers += [*box, center.theta,
                        *(result.hypothesis.score for result in detection.results)]
        if message.header.frame_id != FRAME_ID:
            self._judge.violation(monotonic(), f'an answer is in frame {message.header.frame_id}')
        self._judge.answered(monotonic(), _nanoseconds(message.header.stamp), boxes, numbers,
                             [detection.id for detection in message.detections])

    def _on_status(self, message: DiagnosticArray) -> None:
        now = monotonic()
        reply = values_of(message, 'request')
        if reply:
            self.replies = [*self.replies[-20:], Reply(
                now, reply['request'], reply['accepted'] == 'True', reply['reason'])]
        target = values_of(message, 'target')
        if target:
            counters = values_of(message, 'frames')
            self._judge.told(now, _nanoseconds(message.header.stamp),
                             _said(target, counters), {**counters, **target})

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        if not any(status.hardware_id == TRACKER for status in message.status):
            return
        now = monotonic()
        if self._diagnosed and now - self._diagnosed > _LONGEST_SILENCE_S:
            self._judge.violation(now, f'no /diagnostics for {now - self._diagnosed:.1f} s')
        self._diagnosed = now


def _said(target: dict[str, str], counters: dict[str, str]) -> Said:
    sides = [target.get(side, '') for side in 'xywh']
    return Said(
        state=target['state'], mode=target['mode'], error=target['error'],
        box=Box(*map(float, sides)) if all(sides) else None,
        dropped=int(counters.get('dropped_frames', 0)))


def _nanoseconds(stamp: Any) -> int:
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)
