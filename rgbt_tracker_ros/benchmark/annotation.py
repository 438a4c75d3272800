# SPDX-License-Identifier: Apache-2.0
"""The image with the target drawn into it."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.overlay import (
    GREEN,
    GREY,
    RED,
    draw_box,
    draw_label,
    in_color,
    in_rgb_frame,
)
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.tracking.result import State, TrackResult


def annotated(pair: ImagePair, result: TrackResult | None, target_id: str) -> NDArray[np.uint8]:
    """Return a copy of the RGB image (else the thermal one) with box, state and score."""
    image = _background(pair)
    if result is None:
        draw_label(image, f'idle, {pair.mode}', (0, 0), GREY)
        return image
    lost = result.state is State.LOST
    draw_box(image, result.box, lost)
    draw_label(image, f'target {target_id}: {result.state.value} {result.score:.2f}, {pair.mode}',
               (0, 0), RED if lost else GREEN)
    return image


def _background(pair: ImagePair) -> NDArray[np.uint8]:
    if pair.rgb is not None:
        return np.array(pair.rgb)
    assert pair.thermal is not None
    thermal = in_rgb_frame(pair.thermal, (pair.width, pair.height), pair.thermal_to_rgb)
    return np.array(in_color(thermal), order='C')
