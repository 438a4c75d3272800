# SPDX-License-Identifier: Apache-2.0
"""Where the time of a frame goes."""
from __future__ import annotations

from time import perf_counter


class Stopwatch:
    """Splits the time of one frame into laps; cheap enough for every frame.

    Parameters
    ----------
    begin
        When the first lap begins, seconds of `perf_counter`; None = now.

    Attributes
    ----------
    laps
        Milliseconds of each lap, by name, in order.

    """

    __slots__ = ('_last', 'laps')

    def __init__(self, begin: float | None = None) -> None:
        self.laps: dict[str, float] = {}
        self._last = perf_counter() if begin is None else begin

    def lap(self, name: str) -> None:
        """End a lap; the next one begins."""
        now = perf_counter()
        self.laps[name] = 1000 * (now - self._last)
        self._last = now
