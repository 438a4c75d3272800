# SPDX-License-Identifier: Apache-2.0
"""The tracker's boxes, stamps and results as ROS messages."""
from __future__ import annotations

from builtin_interfaces.msg import Time
from std_msgs.msg import Header
from vision_msgs import msg as vision_msgs
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.pipeline import messages
from rgbt_tracker_ros.tracking.prediction import Prediction
from rgbt_tracker_ros.tracking.result import TrackResult


def stamp_message(value: float) -> Time:
    """Return seconds, not negative, as a stamp."""
    nanoseconds = round(value * 1e9)
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def detection_array(
    header: Header, result: TrackResult | None, target_id: str,
    predicted: tuple[Header, Prediction] | None = None,
) -> Detection2DArray:
    """Return the result under the header of its image; empty without a tracked target."""
    return messages.detection_array(vision_msgs, header, result, target_id, predicted)
