# SPDX-License-Identifier: Apache-2.0
"""Finds wrong stamps by comparing when frames arrive with when they say they were taken.

Stamps alone cannot show an error of a whole number of periods: the pairs look perfect, with a
thermal image that is, for example, six frames old. Frames that never match say nothing either.
"""
from __future__ import annotations

from collections import deque
from statistics import median

_FRAMES = 30
"""Newest frames of each camera that are compared."""

_GAP_S = 1.0
"""Frames are not compared across a silence or a step of the stamps (bag loop) this long."""

_SUSPECT_S = 0.1
"""A lag over this is put in words."""


class ArrivalLag:
    """How much later thermal frames arrive than RGB frames of the same stamp; one thread's."""

    def __init__(self) -> None:
        self._rgb: deque[tuple[float, float]] = deque(maxlen=_FRAMES)
        self._lags: deque[float] = deque(maxlen=_FRAMES)

    def add(self, camera: str, stamp: float, now: float) -> None:
        """Note a frame with its stamp and the time of its arrival, seconds of any two clocks."""
        if camera == 'rgb':
            if self._rgb and abs(stamp - self._rgb[-1][0]) > _GAP_S:
                self._rgb.clear()
                self._lags.clear()
            self._rgb.append((stamp, now))
        elif len(self._rgb) == _FRAMES and now - self._rgb[-1][1] < _GAP_S:
            (first, begin), (last, end) = self._rgb[0], self._rgb[-1]
            # A bag may be played slower or faster than it was recorded.
            pace = (last - first) / max(end - begin, 1e-3)
            self._lags.append(last + pace * (now - end) - stamp)

    def seconds(self, thermal_offset: float) -> float | None:
        """Return the lag; negative when thermal frames are the earlier ones, None if unknown yet.

        Parameters
        ----------
        thermal_offset
            What is added to thermal stamps, seconds.

        """
        if len(self._lags) < _FRAMES:
            return None
        return median(self._lags) - thermal_offset

    def in_words(self, thermal_offset: float) -> str:
        """Return what is suspicious about the lag and the remedy; empty when nothing is."""
        lag = self.seconds(thermal_offset)
        if lag is None or abs(lag) <= _SUSPECT_S:
            return ''
        word, camera = ('after', 'thermal') if lag > 0 else ('before', 'rgb')
        return (f'thermal frames come {abs(lag):.2f} s {word} rgb frames of the same stamp: '
                f'unless the {camera} link is that slow, stamps are wrong, and '
                f'sync.thermal_offset = {thermal_offset + lag:.2f} mends it')
