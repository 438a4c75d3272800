# SPDX-License-Identifier: Apache-2.0
"""Cars and vans, seen from the side."""
from __future__ import annotations

import numpy as np

from rgbt_tracker_ros.synthetic.figure import Canvas
from rgbt_tracker_ros.synthetic.textures import fractal_noise

_BODY, _GLASS, _TYRE, _RIM, _BONNET, _LAMP, _EXHAUST, _SILL = range(8)
_PAINTS = np.array(
    ((150, 28, 30), (30, 60, 120), (200, 200, 204), (52, 54, 58), (120, 126, 130), (220, 216, 206),
     (48, 92, 74)), np.float64)


class Vehicle:
    """A saloon, estate or van."""

    half_width = 1.75
    top = 1.06

    def __init__(self, look: int) -> None:
        """Choose shape and paint."""
        rng = np.random.default_rng((look, 4))
        paint = _PAINTS[rng.integers(len(_PAINTS))] * rng.uniform(0.8, 1.1)
        self.palette = np.array((
            paint, rng.uniform((40, 52, 62), (84, 100, 112)), (28, 28, 30), (150, 152, 156),
            paint * 1.06, (240, 226, 170), (40, 40, 40), paint * 0.55))
        # The engine and the tyres are hot, glass mirrors the cold sky.
        self.warmth = np.array((0.34, -0.1, 0.85, 0.7, rng.uniform(0.6, 1.2), 0.5, 1.3, 0.5))
        self._length = rng.uniform(1.25, 1.6)
        self._van = rng.random() < 0.3
        gloss = np.linspace(1.18, 0.82, 96, dtype=np.float32)[:, None]
        dirt = fractal_noise(96, 96, 6, 4, rng)
        self.fabric = ((gloss * (0.92 + 0.16 * dirt))[..., None]
                       * np.ones(3, np.float32)).astype(np.float32)
        self.pattern = 0.82 + 0.36 * fractal_noise(96, 96, 5, 4, rng, 0.65)

    def draw(self, canvas: Canvas, phase: float, side: float) -> None:
        """Draw body, glass and turning wheels; `side` only chooses the direction."""
        end = self._length
        roof = 0.96
        rear = -0.92 * end if self._van else -0.62 * end
        canvas.polygon(((-end, 0.2), (end, 0.2), (end, 0.42), (0.92 * end, 0.52),
                        (0.42 * end, 0.58), (-0.92 * end, 0.6), (-end, 0.5)), _BODY, rim=0.9)
        canvas.polygon(((rear - 0.2, 0.56), (0.5 * end, 0.56), (0.2 * end, roof), (rear, roof)),
                       _BODY, rim=0.93)
        middle = (rear + 0.2 * end) / 2
        for left, right, slope in ((rear - 0.08, middle - 0.04, 0.1),
                                   (middle + 0.04, 0.38 * end, -0.22)):
            tops = ((left + max(slope, 0.0), roof - 0.07), (right + min(slope, 0.0), roof - 0.07))
            canvas.polygon(((left, 0.6), (right, 0.6), tops[1], tops[0]), _GLASS, rim=0.9)
        canvas.polygon(((0.48 * end, 0.5), (0.93 * end, 0.45), (0.9 * end, 0.52),
                        (0.46 * end, 0.57)), _BONNET)
        canvas.polygon(((-end, 0.2), (end, 0.2), (end, 0.26), (-end, 0.26)), _SILL)
        canvas.ellipse((0.96 * end, 0.42), 0.04, 0.05, _LAMP)
        canvas.ellipse((-0.97 * end, 0.17), 0.05, 0.03, _EXHAUST)
        for x in (-0.62 * end, 0.6 * end):
            canvas.ellipse((x, 0.18), 0.185, 0.185, _TYRE)
            canvas.ellipse((x, 0.18), 0.105, 0.105, _RIM)
            for spoke in range(3):
                turn = -4.0 * phase + spoke * np.pi / 3
                across = (0.1 * np.cos(turn), 0.1 * np.sin(turn))
                canvas.limb((x - across[0], 0.18 - across[1]), (x + across[0], 0.18 + across[1]),
                            0.014, 0.014, _TYRE)
