# SPDX-License-Identifier: Apache-2.0
"""What became of the frames in the worker's thread: times, failures, and one that hangs."""
from __future__ import annotations

from collections import deque
from time import monotonic

_FRAMES = 300
"""Newest frames over which times are summed up."""


class Tally:
    """Written by the worker's thread, read by others.

    Attributes
    ----------
    frames
        Frames handled, well or not.
    failures
        Frames in which the network failed, or that could not be handled at all.
    last_failure
        The newest of these, in words.

    """

    def __init__(self) -> None:
        self.frames = 0
        self.failures = 0
        self.last_failure = ''
        self._times: deque[float] = deque(maxlen=_FRAMES)
        self._begin: float | None = None

    def begin(self) -> None:
        """Note that a frame is taken up."""
        self._begin = monotonic()

    def end(self, backend_ms: float | None = None, failure: str = '') -> None:
        """Note that it is done, the network's time if it was asked, and what failed."""
        self._begin = None
        self.frames += 1
        if failure:
            self.failures += 1
            self.last_failure = failure
        elif backend_ms is not None:
            self._times.append(backend_ms)

    @property
    def busy(self) -> float:
        """Return for how many seconds the present frame has been worked on."""
        begin = self._begin
        return 0.0 if begin is None else monotonic() - begin

    def quantile(self, share: float) -> float | None:
        """Return the network's time, ms, that a share of the newest frames stays under."""
        times = sorted(self._times.copy())
        return times[min(int(share * len(times)), len(times) - 1)] if times else None
