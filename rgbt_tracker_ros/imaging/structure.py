# SPDX-License-Identifier: Apache-2.0
"""What RGB and thermal images of one scene have in common: where edges run, not how bright.

A warm wall before a cold sky may be bright in one image and dark in the other, but its edge has
one place and one direction. Each pixel becomes a vector of twice the angle of its gradient, so
that opposite contrasts are equal, with a length of 0 (flat) to 1 (edge).
"""
from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_BLUR = 1.2
"""Standard deviation of the smoothing before and after the gradient is taken, pixels."""

_EDGE = 3.0
"""Gradients over so many times the median one are edges."""

_NEIGHBOURHOOD = 1 / 16
"""Window, in image sides, over which gradients are compared: shade has edges, too."""


@dataclass(frozen=True)
class Structure:
    """Edge directions of one image.

    Attributes
    ----------
    vectors
        H x W x 2: length times cosine and sine of twice the gradient's angle.
    valid
        H x W, 1 where the image shows the scene and 0 elsewhere.

    """

    vectors: Vectors
    valid: NDArray[np.float32]


def structure(grey: NDArray[np.uint8], valid: NDArray[np.uint8] | None = None) -> Structure:
    """Return the edge directions of an image.

    Parameters
    ----------
    grey
        H x W uint8.
    valid
        H x W, not 0 where the image shows the scene; None = everywhere.

    """
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _BLUR)
    gx, gy = cv2.Scharr(smooth, cv2.CV_32F, 1, 0), cv2.Scharr(smooth, cv2.CV_32F, 0, 1)
    squared = gx * gx + gy * gy
    if valid is None:
        inside: NDArray[np.float32] = np.ones(grey.shape, np.float32)
    else:
        # The border of what is shown is an edge that is not in the scene.
        reach = 2 * int(np.ceil(3 * _BLUR)) + 3
        inside = np.asarray(cv2.erode((valid > 0).astype(np.float32), np.ones((reach, reach)),
                                      borderType=cv2.BORDER_REPLICATE), np.float32)
    side = max(int(max(grey.shape) * _NEIGHBOURHOOD), 3)
    share = cv2.blur(inside, (side, side)) + 1e-3
    typical = cv2.blur(squared * inside, (side, side)) / share
    shown = squared[inside > 0]
    flat = float(np.median(shown)) if shown.size else 0.0
    # Twice the angle: cos 2a = (gx^2 - gy^2) / |g|^2, sin 2a = 2 gx gy / |g|^2.
    weight = inside / (squared + typical + _EDGE * flat + 1e-6)
    vectors = np.dstack(((gx * gx - gy * gy) * weight, 2 * gx * gy * weight))
    return Structure(np.asarray(cv2.GaussianBlur(vectors, (0, 0), _BLUR), np.float32), inside)


def moved_structure(grey: NDArray[np.uint8], place: NDArray[np.float64],
                    size: tuple[int, int]) -> Structure:
    """Return the edge directions of an image where another view shows them.

    Parameters
    ----------
    grey
        H x W uint8.
    place
        3 x 3 homography from its pixels to those of the other view.
    size
        (width, height) of the other view.

    """
    center = place @ (grey.shape[1] / 2, grey.shape[0] / 2, 1)
    area = abs(np.linalg.det(place)) / max(abs(center[2]), 1e-9) ** 3
    shrink = math.sqrt(max(area, 1e-6))
    if shrink < 1:                              # or fine patterns would become coarse ones
        grey = np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.4 / shrink), np.uint8)
    shown = cv2.warpPerspective(np.full(grey.shape, 255, np.uint8), place, size)
    return structure(np.asarray(cv2.warpPerspective(grey, place, size), np.uint8),
                     np.asarray(shown > 254, np.uint8))


def agreement(first: Structure, second: Structure) -> tuple[float, float]:
    """Return how well two structures agree where both are valid, -1..1, and on what share."""
    both = first.valid * second.valid
    share = float(both.mean())
    if share == 0:
        return 0.0, 0.0
    product, energy, other = (
        float(np.sum((a * b).sum(axis=2) * both))
        for a, b in ((first.vectors, second.vectors), (first.vectors, first.vectors),
                     (second.vectors, second.vectors)))
    return product / max((energy * other) ** 0.5, 1e-9), share
