# SPDX-License-Identifier: Apache-2.0
"""The synchronisers of message_filters as they are, for comparing them with ours.

The node adds to them (`ros.pairing`): an offset, and a new beginning after a jump.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from std_msgs.msg import Header

from rgbt_tracker_ros.benchmark.sync_scenarios import Frame
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.settings import SyncSettings


@dataclass(frozen=True, slots=True)
class _Message:
    header: Header
    frame: Frame


class Rival:
    """A synchroniser of message_filters, which must be installed.

    Parameters
    ----------
    name
        Its class.
    settings
        What ours has, too.

    """

    def __init__(self, name: str, settings: SyncSettings) -> None:
        import message_filters

        self._filters = {camera: message_filters.SimpleFilter() for camera in CAMERAS}
        arguments: list[Any] = [list(self._filters.values()), settings.queue]
        if name == 'ApproximateTimeSynchronizer':
            arguments.append(settings.slop)
        self._ready: deque[tuple[Frame, Frame]] = deque()
        getattr(message_filters, name)(*arguments).registerCallback(self._store)

    def prepare(self, frame: Frame) -> _Message:
        """Return a message with the frame's stamp."""
        return _Message(Header(stamp=stamp_message(frame.stamp)), frame)

    def add(self, frame: Frame, message: _Message) -> None:
        """Take a frame."""
        self._filters[frame.camera].signalMessage(message)

    def poll(self, now: float) -> Iterator[tuple[Frame, Frame]]:
        """Yield what is ready."""
        while self._ready:
            yield self._ready.popleft()

    def _store(self, rgb: _Message, thermal: _Message) -> None:
        self._ready.append((rgb.frame, thermal.frame))


RIVALS = {'approximate': partial(Rival, 'ApproximateTimeSynchronizer'),
          'exact': partial(Rival, 'TimeSynchronizer')}
"""By the `sync.policy` that builds on it."""
