# SPDX-License-Identifier: Apache-2.0
"""Messages of two cameras in, pairs out, by our own synchroniser."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import attrgetter
from time import monotonic
from typing import Any, Protocol

from rgbt_tracker_ros.imaging.sync_counters import SyncCounters
from rgbt_tracker_ros.imaging.synchronizer import Pair, Synchronizer
from rgbt_tracker_ros.pipeline.arrival import ArrivalLag
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.offset_watch import OffsetWatch
from rgbt_tracker_ros.settings import SyncSettings

_UNPAIRED = 4
"""Frames that may come without a pair before their images are looked at."""

_COUNTERS = tuple(item.name for item in fields(SyncCounters))
_counts = attrgetter(*_COUNTERS)


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

    def doubts(self) -> dict[str, str]:
        """Return what is wrong with the stamps in words, by what showed it."""
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
        self._watch = OffsetWatch()
        self._settings = settings

    def add(self, camera: str, message: Any) -> None:
        """Take a frame; the synchroniser counts those that it cannot use."""
        add = self._synchronizer.add_rgb if camera == 'rgb' else self._synchronizer.add_thermal
        stamp = seconds(message.header.stamp)
        self._lag.add(camera, stamp, self._clock())
        self._watch.add(camera, stamp, message)
        add(stamp, message)

    def poll(self, now: float) -> Iterator[Pair[Any, Any]]:
        """Yield what is ready, in order of stamps; then look at the images, off the path."""
        paired = False
        for pair in self._synchronizer.poll(now):
            paired = True
            yield pair
        # Not while a partner may be on its way.
        if paired or self._watch.waiting >= _UNPAIRED:
            self._watch.work(now, self._settings.thermal_offset)

    def configure(self, settings: SyncSettings) -> None:
        """Use other settings from now on."""
        self._synchronizer.configure(settings)
        self._settings = settings

    def doubts(self) -> dict[str, str]:
        """Return what is wrong with the stamps in words, by what showed it.

        What the images show counts for more than when they arrive: a link may be slow.
        """
        offset = self._settings.thermal_offset
        content = self._watch.in_words(offset, self._settings.slop)
        words, source = (self._lag.in_words(offset), 'arrival') if content is None \
            else (content, 'content')
        return {source: words} if words else {}

    def numbers(self) -> dict[str, Any]:
        """Return the counters, the time differences of the newest pairs and what stamps are worth.

        `stamps` says in words that the stamps look wrong; it is empty when they do not.
        """
        numbers: dict[str, Any] = dict(
            zip(_COUNTERS, _counts(self._synchronizer.counters), strict=True))
        lag = self._lag.seconds(self._settings.thermal_offset)
        if lag is not None:
            numbers['thermal_lag_ms'] = 1000 * lag
        numbers |= self._watch.numbers()
        numbers['stamps'] = next(iter(self.doubts().values()), '')
        if self._synchronizer.mean_dt is not None and self._synchronizer.max_dt is not None:
            numbers['mean_dt_ms'] = 1000 * self._synchronizer.mean_dt
            numbers['max_dt_ms'] = 1000 * self._synchronizer.max_dt
        return numbers
