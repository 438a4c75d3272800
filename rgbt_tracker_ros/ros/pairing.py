# SPDX-License-Identifier: Apache-2.0
"""The node's choice of synchroniser: ours, or one of message_filters."""
from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.synchronizer import Pair
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.pairing import CAMERAS, NearestPairing, Pairing
from rgbt_tracker_ros.settings import SyncSettings


def make_pairing(settings: SyncSettings) -> Pairing:
    """Return the pairing that `sync.policy` names.

    Raises
    ------
    InputError
        If it is one of message_filters and that is not installed.

    """
    return NearestPairing(settings) if settings.policy == 'nearest' else FilterPairing(settings)


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

    def doubts(self) -> dict[str, str]:
        """Return nothing: message_filters does not look at the stamps' worth."""
        return {}

    def _store(self, rgb: Any, thermal: Any) -> None:
        stamp = seconds(rgb.header.stamp)
        self._pairs += 1
        self._ready.append(Pair(rgb, thermal, stamp, seconds(thermal.header.stamp) - stamp))
