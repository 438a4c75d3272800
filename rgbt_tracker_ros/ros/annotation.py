# SPDX-License-Identifier: Apache-2.0
"""The image with the target drawn into it."""
from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.tracking.result import State, TrackResult

_COLOURS = {State.IDLE: (200, 200, 200), State.TRACKING: (60, 220, 60), State.LOST: (240, 90, 40)}


def annotated(pair: ImagePair, result: TrackResult | None, target_id: str) -> NDArray[np.uint8]:
    """Return a copy of the RGB image (else the thermal one) with box, score and state.

    Boxes are in RGB pixels, so a thermal image is first brought to the size of the RGB image.
    """
    image = _background(pair)
    state = State.IDLE if result is None else result.state
    colour = _COLOURS[state]
    thickness = max(round(pair.height / 240), 1)
    words = f'{state.value} {pair.mode}'
    if result is not None:
        words = f'{target_id}: {words} {result.score:.2f}'
        if state is State.TRACKING:
            left, top, right, bottom = (round(value) for value in (
                result.box.x, result.box.y, result.box.x + result.box.w,
                result.box.y + result.box.h))
            cv2.rectangle(image, (left, top), (right, bottom), colour, thickness)
    scale = pair.height / 720 + 0.2
    corner = (4 * thickness, round(30 * scale) + 2 * thickness)
    for shade, width in (((0, 0, 0), 2 * thickness + 1), (colour, thickness)):
        cv2.putText(image, words, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, shade, width,
                    cv2.LINE_AA)
    return image


def _background(pair: ImagePair) -> NDArray[np.uint8]:
    if pair.rgb is not None:
        return pair.rgb.copy()
    assert pair.thermal is not None
    size = (pair.width, pair.height)
    thermal = pair.thermal
    if pair.thermal_to_rgb is not None:
        thermal = cv2.warpPerspective(thermal, pair.thermal_to_rgb, size).astype(np.uint8)
    elif (thermal.shape[1], thermal.shape[0]) != size:
        thermal = cv2.resize(thermal, size).astype(np.uint8)
    grey: NDArray[np.uint8] = np.stack([thermal] * 3, axis=2)
    return grey
