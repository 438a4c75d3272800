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

    """

    def __init__(self) -> None:
        self.frames: deque[Frame[Item]] = deque()
        self.last: float | None = None
        self.arrived = math.inf
        self._intervals: deque[float] = deque(maxlen=_INTERVALS)
        self.unseen = False

    def note(self, stamp: float) -> None:
        """Note that the camera sent a frame newer than its last one, usable or not."""
        if self.last is not None:
            self._intervals.append(stamp - self.last)
        self.last = stamp
        self.unseen = True

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

    @property
    def period(self) -> float | None:
        """Return the usual time between two frames, rather too short than too long."""
        if len(self._intervals) < _INTERVALS_NEEDED:
            return None
        # The lower quartile: gaps by dropped frames must not count.
        return sorted(self._intervals)[len(self._intervals) // 4]

    def earliest_next(self) -> float:
        """Return the stamp before which the next frame is not expected."""
        if self.last is None:
            return -math.inf
        return self.last + _EARLY * (self.period or 0.0)
