# SPDX-License-Identifier: Apache-2.0
"""Messages of two cameras in, pairs out, by our own synchroniser."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from time import monotonic
from typing import Any, Protocol

from rgbt_tracker_ros.imaging.synchronizer import Pair, Synchronizer
from rgbt_tracker_ros.pipeline.arrival import ArrivalLag
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.settings import SyncSettings

CAMERAS = ('rgb', 'thermal')


class Pairing(Protocol):
    """Frames of two cameras in, pairs out; used from one thread."""

    def add(self, camera: str, message: Any) -> None:
        """Take a frame."""
        ...

    def poll(self, now: float) -> Iterator[Pair[Any, Any]]:
        """Yield what is ready; `now` is any clock in seconds."""
        ...

    def configure(self, settings: SyncSettings) -> None:
        """Use other settings from now on."""
        ...

    def numbers(self) -> dict[str, Any]:
        """Return counters for the status."""
        ...


class NearestPairing:
    """Our own synchroniser, fed with messages.

    Parameters
    ----------
    settings
        Thresholds at the start.
    clock
        Tells when a message arrives, seconds.

    """

    def __init__(self, settings: SyncSettings,
                 clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._synchronizer: Synchronizer[Any, Any] = Synchronizer(settings)
        self._lag = ArrivalLag()
        self._offset = settings.thermal_offset

    def add(self, camera: str, message: Any) -> None:
        """Take a frame; the synchroniser counts those that it cannot use."""
        add = self._synchronizer.add_rgb if camera == 'rgb' else self._synchronizer.add_thermal
        stamp = seconds(message.header.stamp)
        self._lag.add(camera, stamp, self._clock())
        add(stamp, message)

    def poll(self, now: float) -> Iterator[Pair[Any, Any]]:
        """Yield what is ready, in order of stamps."""
        return self._synchronizer.poll(now)

    def configure(self, settings: SyncSettings) -> None:
        """Use other settings from now on."""
        self._synchronizer.configure(settings)
        self._offset = settings.thermal_offset

    def numbers(self) -> dict[str, Any]:
        """Return the counters, the time differences of the newest pairs and the arrival lag.

        `stamps` says in words that the stamps look wrong; it is empty when they do not.
        """
        numbers: dict[str, Any] = asdict(self._synchronizer.counters)
        lag = self._lag.seconds(self._offset)
        if lag is not None:
            numbers['thermal_lag_ms'] = 1000 * lag
        numbers['stamps'] = self._lag.in_words(self._offset)
        if self._synchronizer.mean_dt is not None and self._synchronizer.max_dt is not None:
            numbers['mean_dt_ms'] = 1000 * self._synchronizer.mean_dt
            numbers['max_dt_ms'] = 1000 * self._synchronizer.max_dt
        return numbers
