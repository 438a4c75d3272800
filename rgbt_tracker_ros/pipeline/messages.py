# SPDX-License-Identifier: Apache-2.0
"""Results as messages and boxes out of messages, whoever defines the message classes.

rclpy's classes are used for topics and those of `bags.types` for bags, so both say the same.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.pipeline.header import Header
from rgbt_tracker_ros.pipeline.report import Part
from rgbt_tracker_ros.tracking.prediction import Prediction
from rgbt_tracker_ros.tracking.result import State, TrackResult

CLASS_ID, PREDICTED_CLASS_ID = 'target', 'target_predicted'

Maker = Callable[..., Any]


class DetectionTypes(Protocol):
    """Classes of vision_msgs; each takes its fields by name and has a default for every one."""

    Detection2D: Maker
    Detection2DArray: Maker
    ObjectHypothesisWithPose: Maker


class DiagnosticTypes(Protocol):
    """Classes of diagnostic_msgs, likewise."""

    DiagnosticArray: Maker
    DiagnosticStatus: Maker
    KeyValue: Maker


def detection_array(types: DetectionTypes, header: Header, result: TrackResult | None,
                    target_id: str, predicted: tuple[Header, Prediction] | None = None) -> Any:
    """Return the result under the header of its image; empty without a tracked target.

    Parameters
    ----------
    types
        Classes of the messages.
    header
        Header of the image.
    result, target_id
        The target in it.
    predicted
        Where it is by now, with a header that says when that is: it becomes a second detection,
        `<target_id>/predicted`, under this header.

    """
    message = types.Detection2DArray(header=header)
    if result is None or result.state is not State.TRACKING:
        return message
    message.detections.append(
        _detection(types, header, target_id, result.box, CLASS_ID, result.score))
    if predicted is not None:
        message.detections.append(_detection(
            types, predicted[0], f'{target_id}/predicted', predicted[1].box, PREDICTED_CLASS_ID,
            result.score * predicted[1].trust))
    return message


def _detection(types: DetectionTypes, header: Header, name: str, box: Box, class_id: str,
               score: float) -> Any:
    detection = types.Detection2D(header=header, id=name)
    detection.bbox.center.position.x = float(box.cx)
    detection.bbox.center.position.y = float(box.cy)
    detection.bbox.size_x = float(box.w)
    detection.bbox.size_y = float(box.h)
    hypothesis = types.ObjectHypothesisWithPose()
    hypothesis.hypothesis.class_id = class_id
    hypothesis.hypothesis.score = float(score)
    detection.results.append(hypothesis)
    return detection


def diagnostic_array(types: DiagnosticTypes, header: Header, node: str,
                     parts: Sequence[Part]) -> Any:
    """Return the parts of a status as one message.

    Parameters
    ----------
    types
        Classes of the messages.
    header
        Header of the message.
    node
        Full name of the node; it goes before the name of each part.
    parts
        What to say.

    """
    return types.DiagnosticArray(header=header, status=[
        types.DiagnosticStatus(
            level=bytes([part.level]), name=f'{node.lstrip("/")}: {part.name}',
            message=part.message, hardware_id=part.hardware or node,
            values=[types.KeyValue(key=key, value=value) for key, value in part.texts().items()])
        for part in parts])


def detection_box(detection: Any) -> Box:
    """Return the box of a Detection2D.

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


def best_detection(detections: Any) -> Any | None:
    """Return the Detection2D with the highest score of an array, None when there is none."""
    return max(detections.detections, key=_score, default=None)


def _score(detection: Any) -> float:
    return max((result.hypothesis.score for result in detection.results), default=0.0)
