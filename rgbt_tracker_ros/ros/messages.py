# SPDX-License-Identifier: Apache-2.0
"""The tracker's boxes, stamps and results as ROS messages."""
from __future__ import annotations

from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.result import State, TrackResult

CLASS_ID = 'target'


def stamp_message(value: float) -> Time:
    """Return seconds, not negative, as a stamp."""
    nanoseconds = round(value * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def detection_array(
    header: Header, result: TrackResult | None, target_id: str,
) -> Detection2DArray:
    """Return the result under the header of its image; empty without a tracked target."""
    message = Detection2DArray(header=header)
    if result is None or result.state is not State.TRACKING:
        return message
    detection = Detection2D(header=header, id=target_id)
    detection.bbox.center.position.x = float(result.box.cx)
    detection.bbox.center.position.y = float(result.box.cy)
    detection.bbox.size_x = float(result.box.w)
    detection.bbox.size_y = float(result.box.h)
    hypothesis = ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = CLASS_ID
    hypothesis.hypothesis.score = float(result.score)
    detection.results.append(hypothesis)
    message.detections.append(detection)
    return message


def detection_box(detection: Detection2D) -> Box:
    """Return the box of a detection.

    Raises
    ------
    InputError
        If it is rotated, not finite or has no size.

    """
    center, theta = detection.bbox.center.position, detection.bbox.center.theta
    if abs(theta) > 1e-3:
        raise InputError(f'the box is rotated (bbox.center.theta = {theta:g} rad): give an '
                         'upright one')
    return Box.from_center(
        center.x, center.y, detection.bbox.size_x, detection.bbox.size_y).checked()


def best_detection(detections: Detection2DArray) -> Detection2D | None:
    """Return the detection with the highest score, or None when there is none."""
    return max(detections.detections, key=_score, default=None)


def _score(detection: Detection2D) -> float:
    return max((result.hypothesis.score for result in detection.results), default=0.0)
