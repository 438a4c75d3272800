# SPDX-License-Identifier: Apache-2.0
"""What the node publishes about each frame."""
from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.benchmark.annotation import annotated
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.pipeline import Outcome
from rgbt_tracker_ros.pipeline.report import Level, Part, answer_part, frame_parts
from rgbt_tracker_ros.pipeline.requests import Answer
from rgbt_tracker_ros.pipeline.timing import Stopwatch
from rgbt_tracker_ros.ros.diagnostics import diagnostic_array
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.ros.messages import detection_array
from rgbt_tracker_ros.ros.quality_events import UNWATCHED_PUBLISHER
from rgbt_tracker_ros.tracking.prediction import Prediction

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
        self._detections, self._status, self._annotated, self._fused = (
            node.create_publisher(kind, topic, _DEPTH, event_callbacks=UNWATCHED_PUBLISHER)
            for kind, topic in (
                (Detection2DArray, '~/detections'), (DiagnosticArray, '~/status'),
                (Image, '~/annotated_image'), (Image, '~/fused_image')))
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

    def publish_detections(self, outcome: Outcome) -> None:
        """Publish the target in a frame; it is what others wait for."""
        self._detections.publish(detection_array(
            outcome.header, outcome.result, outcome.target_id, self._predicted(outcome)))

    def publish_more(self, outcome: Outcome, numbers: dict[str, Any], watch: Stopwatch) -> None:
        """Publish what else there is to say about a frame: its status and its images.

        Parameters
        ----------
        outcome
            The frame.
        numbers
            Counters for the status.
        watch
            Laps of the frame, for the status.

        """
        self._publish_status(outcome, numbers, watch)
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
        self._say(answer_part(answer))

    def report_fault(self, error: str) -> None:
        """Say that a frame could not be handled at all."""
        self._error = error
        self._say(Part('fault', Level.ERROR, error, {'error': error}))

    def _predicted(self, outcome: Outcome) -> tuple[Header, Prediction] | None:
        """Return where the target is by now, with the header that says so; None if unknown."""
        if outcome.motion is None:
            return None
        now = self._node.get_clock().now().to_msg()
        prediction = outcome.motion.at(seconds(now))
        if prediction is None:
            return None
        return Header(stamp=now, frame_id=outcome.header.frame_id), prediction

    def _say(self, part: Part) -> None:
        header = Header(stamp=self._node.get_clock().now().to_msg())
        self._status.publish(
            diagnostic_array(header, self._node.get_fully_qualified_name(), [part]))

    def _publish_status(self, outcome: Outcome, numbers: dict[str, Any],
                        watch: Stopwatch) -> None:
        self._error = outcome.error or self._error
        now = seconds(self._node.get_clock().now().to_msg())
        parts = frame_parts(outcome, numbers, {
            'latency_ms': 1000 * (now - seconds(outcome.header.stamp)),
            'last_request': self._answer, 'last_error': self._error, **watch.laps})
        self._status.publish(
            diagnostic_array(outcome.header, self._node.get_fully_qualified_name(), parts))
