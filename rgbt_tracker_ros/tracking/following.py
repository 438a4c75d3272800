# SPDX-License-Identifier: Apache-2.0
"""Which peak is the target: by its looks, by its way, and by the ways of its rivals.

The other peaks of the score map are followed as rivals. In each image all peaks are given to the
target and its rivals together, as fits best: a look-alike that stands where a rival is expected
is the rival, however well it looks, and where only rivals are seen the target is hidden. Where
the target meets a rival and one peak is left of them, they are *one*: that peak is published, but
target and rival are carried on as they came, and when two peaks show again, motion and looks
decide which of them is the target.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import NamedTuple

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.settings import TargetSettings
from rgbt_tracker_ros.tracking.mover import Mover
from rgbt_tracker_ros.tracking.rivals import Assigned, Rival, assign, hold, touch

_FRAME_S, _LONGEST_GAP_S = 1 / 30, 0.5
"""Assumed between frames whose stamps do not rise, or rise by more than that."""

_LOOKS, _LOOKS_AS_ONE = 1.0, 0.7
"""Weight of the log score; less after target and rival were one, since it may be of either."""

_FLOOR = 0.02
_RIVAL_PEAK = 0.1
"""Least raw score of a peak for a rival."""

_MOST_RIVALS = 8

_UNSEEN = 3.0
"""What it costs, in log likelihood, that the target is not seen while a rival is."""

_LOST_DAMPING_S = 0.6
_BELIEVED_S = 1.2
"""Rivals of a lost target are told from it for so long."""


@dataclass(frozen=True, slots=True)
class Found:
    """A peak: box in image pixels, calibrated score, raw score; both 0..1."""

    box: Box
    score: float
    raw: float


class Choice(NamedTuple):
    """The peak that is the target, and whether a rival is one with it in this image.

    No peak is the target's when there are only those of rivals.
    """

    peak: int | None
    as_one: bool


class Following:
    """Follows a target and its rivals from image to image."""

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings
        self.start(Box(0, 0, 1, 1), 0.0)

    def start(self, box: Box, stamp: float) -> None:
        """Begin with a target in a box, in the image of `stamp` seconds."""
        self._stamp = stamp
        self._step = _FRAME_S
        self._target = Mover(box)
        self._before: Mover | None = None
        self._rivals: list[Rival] = []
        self._lost_s = 0.0

    @property
    def expected(self) -> Box:
        """Return where the target is expected, with the size that it had."""
        return self._target.expected

    @property
    def rivals(self) -> int:
        """Return how many look-alikes are believed in."""
        return sum(rival.grown for rival in self._rivals)

    def find(self, box: Box) -> None:
        """Take the box of a lost target that was found again; its rivals are the old ones."""
        self._target = Mover(box)

    def place(self, box: Box) -> None:
        """Set where the target is, without a measurement: it was clipped, or never moved."""
        self._target.box = box
        self._target.hold(box.cx, box.cy, 0.0, 0.0)

    def carry_on(self, stamp: float, lost: bool = False) -> Box:
        """Go on to the image of `stamp` seconds and return where the target is expected.

        A lost target slows down soon, and its rivals are remembered longer.
        """
        # Stamps since 1970 are exact to 0.2 us only: the same recording shall give the same boxes
        # whatever its times are counted from.
        step = round(stamp - self._stamp, 4)
        self._step = step if 0.0 < step <= _LONGEST_GAP_S else _FRAME_S
        self._stamp = stamp
        self._lost_s = self._lost_s + self._step if lost else 0.0
        for rival in self._rivals:
            rival.mover.carry_on(self._step)
        if lost:
            self._target.carry_on(self._step, _LOST_DAMPING_S)
            self._before = None
            for rival in self._rivals:
                rival.miss(self._step)
            self._rivals = [rival for rival in self._rivals if not rival.is_past(lost=True)]
        else:
            self._target.carry_on(self._step)
            if self._before is not None:
                self._before.carry_on(self._step)
        return self.expected

    def choose(self, found: Sequence[Found]) -> Choice:
        """Return which peak is the target, and let the rivals have theirs.

        Parameters
        ----------
        found
            At least one peak, best first.

        """
        boxes = [each.box for each in found]
        known = self._before or self._target
        grown = [rival for rival in self._rivals if rival.grown]
        options: list[tuple[float, int, list[Assigned]]] = []
        for index in range(-1, len(found)):
            pairs = assign(grown, boxes, {index})
            cost = _UNSEEN if index < 0 else self._cost(known, found[index])
            if index >= 0 or any(pair[1] is not None for pair in pairs):
                options.append((cost + sum(pair[2] for pair in pairs), index, pairs))
        _, best, pairs = min(options, key=lambda option: option[:2])
        box = known.expected if best < 0 else boxes[best]
        taken = {best, *(index for _, index, _ in pairs if index is not None)}
        young = [rival for rival in self._rivals if not rival.grown]
        pairs_of_young = assign(young, boxes, taken)
        as_one = parted = False
        for rival, given, _ in (*pairs, *pairs_of_young):
            if given is not None:
                taken.add(given)
                parted |= rival.hidden_s > 0
                rival.see(boxes[given])
            elif rival.grown and rival.may_hide(box):
                rival.hide(box, self._step)
                as_one = True
            else:
                rival.miss(self._step)
        self._rivals = [rival for rival in self._rivals if not rival.is_past(lost=False)]
        self._notice([each for index, each in enumerate(found) if index not in taken],
                     (box, known.expected))
        self._meet_and_part(box, as_one, parted)
        return Choice(best if best >= 0 else None, as_one)

    def see(self, box: Box) -> None:
        """Take in the target's box in the newest image."""
        self._target.see(box)

    def is_rival(self, box: Box) -> bool:
        """Return whether what a lost target's search found is a rival, and take it in as that.

        That is believed for a short time only: rivals may be mixed up with the target while it
        is hidden, and what goes on looking like the target had better be it.
        """
        if self._lost_s > _BELIEVED_S:
            return False
        for rival, index, cost in assign(self._rivals, [box], set()):
            if index is not None and rival.grown and cost < self._target.unlike(box):
                rival.see(box)
                return True
        return False

    def _cost(self, known: Mover, found: Found) -> float:
        looks = _LOOKS if self._before is None else _LOOKS_AS_ONE
        window = min(self.settings.window, 0.99)
        return (window / (1 - window) * known.unlikely(found.box)
                - looks * math.log(found.score + _FLOOR))

    def _notice(self, others: Sequence[Found], own: Sequence[Box]) -> None:
        """Take the peaks that nobody owns for new rivals, unless they lie on the target."""
        if self.settings.rivals:
            free = [Rival(Mover(each.box)) for each in others
                    if each.raw >= _RIVAL_PEAK and not any(touch(each.box, box) for box in own)]
            self._rivals = (self._rivals + free)[:_MOST_RIVALS]

    def _meet_and_part(self, box: Box, as_one: bool, parted: bool) -> None:
        """Remember the target's way when it meets a rival; go back to it when they part."""
        if as_one:
            self._before = self._before or self._target.copy()
            hold(self._before, box)
        elif self._before is not None:
            if parted:
                self._target = self._before
            self._before = None
