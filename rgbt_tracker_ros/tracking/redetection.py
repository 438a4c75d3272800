# SPDX-License-Identifier: Apache-2.0
"""Where to look for a lost target: around its last place, ever wider, and over the whole image."""
from __future__ import annotations

from dataclasses import dataclass
import math

from rgbt_tracker_ros.imaging.box import Box

_GROWTH_STEP = 1.15
_LARGEST_GROWTH = 2.0
_FRAMES_PER_STEP = 3

_REACH, _PACE, _DRIFT = 0.7, 0.02, 40
"""How far a target may be from where it was lost, in target sizes; by how much more with each
frame, besides half of its own speed; and the frames after which an unknown change of course adds
one size more (it grows with the square of time)."""
_SPEED_MEMORY = 0.9


@dataclass(frozen=True, slots=True)
class Look:
    """One search region: that of `box`, with its side multiplied by `growth`."""

    box: Box
    growth: float


class Redetection:
    """Plans the looks for a lost target, two a frame at most.

    The first look is around the last box; every other time it widens, step by step up to twice
    the search region, in which the target looks half as large. The second one goes over the image
    in overlapping tiles of the search region's size, nearest first, round and round, so that the
    cost of a frame stays bounded.
    """

    def __init__(self) -> None:
        self._frames = 0
        self._looks = 0
        self._speed = 0.0
        self._tiles: list[Look] = []

    def forget(self) -> None:
        """Begin with another target."""
        self.reset()
        self._speed = 0.0

    def reset(self) -> None:
        """Begin anew: the target is not lost, or the image is another one."""
        self._frames = 0
        self._tiles = []

    def count(self) -> None:
        """Let one frame pass with the target lost, whether or not it is looked for in it."""
        self._frames += 1

    def note_motion(self, before: Box, after: Box) -> None:
        """Take in how far a tracked target moved in one frame."""
        self._speed = _SPEED_MEMORY * self._speed + (1 - _SPEED_MEMORY) * _distance(before, after)

    def plausibility(self, last: Box, found: Box) -> float:
        """Return, 0..1, how likely a target lost at `last` has come to `found` by now.

        The farther away and the sooner, the better a sighting must look: what is seen at once and
        far off is another one of its kind. In time every place becomes as good as any.
        """
        frames = self._frames
        reach = _REACH + frames * (_PACE + self._speed / 2) + (frames / _DRIFT) ** 2
        return math.exp(-(_distance(last, found) / reach) ** 2 / 2)

    def plan(self, last: Box, factor: float, width: int, height: int) -> list[Look]:
        """Return the looks of a frame.

        Parameters
        ----------
        last
            Last good box of the target, in pixels.
        factor
            Side of a search region over the target's size.
        width, height
            Image size, pixels.

        """
        if not self._tiles:
            self._tiles = tiles(last, factor, width, height)
            self._looks = 0
        growth = min(_GROWTH_STEP ** (max(self._frames - 1, 0) // _FRAMES_PER_STEP),
                     _LARGEST_GROWTH)
        looks = [Look(last, growth if self._frames % 2 else 1.0)]
        # A single tile shows what the look around the last box shows.
        if len(self._tiles) > 1:
            looks.append(self._tiles[self._looks % len(self._tiles)])
        self._looks += 1
        return looks


def _distance(first: Box, second: Box) -> float:
    """Return the distance of the centres in sizes of the first box."""
    distance = math.hypot(first.cx - second.cx, first.cy - second.cy)
    return distance / math.sqrt(first.w * first.h)


def tiles(last: Box, factor: float, width: int, height: int) -> list[Look]:
    """Return looks that together cover the image, nearest to the last box first.

    Neighbours overlap by half, so that a target of the expected size lies wholly in one of them.
    """
    side = math.sqrt(last.w * last.h) * factor
    centers = [(x, y) for y in _centers(side, height) for x in _centers(side, width)]
    centers.sort(key=lambda point: math.hypot(point[0] - last.cx, point[1] - last.cy))
    return [Look(Box.from_center(x, y, last.w, last.h), 1.0) for x, y in centers]


def _centers(side: float, length: int) -> list[float]:
    if side >= length:
        return [length / 2]
    steps = math.ceil((length - side) / (side / 2))
    return [side / 2 + (length - side) * index / steps for index in range(steps + 1)]
