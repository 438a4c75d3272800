# SPDX-License-Identifier: Apache-2.0
"""Axis-aligned boxes in pixels of the RGB image."""
from __future__ import annotations

import math
from typing import NamedTuple

from rgbt_tracker_ros.errors import InputError

MIN_SIDE = 2.0


class Box(NamedTuple):
    """Box with its top-left corner at (x, y), in pixels; the origin is the image's top-left."""

    x: float
    y: float
    w: float
    h: float

    @property
    def cx(self) -> float:
        """Return the centre's x."""
        return self.x + self.w / 2

    @property
    def cy(self) -> float:
        """Return the centre's y."""
        return self.y + self.h / 2

    @classmethod
    def from_center(cls, cx: float, cy: float, w: float, h: float) -> Box:
        """Make a box from its centre and size."""
        return cls(cx - w / 2, cy - h / 2, w, h)

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read `x,y,w,h`.

        Raises
        ------
        InputError
            If the text is not four finite numbers with a positive size.

        """
        try:
            numbers = [float(part) for part in text.replace(',', ' ').split()]
        except ValueError:
            numbers = []
        if len(numbers) != 4:
            raise InputError(f'box {text!r} is not x,y,w,h: give four numbers in pixels')
        return cls(*numbers).checked()

    def checked(self) -> Box:
        """Return the box, or raise InputError unless it is finite with a positive size."""
        if not all(math.isfinite(value) for value in self):
            raise InputError(f'box {tuple(self)} is not finite: give x,y,w,h in pixels')
        if self.w < MIN_SIDE or self.h < MIN_SIDE:
            raise InputError(
                f'box {tuple(self)} has a side under {MIN_SIDE:g} px: give x,y,w,h in pixels'
            )
        return self

    def inside(self, width: int, height: int) -> Box:
        """Return the part inside an image of width x height, or raise InputError when none is."""
        self.checked()
        left, top = max(self.x, 0.0), max(self.y, 0.0)
        right, bottom = min(self.x + self.w, width), min(self.y + self.h, height)
        if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
            raise InputError(
                f'box {tuple(self)} lies outside the {width}x{height} image: '
                'give pixels of the RGB image'
            )
        return Box(left, top, right - left, bottom - top)

    def iou(self, other: Box) -> float:
        """Return the intersection over union with another box, 0..1."""
        width = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        height = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        overlap = max(width, 0.0) * max(height, 0.0)
        union = self.w * self.h + other.w * other.h - overlap
        return overlap / union if union > 0 else 0.0
