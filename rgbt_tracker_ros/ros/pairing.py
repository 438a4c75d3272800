# SPDX-License-Identifier: Apache-2.0
"""The node's choice of synchroniser: ours, or one of message_filters."""
from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from time import monotonic
from typing import Any, Protocol

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.synchronizer import Pair, Synchronizer
from rgbt_tracker_ros.ros.arrival import ArrivalLag
from rgbt_tracker_ros.ros.messages import seconds
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


def make_pairing(settings: SyncSettings) -> Pairing:
    """Return the pairing that `sync.policy` names.

    Raises
    ------
    InputError
        If it is one of message_filters and that is not installed.

    """
    return NearestPairing(settings) if settings.policy == 'nearest' else FilterPairing(settings)


class NearestPairing:
    """Our own synchroniser, fed with messages."""

    def __init__(self, settings: SyncSettings) -> None:
        self._synchronizer: Synchronizer[Any, Any] = Synchronizer(settings)
        self._lag = ArrivalLag()
        self._offset = settings.thermal_offset

    def add(self, camera: str, message: Any) -> None:
        """Take a frame; the synchroniser counts those that it cannot use."""
        add = self._synchronizer.add_rgb if camera == 'rgb' else self._synchronizer.add_thermal
        stamp = seconds(message.header.stamp)
        self._lag.add(camera, stamp, monotonic())
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


class FilterPairing:
    """A synchroniser of message_filters; it knows no offset and no single camera."""

    def __init__(self, settings: SyncSettings) -> None:
        try:
            import message_filters
        except ImportError as error:
            raise InputError(
                f'sync.policy = {settings.policy} needs the package message_filters, which is not '
                'installed: install it or use nearest') from error
        self._filters = {camera: message_filters.SimpleFilter() for camera in CAMERAS}
        both = list(self._filters.values())
        if settings.policy == 'exact':
            self._synchronizer = message_filters.TimeSynchronizer(both, settings.queue)
        else:
            self._synchronizer = message_filters.ApproximateTimeSynchronizer(
                both, settings.queue, settings.slop)
        self._ready: deque[Pair[Any, Any]] = deque()
        self._pairs = 0
        # Only stores: an exception in this callback would leave message_filters' lock held.
        self._synchronizer.registerCallback(self._store)

    def add(self, camera: str, message: Any) -> None:
        """Take a frame."""
        self._filters[camera].signalMessage(message)

    def poll(self, now: float) -> Iterator[Pair[Any, Any]]:
        """Yield the pairs that were matched."""
        while self._ready:
            yield self._ready.popleft()

    def configure(self, settings: SyncSettings) -> None:
        """Leave all as it is: message_filters takes its settings only at the start."""

    def numbers(self) -> dict[str, Any]:
        """Return the number of pairs."""
        return {'pairs': self._pairs}

    def _store(self, rgb: Any, thermal: Any) -> None:
        stamp = seconds(rgb.header.stamp)
        self._pairs += 1
        self._ready.append(Pair(rgb, thermal, stamp, seconds(thermal.header.stamp) - stamp))
