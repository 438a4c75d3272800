# SPDX-License-Identifier: Apache-2.0
"""Look-alikes of the target: followed beside it, so that their peaks are not taken for its own."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.mover import Mover

UNSEEN = 1.5
"""What it costs, in log likelihood, that a rival is not seen; its peak must cost less."""

_GROWN = 3
"""Sightings after which a rival is believed in."""

_KEPT_S, _HIDDEN_S, _REMEMBERED_S = 0.35, 1.5, 2.0
_TOUCH = 0.35
_REACH = 0.6
_SIZE_KEPT = 0.5


@dataclass(slots=True, eq=False)
class Rival:
    """A look-alike.

    Attributes
    ----------
    mover
        Its motion.
    seen
        Number of its sightings.
    unseen_s
        Seconds since the newest one, without those in which it was hidden.
    hidden_s
        Seconds that the target and it have been seen as one.

    """

    mover: Mover
    seen: int = 1
    unseen_s: float = 0.0
    hidden_s: float = 0.0

    @property
    def grown(self) -> bool:
        """Return whether it has been seen often enough to be believed in."""
        return self.seen >= _GROWN

    def see(self, box: Box) -> None:
        """Take in its box in the newest image."""
        before = self.mover.box
        self.mover.see(Box.from_center(
            box.cx, box.cy, box.w + _SIZE_KEPT * (before.w - box.w),
            box.h + _SIZE_KEPT * (before.h - box.h)))
        self.seen += 1
        self.unseen_s = self.hidden_s = 0.0

    def may_hide(self, box: Box) -> bool:
        """Return whether it is, or still is, one with what is seen in the box."""
        return self.hidden_s > 0 or touch(self.mover.expected, box)

    def hide(self, box: Box, step: float) -> None:
        """Take in that nothing but `box` was seen where it should be, for `step` seconds more."""
        self.hidden_s += step
        hold(self.mover, box)

    def miss(self, step: float) -> None:
        """Take in that it was not seen for `step` seconds more."""
        self.unseen_s += step

    def is_past(self, lost: bool) -> bool:
        """Return whether to forget it; while the target is lost it is remembered longer."""
        kept = _REMEMBERED_S if lost and self.grown else _KEPT_S if self.grown else 0.0
        return self.unseen_s > kept or self.hidden_s > _HIDDEN_S


Assigned = tuple[Rival, int | None, float]
"""A rival, the index of its box, None where none fits it, and what that costs."""


def assign(rivals: Sequence[Rival], boxes: Sequence[Box], taken: set[int]) -> list[Assigned]:
    """Give rivals the boxes that are not taken, the best fitting pair first."""
    free = [index for index in range(len(boxes)) if index not in taken]
    fits = sorted((cost, number, index) for number, rival in enumerate(rivals) for index in free
                  if (cost := rival.mover.unlike(boxes[index])) <= UNSEEN)
    given: dict[int, tuple[int, float]] = {}
    used: set[int] = set()
    for cost, number, index in fits:
        if number not in given and index not in used:
            given[number] = index, cost
            used.add(index)
    return [(rival, *given.get(number, (None, UNSEEN))) for number, rival in enumerate(rivals)]


def hold(mover: Mover, box: Box) -> None:
    """Keep what is seen as one with the box near it: farther away it would be seen alone."""
    mover.hold(box.cx, box.cy, _REACH * (mover.box.w + box.w) / 2,
               _REACH * (mover.box.h + box.h) / 2)


def touch(first: Box, second: Box) -> bool:
    """Return whether boxes share a good part of the smaller one."""
    width = min(first.x + first.w, second.x + second.w) - max(first.x, second.x)
    height = min(first.y + first.h, second.y + second.h) - max(first.y, second.y)
    smaller = min(first.w * first.h, second.w * second.h)
    return max(width, 0.0) * max(height, 0.0) > _TOUCH * smaller
