# SPDX-License-Identifier: Apache-2.0
"""Where the target is by now: its motion carried on from the newest image.

A Kalman filter of constant velocity follows the centre of the box, in units of the target's size
and in seconds, so that it serves near and far targets and irregular frames alike. Predictions
start from the measured box, not from the filter's. They differ from it by the velocity, which is

- shrunk by v^2 / (v^2 + its variance): a target that stands still, or is only just known, is left
  where it is;
- damped with a time constant of 0.3 s: people and cameras do not go on for ever.

The size stays as measured: predicting it, too, made boxes worse on real tracks.
"""
from __future__ import annotations

from dataclasses import dataclass
import math
from typing import NamedTuple

from rgbt_tracker_ros.imaging.box import MIN_SIDE, Box
from rgbt_tracker_ros.imaging.crops import clip_box
from rgbt_tracker_ros.tracking.kalman import ConstantVelocity

HORIZON_S = 0.5
"""Longest time that is predicted; older images tell nothing about now."""

_LONGEST_GAP_S = 0.5
"""After a longer time without a box nothing is known about the velocity."""

_DAMPING_S = 0.3
_MEASUREMENT = 0.06
"""Deviation of a measured centre, target sizes."""

_AGILITY = 0.15
"""Spectral density of the acceleration, squared target sizes per cubic second."""

_FIRST_SPEED = 1.0
"""Deviation of the unknown speed at the start, target sizes per second."""

_LEAP = 1.0
"""A centre that far from where it was expected, in target sizes, is a new beginning."""


class Prediction(NamedTuple):
    """A predicted box inside the image, and how much it is trusted: 1 at once, 0.5 at the end."""

    box: Box
    trust: float


@dataclass(frozen=True, slots=True)
class Motion:
    """A target on its way.

    Attributes
    ----------
    stamp
        Of the image in which the box was measured, seconds.
    box
        Pixels of the RGB image.
    vx, vy
        Velocity of its centre, pixels per second.
    view
        (width, height) of the image.

    """

    stamp: float
    box: Box
    vx: float
    vy: float
    view: tuple[int, int]

    def at(self, now: float) -> Prediction | None:
        """Return the box at a time, None before the image or more than `HORIZON_S` after it."""
        age = now - self.stamp
        if not 0.0 <= age <= HORIZON_S:
            return None
        way = _DAMPING_S * (1.0 - math.exp(-age / _DAMPING_S))
        moved = Box(self.box.x + self.vx * way, self.box.y + self.vy * way,
                    self.box.w, self.box.h)
        return Prediction(clip_box(moved, *self.view, margin=MIN_SIDE), 0.5 ** (age / HORIZON_S))


class MotionModel:
    """Learns the target's motion from its boxes."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the target."""
        self._newest: tuple[float, Box, tuple[int, int]] | None = None
        self._begin(0.0, 0.0)

    def _begin(self, x: float, y: float) -> None:
        self._filter = ConstantVelocity(x, y, _MEASUREMENT ** 2, _FIRST_SPEED ** 2)

    def update(self, stamp: float, box: Box, view: tuple[int, int]) -> None:
        """Take in a measured box.

        Parameters
        ----------
        stamp
            Of its image, seconds; one that goes back or leaps ahead begins anew.
        box
            Finite, with positive sides, pixels.
        view
            (width, height) of the image; another size begins anew.

        """
        before, self._newest = self._newest, (stamp, box, view)
        if before is None or not 0.0 < stamp - before[0] <= _LONGEST_GAP_S or before[2] != view:
            self._begin(box.cx, box.cy)
            return
        self._filter.carry_on(stamp - before[0], _AGILITY)
        away = math.hypot(box.cx - self._filter.x, box.cy - self._filter.y)
        if away > _LEAP * _size(box):
            self._begin(box.cx, box.cy)
            return
        self._filter.correct(box.cx, box.cy, _MEASUREMENT ** 2)

    @property
    def motion(self) -> Motion | None:
        """Return the motion at the newest box, None before one."""
        if self._newest is None:
            return None
        stamp, box, view = self._newest
        variance = self._filter.speed * _size(box) ** 2
        return Motion(stamp, box, _shrunk(self._filter.vx, variance),
                      _shrunk(self._filter.vy, variance), view)


def _size(box: Box) -> float:
    return math.sqrt(box.w * box.h)


def _shrunk(speed: float, variance: float) -> float:
    return speed * speed ** 2 / (speed ** 2 + variance)
