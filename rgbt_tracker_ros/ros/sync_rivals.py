# SPDX-License-Identifier: Apache-2.0
"""The synchronisers of message_filters as the node uses them, for comparing them with ours."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from rgbt_tracker_ros.benchmark.sync_scenarios import Frame
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.ros.pairing import FilterPairing
from rgbt_tracker_ros.settings import SyncSettings

_NEVER = 1e9


@dataclass(frozen=True, slots=True)
class _Message:
    header: Header
    frame: Frame


class Rival:
    """A `sync.policy` of message_filters.

    Raises
    ------
    InputError
        If message_filters is not installed.

    """

    def __init__(self, policy: str, settings: SyncSettings) -> None:
        # Theirs alone: no offset, and none of our new beginnings after a jump.
        self._pairing = FilterPairing(replace(
            settings, policy=policy, thermal_offset=0.0, jump=_NEVER))

    def prepare(self, frame: Frame) -> _Message:
        """Return a message with the frame's stamp."""
        stamp: Time = stamp_message(frame.stamp)
        return _Message(Header(stamp=stamp), frame)

    def add(self, frame: Frame, message: _Message) -> None:
        """Take a frame."""
        self._pairing.add(frame.camera, message)

    def poll(self, now: float) -> Iterator[tuple[Frame, Frame]]:
        """Yield what is ready."""
        for pair in self._pairing.poll(now):
            assert pair.rgb is not None
            assert pair.thermal is not None
            yield pair.rgb.frame, pair.thermal.frame


RIVALS = {policy: partial(Rival, policy) for policy in ('approximate', 'exact')}
"""By `sync.policy`: ApproximateTimeSynchronizer and TimeSynchronizer."""
