# SPDX-License-Identifier: Apache-2.0
"""Four-legged animals, and soft things of no particular kind."""
from __future__ import annotations

import numpy as np

from rgbt_tracker_ros.synthetic.figure import Canvas
from rgbt_tracker_ros.synthetic.textures import fractal_noise

_COATS = np.array(
    ((60, 46, 36), (146, 106, 64), (206, 190, 160), (40, 38, 38), (120, 116, 112)), np.float64)


class Animal:
    """A dog- to deer-like animal; its height is that of the head."""

    half_width = 1.0
    top = 1.12

    def __init__(self, look: int) -> None:
        """Choose coat and proportions."""
        rng = np.random.default_rng((look, 2))
        coat = _COATS[rng.integers(len(_COATS))] * rng.uniform(0.8, 1.2)
        self.palette = np.array((coat, coat * 0.8, coat * rng.uniform(0.6, 1.5), (30, 26, 26)))
        self.warmth = np.array((0.72, 0.9, 1.05, 0.8))
        self._length = rng.uniform(0.5, 0.75)
        self._girth = rng.uniform(0.13, 0.19)
        self._neck = rng.uniform(0.1, 0.22)
        fur = fractal_noise(96, 96, 18, 3, rng, 0.75)
        spots = fractal_noise(96, 96, 7, 2, rng) > rng.uniform(0.55, 1.1)
        self.fabric = ((0.72 + 0.56 * fur) * np.where(spots, 0.6, 1.0))[..., None] \
            * np.ones(3, np.float32)
        self.fabric = self.fabric.astype(np.float32)
        self.pattern = 0.76 + 0.48 * fractal_noise(96, 96, 8, 4, rng, 0.7)

    def draw(self, canvas: Canvas, phase: float, side: float) -> None:
        """Draw a trot: diagonal legs go together."""
        reach = 0.5 * self._length * (0.45 + 0.55 * abs(side))
        back = 0.58 + 0.015 * np.sin(2 * phase)
        for shift, material in ((np.pi, 1), (0.0, 0)):
            for place, turn in ((-reach, 0.0), (reach, np.pi)):
                self._leg(canvas, place + 0.02, back - 0.06, phase + shift + turn, material)
        canvas.limb((-reach - 0.02, back + 0.05), (-reach - 0.22, back + 0.16), 0.035, 0.02, 1)
        canvas.limb((-reach, back), (reach, back + 0.02), self._girth, 1.12 * self._girth, 0)
        head = (reach + self._neck, 0.9)
        canvas.limb((reach + 0.04, back + 0.06), head, 0.1, 0.075, 0)
        canvas.limb(head, (head[0] + 0.14, head[1] - 0.05), 0.08, 0.04, 2)
        canvas.limb((head[0] - 0.03, head[1] + 0.05), (head[0] - 0.06, head[1] + 0.12), 0.03,
                    0.015, 1)
        canvas.ellipse((head[0] + 0.17, head[1] - 0.05), 0.022, 0.02, 3)

    def _leg(
        self, canvas: Canvas, x: float, y: float, phase: float, material: int,
    ) -> None:
        thigh = 0.5 * np.sin(phase)
        shin = thigh - 0.75 * max(0.0, float(np.cos(phase)))
        half = 0.5 * y
        knee = (x + half * np.sin(thigh), y - half * np.cos(thigh))
        foot = (knee[0] + half * np.sin(shin), max(knee[1] - half * np.cos(shin), 0.02))
        canvas.limb((x, y), knee, 0.075, 0.045, material)
        canvas.limb(knee, foot, 0.042, 0.03, material)


class Blob:
    """A lumpy, patterned thing that wobbles: whatever else a target may be."""

    half_width = 1.1
    top = 1.1

    def __init__(self, look: int) -> None:
        """Choose outline, colours and pattern."""
        rng = np.random.default_rng((look, 3))
        self.palette = rng.uniform(30, 230, (3, 3))
        self.warmth = rng.uniform(0.45, 1.1, 3)
        self._aspect = rng.uniform(0.45, 1.7)
        self._lumps = rng.uniform(0, 0.13, 4)
        self._turns = rng.uniform(0, 2 * np.pi, 4)
        self._marks = rng.uniform(-0.22, 0.22, (int(rng.integers(1, 5)), 2))
        grain = fractal_noise(96, 96, rng.uniform(4, 20), 4, rng, 0.7)
        self.fabric = ((0.6 + 0.8 * grain)[..., None] * np.ones(3, np.float32)).astype(np.float32)
        self.pattern = 0.7 + 0.6 * fractal_noise(96, 96, rng.uniform(3, 10), 4, rng, 0.7)

    def draw(self, canvas: Canvas, phase: float, side: float) -> None:
        """Draw the outline with its lumps, then two or more marks."""
        turns = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        radius = np.full_like(turns, 0.42)
        for order, (size, start) in enumerate(zip(self._lumps, self._turns, strict=True), 2):
            radius += 0.42 * size * np.sin(order * turns + start + 0.3 * np.sin(phase))
        width = self._aspect * (0.8 + 0.2 * abs(side))
        outline = [(width * r * np.cos(t), 0.5 + r * np.sin(t))
                   for r, t in zip(radius, turns, strict=True)]
        canvas.polygon(outline, 0, rim=0.75)
        for index, (x, y) in enumerate(self._marks):
            canvas.ellipse((width * x, 0.5 + y), 0.13 * width, 0.1, 1 + index % 2)
