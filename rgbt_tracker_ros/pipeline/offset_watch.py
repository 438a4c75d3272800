# SPDX-License-Identifier: Apache-2.0
"""Finds wrong thermal stamps while frames come, from what the images show."""
from __future__ import annotations

from collections import deque
from typing import Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.imaging.time_offset import TimeOffset, estimate_offset
from rgbt_tracker_ros.imaging.view_changes import ViewChanges
from rgbt_tracker_ros.pipeline.conversion import raw_image

_WINDOW_S = 25.0
_EVERY_S = 5.0
_TRUSTED_S = 15.0
"""An estimate from less than this is not acted upon."""

_STEADY_S = 0.05
"""Two estimates in a row must be so near to each other to be acted upon."""


class OffsetWatch:
    """Estimates what `sync.thermal_offset` should be; one thread's.

    A frame costs some 50 us, an estimate 2 ms every 5 s. Compressed images are not looked at.
    """

    def __init__(self) -> None:
        self._traces = {camera: ViewChanges(_WINDOW_S) for camera in CAMERAS}
        self._fresh: deque[tuple[str, float, Any]] = deque(maxlen=8)
        self._due: float | None = None
        self._newest: TimeOffset | None = None
        self._steady: float | None = None

    def add(self, camera: str, stamp: float, message: Any) -> None:
        """Note a frame, to be looked at by `work`."""
        self._fresh.append((camera, stamp, message))

    @property
    def waiting(self) -> int:
        """Return the number of frames to be looked at."""
        return len(self._fresh)

    def work(self, now: float, thermal_offset: float) -> None:
        """Look at the noted frames, and estimate anew when it is time.

        Parameters
        ----------
        now
            Seconds on any clock.
        thermal_offset
            The offset in use, seconds.

        """
        while self._fresh:
            camera, stamp, message = self._fresh.popleft()
            try:
                image = raw_image(message)
            except InputError:
                continue
            if image is not None:
                self._traces[camera].add(stamp, image)
        if self._due is None or not 0 <= self._due - now <= _EVERY_S:
            if self._due is not None:
                self._estimate(thermal_offset)
            self._due = now + _EVERY_S

    def numbers(self) -> dict[str, float]:
        """Return the newest estimate for the status; empty when there is none."""
        if self._newest is None or self._newest.seconds is None:
            return {}
        return {'thermal_offset_ms': 1000 * self._newest.seconds,
                'thermal_offset_confidence': self._newest.confidence}

    def in_words(self, thermal_offset: float, tolerance: float) -> str | None:
        """Return what is wrong with the stamps, empty when nothing is; None if not known for sure.

        Parameters
        ----------
        thermal_offset
            The offset in use, seconds.
        tolerance
            An error up to this is none, seconds.

        """
        if self._steady is None:
            return None
        error = self._steady - thermal_offset
        if abs(error) <= max(tolerance, _STEADY_S):
            return ''
        return (f'motion in both views shows that thermal stamps are {abs(error):.2f} s too '
                f'{"early" if error > 0 else "late"}: set sync.thermal_offset = '
                f'{self._steady:.2f}')

    def _estimate(self, thermal_offset: float) -> None:
        before = self._newest
        newest = estimate_offset(self._traces['rgb'], self._traces['thermal'], thermal_offset)
        self._newest = newest
        if not newest.certain or newest.seconds is None \
                or min(trace.seconds for trace in self._traces.values()) < _TRUSTED_S:
            return
        if before is not None and before.certain and before.seconds is not None:
            steady = abs(before.seconds - newest.seconds) <= _STEADY_S
            self._steady = newest.seconds if steady else None
