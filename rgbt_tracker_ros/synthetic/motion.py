# SPDX-License-Identifier: Apache-2.0
"""How actors walk their paths and how the camera follows, as functions of time."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.synthetic.spec import Actor, ClipSpec
from rgbt_tracker_ros.synthetic.world import World

_STEP = 0.02
_STRIDES = {'person': 0.78, 'animal': 0.9, 'vehicle': 4.65, 'blob': 1.0}
"""Way per cycle of the gait, in own heights."""

_Row = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pose:
    """An actor at one moment: foot point and height in world pixels, gait, direction, depth."""

    foot: tuple[float, float]
    height: float
    phase: float
    side: float
    depth: float


class Walk:
    """The way of one actor."""

    def __init__(self, actor: Actor, duration: float, world: World) -> None:
        """Round the corners of the path and integrate the gait along it."""
        self.actor = actor
        self._times = np.arange(-_STEP, duration + 2 * _STEP, _STEP)
        times, xs, ys = np.array(actor.path, np.float64).T
        self._x = _rounded(np.interp(self._times, times, xs))
        self._y = _rounded(np.interp(self._times, times, ys))
        view_width, view_height = world.view
        heights = actor.size * self._y * view_height
        ground = [world.place(0.0, float(y))[1] for y in self._y]
        across = np.gradient(self._x * view_width) / heights
        away = np.gradient(np.array(ground)) / heights * 2.0
        way = np.hypot(across, away)
        self._phase = 2 * np.pi * np.cumsum(way) / _STRIDES[actor.kind] + actor.look % 7
        # Someone who stands still keeps facing the way that he came.
        facing = across / np.maximum(way, 1e-4) * np.clip(way / 2e-3, 0, 1)
        last = np.maximum.accumulate(np.where(way > 2e-3, np.arange(way.size), 0))
        self._side = _rounded(facing[last])
        self._world = world

    def place(self, time: float) -> tuple[float, float]:
        """Return (x, y) of the actor: view widths and depth."""
        return (float(np.interp(time, self._times, self._x)),
                float(np.interp(time, self._times, self._y)))

    def pose(self, time: float) -> Pose:
        """Return where and how the actor is."""
        x, depth = self.place(time)
        return Pose(
            foot=self._world.place(x, depth),
            height=self.actor.size * depth * self._world.view[1],
            phase=float(np.interp(time, self._times, self._phase)),
            side=float(np.interp(time, self._times, self._side)), depth=depth)


class Camera:
    """A hand-held camera that follows the target with a delay."""

    def __init__(self, spec: ClipSpec, walk: Walk, world: World, rng: np.random.Generator) -> None:
        """Choose the unrest of the hand."""
        self._spec, self._world = spec, world
        self._times = np.arange(0.0, spec.duration + _STEP, _STEP)
        target = np.array([walk.place(float(time))[0] for time in self._times])
        self._x = _rounded(target, 2.4) + 0.1 * np.sin(
            2 * np.pi * self._times / rng.uniform(7, 12) + rng.uniform(0, 6.28))
        self._slow = rng.uniform(0.15, 0.6, (4, 3)), rng.uniform(0, 6.28, (4, 3))
        self._fast = rng.uniform(1.5, 4.5, (4, 3)), rng.uniform(0, 6.28, (4, 3))

    def matrix(self, time: float) -> NDArray[np.float64]:
        """Return the 2 x 3 affine map from world to view pixels."""
        width, height = self._world.view
        shake = self._spec.strength('shake', time)
        unrest = self._spec.sway * (_swing(self._slow, time) + 0.12 * _swing(self._fast, time)) \
            + 0.022 * shake * _swing(self._fast, time)
        x = float(np.interp(time, self._times, self._x)) * width + unrest[0] * height
        x += 0.16 * shake * width * np.sin(2.6 * time)
        y = self._world.rgb.shape[0] * 0.54 + unrest[1] * height
        tilt = float(np.clip(0.8 * unrest[2], -0.05, 0.05))
        margin = 1.5 + height / 2 * abs(np.sin(tilt))
        reach = (width / 2 + margin, height / 2 + 1.5 + width / 2 * abs(np.sin(tilt)))
        x = float(np.clip(x, reach[0], self._world.rgb.shape[1] - reach[0]))
        y = float(np.clip(y, reach[1], self._world.rgb.shape[0] - reach[1]))
        cosine, sine = np.cos(tilt), np.sin(tilt)
        turn = np.array(((cosine, -sine), (sine, cosine)))
        shift = np.array((width / 2, height / 2)) - turn @ (x, y)
        return np.hstack((turn, shift[:, None]))

    def speed(self, time: float) -> tuple[float, float]:
        """Return how fast the image moves, view pixels per second in x and y."""
        centre = np.array((*self._world.place(*self._middle(time)), 1.0))
        after, before = (self.matrix(time + step) @ centre for step in (0.01, -0.01))
        velocity = (after - before) / 0.02
        return float(velocity[0]), float(velocity[1])

    def _middle(self, time: float) -> tuple[float, float]:
        return float(np.interp(time, self._times, self._x)), 0.5


def tilt_of(matrix: NDArray[np.float64]) -> float:
    """Return the turn in a camera's matrix, radians."""
    return float(np.arctan2(matrix[1, 0], matrix[0, 0]))


def _swing(waves: tuple[_Row, _Row], time: float) -> _Row:
    """Return a smooth unrest (x, y, turn) of size about 1."""
    rates, starts = waves
    swings: _Row = np.sin(2 * np.pi * rates * time + starts).sum(axis=0) / 2
    return swings


def _rounded(values: _Row, width: float = 0.4) -> _Row:
    """Return a moving average over `width` seconds, with the ends held."""
    reach = round(width / 2 / _STEP)
    padded = np.pad(values, reach, mode='edge')
    kernel = np.hanning(2 * reach + 3)[1:-1]
    averaged: _Row = np.convolve(padded, kernel / kernel.sum(), mode='valid')
    return averaged
