# SPDX-License-Identifier: Apache-2.0
"""Walking persons."""
from __future__ import annotations

import numpy as np

from rgbt_tracker_ros.synthetic.figure import Canvas, Point
from rgbt_tracker_ros.synthetic.textures import fractal_noise

_SKIN, _HAIR, _JACKET, _TROUSERS, _SHOES, _BAG, _SLEEVE = range(7)
_CLOTHES = np.array(
    ((168, 38, 40), (36, 62, 120), (46, 48, 54), (206, 200, 188), (58, 88, 60), (202, 150, 44),
     (110, 74, 52), (122, 52, 110), (70, 132, 150), (150, 150, 156)), np.float64)
_TROUSER_COLOURS = np.array(
    ((38, 42, 56), (62, 74, 104), (30, 30, 32), (120, 106, 84), (84, 82, 80)), np.float64)
_SKIN_COLOURS = np.array(((226, 178, 150), (190, 138, 108), (134, 90, 66), (94, 64, 50)))


class Person:
    """A person whose build, clothes and gait come from a seed."""

    half_width = 0.48
    top = 1.06

    def __init__(self, look: int) -> None:
        """Choose build, clothes and what they let through of the body's warmth."""
        rng = np.random.default_rng((look, 1))
        jacket = _CLOTHES[rng.integers(len(_CLOTHES))] * rng.uniform(0.7, 1.15)
        hair = np.array((108, 82, 58)) * rng.uniform(0.2, 1.1)
        shoes = np.array((74, 66, 60)) * rng.uniform(0.3, 1.4)
        self.palette = np.array((
            _SKIN_COLOURS[rng.integers(4)], hair, jacket,
            _TROUSER_COLOURS[rng.integers(5)] * rng.uniform(0.8, 1.2),
            shoes, _CLOTHES[rng.integers(len(_CLOTHES))] * 0.8,
            jacket * rng.uniform(0.75, 1.0)))
        thin = rng.uniform(0.3, 0.65)
        self.warmth = np.array(
            (1.1, 0.8, thin, rng.uniform(0.5, 0.85), 0.35, 0.18, thin + 0.05))
        self._bulk = rng.uniform(0.85, 1.25)
        self._stride = rng.uniform(0.85, 1.15)
        self._bag = rng.random() < 0.4
        self._long_hair = rng.random() < 0.35
        weave = fractal_noise(96, 96, 14, 3, rng, 0.7)
        cloth = np.ones((96, 96, 3), np.float32)
        if rng.random() < 0.4:
            bands = np.arange(96)[:, None] // int(rng.integers(3, 7)) % 2
            rows = slice(18, 50)
            cloth[rows] *= (0.72 + 0.42 * bands[rows])[..., None]
        self.fabric = cloth * (0.8 + 0.4 * weave)[..., None]
        self.pattern = 0.6 + 0.8 * fractal_noise(96, 96, 9, 4, rng, 0.75)

    def draw(self, canvas: Canvas, phase: float, side: float) -> None:
        """Draw far limbs first, so that near ones cover them."""
        lateral = abs(side)
        swing = (0.3 + 0.7 * lateral) * self._stride
        spread = 0.055 * (1 - lateral)
        legs = [_leg(phase + shift, swing) for shift in (np.pi, 0.0)]
        lift = -min(foot[1] - 0.02 for _, foot in legs)
        hips = [(sign * spread, lift) for sign in (-1, 1)]
        shoulder = lift + 0.30
        width = self._bulk * (0.078 + 0.035 * (1 - lateral))
        lean = 0.02 * lateral
        self._arm(canvas, (lean - 1.55 * spread * self._bulk * 1.5, shoulder), phase, swing)
        for (knee, foot), hip in zip(legs, hips, strict=True):
            self._leg(canvas, hip, knee, foot, lateral)
        chest = (lean, shoulder - 0.035)
        canvas.limb((0.0, lift + 0.02), chest, 0.95 * width, 1.05 * width, _JACKET)
        if self._bag:
            canvas.limb((lean - 0.1 * lateral, shoulder - 0.2),
                        (lean - 0.1 * lateral, shoulder - 0.06), 0.06, 0.055, _BAG)
        self._head(canvas, (lean + 0.012, shoulder + 0.135), lateral)
        self._arm(canvas, (lean + 1.55 * spread * self._bulk * 1.5, shoulder), phase + np.pi,
                  swing)

    def _leg(self, canvas: Canvas, hip: Point, knee: Point, foot: Point, lateral: float) -> None:
        at_knee = (hip[0] + knee[0], hip[1] + knee[1])
        at_foot = (hip[0] + foot[0], hip[1] + foot[1])
        canvas.limb(hip, at_knee, 0.07 * self._bulk, 0.046 * self._bulk, _TROUSERS)
        canvas.limb(at_knee, at_foot, 0.045 * self._bulk, 0.03, _TROUSERS)
        toe = (at_foot[0] + 0.075 * (0.3 + 0.7 * lateral), at_foot[1] - 0.004)
        canvas.limb(at_foot, toe, 0.024, 0.018, _SHOES)

    def _arm(self, canvas: Canvas, shoulder: Point, phase: float, swing: float) -> None:
        upper = 0.55 * swing * np.sin(phase)
        lower = upper + 0.25 + 0.2 * swing * (1 + np.sin(phase))
        elbow = (shoulder[0] + 0.155 * np.sin(upper), shoulder[1] - 0.155 * np.cos(upper))
        hand = (elbow[0] + 0.135 * np.sin(lower), elbow[1] - 0.135 * np.cos(lower))
        canvas.limb(shoulder, elbow, 0.042 * self._bulk, 0.034 * self._bulk, _SLEEVE)
        canvas.limb(elbow, hand, 0.033 * self._bulk, 0.025, _SLEEVE)
        canvas.limb(hand, (hand[0] + 0.015, hand[1] - 0.02), 0.022, 0.019, _SKIN)

    def _head(self, canvas: Canvas, centre: Point, lateral: float) -> None:
        x, y = centre
        canvas.limb((x - 0.01, y - 0.11), (x - 0.005, y - 0.04), 0.036, 0.032, _SKIN)
        back = x - 0.012 * lateral
        canvas.ellipse((back, y + 0.006), 0.056, 0.07, _HAIR)
        canvas.ellipse((x + 0.018 * lateral, y - 0.014), 0.041, 0.052, _SKIN)
        if self._long_hair:
            canvas.limb((back - 0.025, y + 0.01), (back - 0.03, y - 0.08), 0.034, 0.026, _HAIR)


def _leg(phase: float, swing: float) -> tuple[Point, Point]:
    """Return knee and foot of a leg, relative to the hip; the knee bends while it swings."""
    thigh = 0.42 * swing * np.sin(phase)
    bend = 0.1 + 0.85 * swing * max(0.0, float(np.cos(phase))) ** 1.5
    shin = thigh - bend
    knee = (0.245 * np.sin(thigh), -0.245 * np.cos(thigh))
    return knee, (knee[0] + 0.235 * np.sin(shin), knee[1] - 0.235 * np.cos(shin))
