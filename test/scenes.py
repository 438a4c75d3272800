# SPDX-License-Identifier: Apache-2.0
"""Tiny scenes for the mock model: one bright square on a dull, faintly textured ground."""
from __future__ import annotations

import cv2
import numpy as np

from rgbt_tracker_ros import Box, ImagePair

WIDTH, HEIGHT, SIDE = 320, 240, 32


def images(x: float | None, y: float = 100, *, number: int = 0, size: tuple[int, int] = (
        WIDTH, HEIGHT), side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Return RGB and 8-bit thermal images; x None hides the square. Frames differ by noise."""
    rng = np.random.default_rng(number)
    width, height = size
    rgb = rng.integers(90, 111, (height, width, 3), np.uint8)
    thermal = rng.integers(80, 101, (height, width), np.uint8)
    if x is not None:
        corner, end = (round(x), round(y)), (round(x) + side - 1, round(y) + side - 1)
        cv2.rectangle(rgb, corner, end, (230, 225, 235), -1)
        cv2.rectangle(thermal, corner, end, 240, -1)
    return rgb, thermal


def pair(x: float | None, y: float = 100, *, rgb: bool = True, thermal: bool = True,
         number: int = 0) -> ImagePair:
    """Return a pair; one of its cameras may be left out."""
    color, heat = images(x, y, number=number)
    return ImagePair(color if rgb else None, heat if thermal else None, number / 30,
                     size=(WIDTH, HEIGHT))


def box(x: float, y: float = 100) -> Box:
    """Return the square's box."""
    return Box(x, y, SIDE, SIDE)
