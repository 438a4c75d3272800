# SPDX-License-Identifier: Apache-2.0
"""What the node publishes about each frame."""
from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.ros.annotation import annotated
from rgbt_tracker_ros.ros.conversion import image_message
from rgbt_tracker_ros.ros.diagnostics import ERROR, OK, WARN, Part, diagnostic_array
from rgbt_tracker_ros.ros.messages import detection_array, seconds
from rgbt_tracker_ros.ros.pipeline import Outcome
from rgbt_tracker_ros.ros.requests import Answer
from rgbt_tracker_ros.tracking.result import State

_DEPTH = 10


class Outputs:
    """The publishers of results; reliable, so that every kind of subscriber gets them.

    Parameters
    ----------
    node
        Owner of the publishers.

    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._detections = node.create_publisher(Detection2DArray, '~/detections', _DEPTH)
        self._status = node.create_publisher(DiagnosticArray, '~/status', _DEPTH)
        self._annotated = node.create_publisher(Image, '~/annotated_image', _DEPTH)
        self._fused = node.create_publisher(Image, '~/fused_image', _DEPTH)
        self._answer = ''
        self._error = ''

    def close(self) -> None:
        """End the publishers."""
        for publisher in (self._detections, self._status, self._annotated, self._fused):
            self._node.destroy_publisher(publisher)

    @property
    def fused_wanted(self) -> bool:
        """Return whether anyone looks at the fused image."""
        return bool(self._fused.get_subscription_count())

    def publish(self, outcome: Outcome, numbers: dict[str, Any]) -> None:
        """Publish a frame's outcome: the detection first, it is what others wait for.

        Parameters
        ----------
        outcome
            The frame.
        numbers
            Counters for the status.

        """
        self._detections.publish(
            detection_array(outcome.header, outcome.result, outcome.target_id))
        self._publish_status(outcome, numbers)
        if outcome.pair is not None and self._annotated.get_subscription_count():
            self._annotated.publish(image_message(
                annotated(outcome.pair, outcome.result, outcome.target_id), 'rgb8',
                outcome.header))
        if outcome.result is not None and outcome.result.fused is not None:
            self._fused.publish(image_message(outcome.result.fused, 'rgb8', outcome.header))

    def answer_request(self, answer: Answer) -> None:
        """Give the answer to a request, in the log and the status, also when no frame comes."""
        self._answer = str(answer)
        # Two calls: rclpy lets no line of code log at two severities.
        if answer.accepted:
            self._node.get_logger().info(self._answer)
        else:
            self._node.get_logger().warning(self._answer)
        self._say(Part('request', OK if answer.accepted else WARN, self._answer, {
            'request': answer.source, 'accepted': answer.accepted, 'reason': answer.reason}))

    def report_fault(self, error: str) -> None:
        """Say that a frame could not be handled at all."""
        self._error = error
        self._say(Part('fault', ERROR, error, {'error': error}))

    def _say(self, part: Part) -> None:
        header = Header(stamp=self._node.get_clock().now().to_msg())
        self._status.publish(
            diagnostic_array(header, self._node.get_fully_qualified_name(), [part]))

    def _publish_status(self, outcome: Outcome, numbers: dict[str, Any]) -> None:
        self._error = outcome.error or self._error
        now = seconds(self._node.get_clock().now().to_msg())
        parts = [
            _target_part(outcome, {
                'latency_ms': 1000 * (now - seconds(outcome.header.stamp)),
                'last_request': self._answer, 'last_error': self._error}),
            *(Part(f'{camera} camera', OK if health.usable else WARN, health.reason,
                   {'state': health.state.value})
              for camera, health in outcome.health.items()),
            Part('frames', OK, numbers.get('stamps', ''), numbers)]
        self._status.publish(
            diagnostic_array(outcome.header, self._node.get_fully_qualified_name(), parts))


def _target_part(outcome: Outcome, more: dict[str, Any]) -> Part:
    result, state = outcome.result, outcome.state
    level, message = WARN if state is State.LOST else OK, state.value
    if outcome.error:
        level, message = ERROR, f'{state.value}; {outcome.error}'
    values: dict[str, Any] = {
        'state': state.value, 'id': outcome.target_id,
        'mode': outcome.pair.mode if outcome.pair else 'none', 'error': outcome.error,
        'dt_ms': '' if outcome.dt is None else 1000 * outcome.dt}
    if result is not None:
        values.update(
            score=result.score, template_frame=result.template_frame,
            backend_ms=result.backend_ms, track_ms=result.total_ms,
            x=result.box.x, y=result.box.y, w=result.box.w, h=result.box.h)
        if result.crop_box is not None:
            values['fused_region'] = ','.join(f'{side:g}' for side in result.crop_box)
    return Part('target', level, message, {**values, **more})
