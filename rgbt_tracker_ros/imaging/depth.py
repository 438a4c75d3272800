# SPDX-License-Identifier: Apache-2.0
"""Depth as the image of a second sensor, in the form that published RGB-D trackers learned."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError

FARTHEST = 10_000.0
"""Depths are cut here at the latest: 10 m in millimetres."""

MEDIANS = 3.0
"""Depths are cut at this many medians of the image."""


def millimetres(metres: NDArray[np.floating[Any]]) -> NDArray[np.uint16]:
    """Return depths in metres as millimetres; what is unknown (not finite, negative) is 0.

    Depths of 65.535 m and more become 65,535 mm, far beyond what `depth_image` shows.
    """
    known = np.nan_to_num(metres, nan=0.0, posinf=0.0, neginf=0.0)
    top = np.iinfo(np.uint16).max
    return np.asarray(np.rint(np.clip(known, 0.0, top / 1000) * 1000), np.uint16)


def depth_image(depth: NDArray[Any], *, cut: bool = True) -> NDArray[np.uint8]:
    """Show depths (H x W, millimetres) as a colour map, H x W x 3.

    Near is blue, far is red (JET), from the smallest to the largest depth in the image; the
    channels are in OpenCV's order, as published weights saw them. `cut` limits far depths, so
    that one far wall does not take all the colours. Depths that are not finite count as 0, which
    is what depth cameras send where they do not know.

    Raises
    ------
    InputError
        If the image is not H x W.

    """
    if depth.ndim != 2 or depth.size == 0:
        raise InputError(f'a depth image of shape {list(depth.shape)} is not height x width')
    if depth.dtype == np.uint16:
        # Sorting 16-bit integers is quick, and so is a table of the level of each count.
        ordered = np.sort(depth, axis=None)
        counts = np.arange(np.iinfo(np.uint16).max + 1, dtype=np.float64)
        levels = _levels(counts, ordered, cut)[depth]
    else:
        known = np.nan_to_num(depth.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        levels = _levels(known, np.sort(known, axis=None), cut)
    return np.asarray(cv2.applyColorMap(levels, cv2.COLORMAP_JET), np.uint8)


def _levels(depth: NDArray[np.float64], ordered: NDArray[Any], cut: bool) -> NDArray[np.uint8]:
    """Return the 8-bit levels of depths in an image whose depths, in order, are `ordered`."""
    low, high = float(ordered[0]), float(ordered[-1])
    if cut:
        median = (float(ordered[(ordered.size - 1) // 2]) + float(ordered[ordered.size // 2])) / 2
        limit = min(MEDIANS * median, FARTHEST)
        low, high = min(low, limit), min(high, limit)
    scale = 255.0 / (high - low) if high > low else 0.0
    return np.asarray(np.rint((np.clip(depth, low, high) - low) * scale), np.uint8)
