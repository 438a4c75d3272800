# SPDX-License-Identifier: Apache-2.0
"""Frames of one camera that wait for a partner of the other."""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass
import math
from typing import Generic, TypeVar

Item = TypeVar('Item')

_INTERVALS = 16
"""Newest intervals from which the camera's period is estimated."""

_INTERVALS_NEEDED = 4
"""Intervals seen before an estimate is trusted."""

_EARLY = 0.9
"""How early, as a share of the period, the next frame is thought to be possible."""

_SET_BACK = 3
"""Frames in a row, each after the one before but not after the newest, that show that the clock
was set back; a single one was only late."""


@dataclass(slots=True)
class Frame(Generic[Item]):
    """One frame: its stamp on the RGB clock, what it carries, and since when it waits."""

    stamp: float
    item: Item
    since: float | None = None


class FrameStream(Generic[Item]):
    """Queue of one camera's frames in order of their stamps.

    Attributes
    ----------
    frames
        Waiting frames, oldest first.
    last
        Stamp of the newest frame on the RGB clock, seconds; None before one, or after a reset.
    arrived
        When the newest frame was first seen, or the camera began to be waited for, on the clock
        of `observe`, seconds.
    unseen
        Whether a frame has come since the last `observe`.
    period
        Usual time between two frames, seconds; 0 while it is unknown.

    """

    def __init__(self) -> None:
        self.frames: deque[Frame[Item]] = deque()
        self.last: float | None = None
        self.arrived = math.inf
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)
        self.period = 0.0
        self._soonest = 0.0
        self._behind: list[float] = []
        self.unseen = False

    def note(self, stamp: float) -> None:
        """Note that the camera sent a frame newer than its last one, usable or not."""
        if self.last is not None:
            self._intervals.append(stamp - self.last)
            self._foresee()
        self.last = stamp
        self.unseen = True
        self._behind.clear()

    def set_back(self, stamp: float) -> bool:
        """Return whether this frame, which is not newer than the last, shows a clock set back."""
        if self._behind and stamp <= self._behind[-1]:
            self._behind.clear()
        self._behind.append(stamp)
        return len(self._behind) >= _SET_BACK

    def append(self, stamp: float, item: Item) -> None:
        """Let a frame that was noted wait."""
        self.frames.append(Frame(stamp, item))

    def observe(self, now: float, *, anew: bool, clock_went_back: bool) -> None:
        """Note the time for what has come since the last call.

        Parameters
        ----------
        now
            Seconds.
        anew
            Whether the camera is waited for from now on, whenever its last frame came.
        clock_went_back
            Whether `now` is before that of the last call.

        """
        if self.unseen or anew:
            self.arrived = now
        self.unseen = False
        for frame in self.frames:
            if frame.since is None or clock_went_back:
                frame.since = now

    def clear(self) -> int:
        """Forget frames and stamps, and return how many frames waited; the period stays known."""
        waiting = len(self.frames)
        self.frames.clear()
        self._behind.clear()
        self.last = None
        return waiting

    def shift(self, seconds: float) -> None:
        """Move all stamps."""
        if self.last is not None:
            self.last += seconds
        for frame in self.frames:
            frame.stamp += seconds

    def waited(self, now: float) -> float:
        """Return how long the oldest frame has waited, seconds."""
        if not self.frames or self.frames[0].since is None:
            return 0.0
        return now - self.frames[0].since

    def earliest_next(self) -> float:
        """Return the stamp before which the next frame is not expected."""
        return -math.inf if self.last is None else self.last + self._soonest

    def _foresee(self) -> None:
        """Tell from the newest intervals when the next frame comes, and how soon it can."""
        if len(self._intervals) < _INTERVALS_NEEDED:
            return
        ordered = sorted(self._intervals)
        self.period = ordered[len(ordered) // 2]
        # Gaps by dropped frames must not count, hence the lower quartile; neither must one frame
        # too early, but two show that this camera's stamps jitter.
        self._soonest = min(_EARLY * ordered[len(ordered) // 4], ordered[1])
