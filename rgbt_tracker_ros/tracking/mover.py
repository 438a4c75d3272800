# SPDX-License-Identifier: Apache-2.0
"""Something that moves: where it is expected, and how likely it is to be somewhere else.

How far from the expected place it may be is learned from how far it was: a steady walker is held
to its way, while shaking, few frames per second or a quick turn widen what is believed. It starts
wide.
"""
from __future__ import annotations

import copy
import math

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.kalman import ConstantVelocity

_MEASUREMENT = 0.05
"""Deviation of a measured centre, target sizes."""

_AGILITY = 2.25
"""Spectral density of a calm target's acceleration, squared sizes per cubic second."""

_FIRST_SPEED = 1.5
"""Deviation of the unknown speed at the start, sizes per second."""

_FIRST_SURPRISE = 0.4
_SURPRISE_MEMORY = 0.8
_LARGEST_SURPRISE = 2.0

_LEAST_DEVIATION, _LARGEST_DEVIATION = 0.12, 0.35
"""Bounds of how far from its place it is expected to be, sizes."""

_DAMPING_S = 2.0
_TAIL = 4.0
"""Degrees of freedom of Student's distribution: leaps are unlikely, not impossible."""

_SHAPE = 0.4
"""Deviation of the logarithm of a size."""


class Mover:
    """The motion of one thing, from its boxes.

    Attributes
    ----------
    box
        Its newest box; the place is old when it has not been seen since.

    """

    def __init__(self, box: Box) -> None:
        self.box = box
        self._filter = ConstantVelocity(box.cx, box.cy, _MEASUREMENT ** 2, _FIRST_SPEED ** 2)
        self._surprise = _FIRST_SURPRISE

    def copy(self) -> Mover:
        """Return another one that goes its own way from here."""
        other = copy.copy(self)
        other._filter = copy.copy(self._filter)
        return other

    @property
    def expected(self) -> Box:
        """Return where it is expected, with the size of its newest box."""
        return Box.from_center(self._filter.x, self._filter.y, self.box.w, self.box.h)

    def carry_on(self, step: float, damping: float = _DAMPING_S) -> None:
        """Let some seconds pass; its speed fades with the time constant `damping`."""
        unsteady = max(1.0, self._surprise / (2 * _MEASUREMENT))
        self._filter.carry_on(step, _AGILITY * unsteady ** 2)
        fade = math.exp(-step / damping)
        self._filter.vx *= fade
        self._filter.vy *= fade

    def see(self, box: Box) -> None:
        """Take in its box in the newest image."""
        distance = min(self._distance(box), _LARGEST_SURPRISE)
        self._surprise = math.sqrt(_SURPRISE_MEMORY * self._surprise ** 2
                                   + (1 - _SURPRISE_MEMORY) * distance ** 2)
        self._filter.correct(box.cx, box.cy, _MEASUREMENT ** 2)
        self.box = box

    def hold(self, x: float, y: float, width: float, height: float) -> None:
        """Keep the expected centre within a distance, pixels, of a point along each axis."""
        self._filter.x = min(max(self._filter.x, x - width), x + width)
        self._filter.y = min(max(self._filter.y, y - height), y + height)

    def unlikely(self, box: Box) -> float:
        """Return how unlikely its centre is there: minus the log likelihood, 0 where expected."""
        deviation = math.sqrt(self._filter.place + _MEASUREMENT ** 2 + self._surprise ** 2)
        deviation = min(max(deviation, _LEAST_DEVIATION), _LARGEST_DEVIATION)
        return 0.5 * _TAIL * math.log1p((self._distance(box) / deviation) ** 2 / _TAIL)

    def unlike(self, box: Box) -> float:
        """Return how unlikely its centre and its size are those of the box."""
        ratio = math.log(box.w * box.h / (self.box.w * self.box.h)) / 2
        return self.unlikely(box) + 0.5 * (ratio / _SHAPE) ** 2

    def _distance(self, box: Box) -> float:
        """Return the distance of a box's centre from where it is expected, in own sizes."""
        away = math.hypot(box.cx - self._filter.x, box.cy - self._filter.y)
        return away / math.sqrt(self.box.w * self.box.h)
