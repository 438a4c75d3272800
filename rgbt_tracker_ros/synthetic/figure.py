# SPDX-License-Identifier: Apache-2.0
"""Drawing of figures: rounded limbs and shapes of materials, smooth edges, three tones each.

A figure is drawn once as a map of labels at OVERSAMPLE times the resolution; a table of colours
then makes the RGB image of it and a table of counts the thermal one, so that both show exactly
the same silhouette.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.synthetic.textures import Field, Image, as_image

OVERSAMPLE = 2
_SHIFT = 4
_SHARES = np.array((1.0, 0.8, 0.5))[:, None, None]
_TONES_LIGHT = (0.74, 0.88, 1.0)
_TONES_HEAT = (0.84, 0.93, 1.0)

Point = tuple[float, float]


def _arc(begin: float, end: float, count: int) -> NDArray[np.float64]:
    turns = np.linspace(begin, end, count)
    return np.stack((np.cos(turns), np.sin(turns)), axis=1)


_CIRCLE = _arc(0, 1.9 * pi, 20)
_CAPS = np.vstack((_arc(0.5 * pi, 1.5 * pi, 8), _arc(-0.5 * pi, 0.5 * pi, 8)))
"""Half circles round the start and the end of a limb that points along x."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A piece of picture to lay over a frame at (left, top).

    Attributes
    ----------
    paint
        h x w x 3 uint8 colours or h x w float32 counts, already multiplied by the cover.
    cover
        h x w uint8 opacity.

    """

    paint: Image | Field
    cover: Image
    left: int
    top: int


class Figure(Protocol):
    """Something that can be drawn; units are its own heights, y upwards from the ground.

    Attributes
    ----------
    palette
        n x 3 colours of its n materials.
    warmth
        Heat of each material, 1 = as hot as the figure gets.
    half_width, top
        Room it needs to each side, and upwards.
    fabric
        Square texture on its surface, float32 about 1, h x w x 3.
    pattern
        The same for heat, h x w.

    """

    palette: NDArray[np.float64]
    warmth: NDArray[np.float64]
    half_width: float
    top: float
    fabric: Field
    pattern: Field

    def draw(self, canvas: Canvas, phase: float, side: float) -> None:
        """Draw at gait `phase` (radians), seen from the `side` (-1 left, 0 front, 1 right)."""


class Canvas:
    """Map of labels for one figure of `scale` pixels height standing at `foot` in the frame."""

    def __init__(
        self, figure: Figure, foot: Point, scale: float, tilt: float, mirror: bool,
    ) -> None:
        """Make room for the figure; `tilt` turns it (radians, clockwise)."""
        slack = 2 + abs(tilt) * figure.top * scale
        self.left = int(np.floor(foot[0] - figure.half_width * scale - slack))
        self.top = int(np.floor(foot[1] - figure.top * scale - slack))
        right = int(np.ceil(foot[0] + figure.half_width * scale + slack))
        bottom = int(np.ceil(foot[1] + 0.06 * scale + slack))
        self.size = (right - self.left, bottom - self.top)
        shape = (self.size[1] * OVERSAMPLE, self.size[0] * OVERSAMPLE)
        self.labels = np.zeros(shape, np.uint8)
        unit = scale * OVERSAMPLE * (1 << _SHIFT)
        flip = -1.0 if mirror else 1.0
        cosine, sine = cos(tilt) * unit, sin(tilt) * unit
        self._axes = np.array(((flip * cosine, flip * sine), (sine, -cosine)))
        self._origin = (np.array(foot) - (self.left, self.top)) * OVERSAMPLE * (1 << _SHIFT)
        self._light = np.array((-0.2 * flip, 0.22))

    def limb(self, start: Point, end: Point, r0: float, r1: float, material: int) -> None:
        """Draw a rounded limb that tapers from radius r0 at `start` to r1 at `end`."""
        x, y = end[0] - start[0], end[1] - start[1]
        length = max(hypot(x, y), 1e-9)
        turn = np.array(((x, y), (-y, x))) / length
        ends = np.repeat(np.array((start, end)), len(_CAPS) // 2, axis=0)
        round_ends = (_CAPS @ turn) * np.repeat((r0, r1), len(_CAPS) // 2)[:, None]
        lit = (1 - _SHARES) * min(r0, r1) * self._light
        self._fill(ends + lit + _SHARES * round_ends, material)

    def ellipse(self, centre: Point, rx: float, ry: float, material: int) -> None:
        """Draw an ellipse."""
        self._fill_lit(_CIRCLE * (rx, ry) + centre, material, 0.75)

    def polygon(self, points: Sequence[Point], material: int, *, rim: float = 0.75) -> None:
        """Draw a filled shape; the middle, `rim` of its size, is lit."""
        self._fill_lit(np.array(points), material, rim)

    def _fill_lit(self, outline: NDArray[np.float64], material: int, rim: float) -> None:
        shares = np.array((1.0, (1 + rim) / 2, rim))[:, None, None]
        middle = outline.mean(axis=0)
        spread = outline - middle
        lit = (1 - shares) * 0.6 * self._light * np.abs(spread).max(axis=0)
        self._fill(middle + lit + shares * spread, material)

    def _fill(self, outlines: NDArray[np.float64], material: int) -> None:
        """Fill one outline (n x 2) per tone, the darkest first."""
        pixels = np.rint(outlines @ self._axes + self._origin).astype(np.int32)
        for tone, outline in enumerate(pixels):
            cv2.fillPoly(self.labels, [outline], len(_SHARES) * material + tone + 1,
                         shift=_SHIFT)


def _table(values: NDArray[np.float64], tones: Sequence[float]) -> NDArray[np.float64]:
    """Return the value of each label: a material's value times that of the tone."""
    table = np.zeros((256, *values.shape[1:]))
    for tone, factor in enumerate(tones):
        table[tone + 1:len(values) * len(tones) + 1:len(tones)] = values * factor
    return table


def colour_patch(figure: Figure, canvas: Canvas, cover: Image) -> Patch:
    """Return the figure as the RGB camera sees it, in full light."""
    table = np.clip(_table(figure.palette, _TONES_LIGHT), 0, 255).astype(np.uint8)[:, None]
    paint = cv2.resize(
        cv2.LUT(cv2.merge([canvas.labels] * 3), table), canvas.size, interpolation=cv2.INTER_AREA)
    woven = cv2.multiply(paint, cv2.resize(figure.fabric, canvas.size), dtype=cv2.CV_8U)
    return Patch(as_image(woven), cover, canvas.left, canvas.top)


def heat_patch(figure: Figure, canvas: Canvas, cover: Image, heat: float) -> Patch:
    """Return the figure as the thermal camera sees it: counts over the ambient."""
    table = (_table(figure.warmth, _TONES_HEAT) * heat).astype(np.float32)
    paint = cv2.resize(
        cv2.LUT(canvas.labels, table), canvas.size, interpolation=cv2.INTER_AREA)
    woven = paint * cv2.resize(figure.pattern, canvas.size)
    return Patch(np.asarray(woven, np.float32), cover, canvas.left, canvas.top)


def cover_of(canvas: Canvas) -> Image:
    """Return the opacity of a drawn canvas, 0..255, at the resolution of the frame."""
    _, solid = cv2.threshold(canvas.labels, 0, 255, cv2.THRESH_BINARY)
    return as_image(cv2.resize(solid, canvas.size, interpolation=cv2.INTER_AREA))
