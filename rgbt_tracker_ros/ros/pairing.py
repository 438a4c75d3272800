# SPDX-License-Identifier: Apache-2.0
"""The node's choice of synchroniser: ours, or one of message_filters."""
from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.imaging.synchronizer import Pair
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.pairing import NearestPairing, Pairing
from rgbt_tracker_ros.settings import SyncSettings

_SECOND = 10**9
_LAST = 2**31 * _SECOND
"""Stamps are in nanoseconds; their seconds have 32 bits."""


def make_pairing(settings: SyncSettings) -> Pairing:
    """Return the pairing that `sync.policy` names.

    Raises
    ------
    InputError
        If it is one of message_filters and that is not installed.

    """
    return NearestPairing(settings) if settings.policy == 'nearest' else FilterPairing(settings)


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A message under the stamp by which it is matched."""

    header: Header
    message: Any


class FilterPairing:
    """A synchroniser of message_filters, and what the node needs beyond it.

    Added are `sync.thermal_offset`, new settings while it runs, and a new beginning where stamps
    jump back: its queues keep the largest stamps, so after a bag's loop a queue that is full would
    push out every new frame. It knows no single camera.
    """

    def __init__(self, settings: SyncSettings) -> None:
        self._settings = settings
        self._ready: deque[Pair[Any, Any]] = deque()
        self._counters = dict.fromkeys(('pairs', 'bad_stamps', 'jumps'), 0)
        self._begin()

    def add(self, camera: str, message: Any) -> None:
        """Take a frame; one with a stamp that is not positive is refused and counted."""
        stamp = message.header.stamp
        offset = self._settings.thermal_offset if camera == 'thermal' else 0.0
        time = _SECOND * stamp.sec + stamp.nanosec + round(_SECOND * offset)
        if not 0 < time < _LAST:
            # message_filters would raise, and one of its synchronisers keep its lock for ever.
            self._counters['bad_stamps'] += 1
            return
        if time < self._newest.get(camera, 0) - round(_SECOND * self._settings.jump):
            self._counters['jumps'] += 1
            self._begin()
        self._newest[camera] = time
        header = Header(stamp=Time(sec=time // _SECOND, nanosec=time % _SECOND))
        self._filters[camera].signalMessage(_Stamped(header, message))

    def poll(self, now: float) -> Iterator[Pair[Any, Any]]:
        """Yield the pairs that were matched."""
        while self._ready:
            yield self._ready.popleft()

    def configure(self, settings: SyncSettings) -> None:
        """Use other settings from now on; what waits for a partner is dropped for them."""
        before, self._settings = self._settings, settings
        if settings != before:
            self._begin()

    def numbers(self) -> dict[str, Any]:
        """Return counters: `pairs`, `bad_stamps` (frames refused) and `jumps` (new beginnings)."""
        return dict(self._counters)

    def doubts(self) -> dict[str, str]:
        """Return nothing: message_filters does not look at the stamps' worth."""
        return {}

    def _begin(self) -> None:
        """Make a synchroniser with empty queues."""
        settings = self._settings
        try:
            import message_filters
        except ImportError as error:
            raise InputError(
                f'sync.policy = {settings.policy} needs the package message_filters, which is not '
                'installed: install it or use nearest') from error
        self._newest: dict[str, int] = {}
        self._filters = {camera: message_filters.SimpleFilter() for camera in CAMERAS}
        both = list(self._filters.values())
        if settings.policy == 'exact':
            synchronizer = message_filters.TimeSynchronizer(both, settings.queue)
        else:
            synchronizer = message_filters.ApproximateTimeSynchronizer(
                both, settings.queue, settings.slop)
        # Only stores: an exception in this callback would leave message_filters' lock held.
        synchronizer.registerCallback(self._store)

    def _store(self, rgb: _Stamped, thermal: _Stamped) -> None:
        stamp = seconds(rgb.header.stamp)
        self._counters['pairs'] += 1
        self._ready.append(Pair(rgb.message, thermal.message, stamp,
                                seconds(thermal.header.stamp) - stamp))
