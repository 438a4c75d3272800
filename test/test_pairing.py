# SPDX-License-Identifier: Apache-2.0
"""The choice between our synchroniser and those of message_filters."""
from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
from sensor_msgs.msg import Image

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.ros.pairing import make_pairing
from rgbt_tracker_ros.settings import SyncSettings

pytestmark = pytest.mark.ros


def image(stamp: float) -> Image:
    message = Image()
    message.header.stamp = stamp_message(stamp)
    return message


def fed(pairing: Any) -> list[Any]:
    pairs = []
    for number in range(4):
        for camera in ('rgb', 'thermal'):
            pairing.add(camera, image(10 + number / 30))
            pairs += pairing.poll(number / 30)
    return pairs


def test_our_own_pairs_messages_and_counts():
    pairing = make_pairing(SyncSettings())
    pairs = fed(pairing)
    assert [pair.dt for pair in pairs] == [0.0] * 4
    assert all(pair.rgb.header == pair.thermal.header for pair in pairs)
    numbers = pairing.numbers()
    assert (numbers['pairs'], numbers['mean_dt_ms'], numbers['max_dt_ms']) == (4, 0.0, 0.0)


def test_new_settings_reach_the_synchroniser():
    pairing = make_pairing(SyncSettings())
    pairing.configure(SyncSettings(thermal_offset=-0.5))
    pairing.add('rgb', image(10.0))
    pairing.add('thermal', image(10.5))
    assert [pair.dt for pair in pairing.poll(0.0)] == [pytest.approx(0.0)]


@pytest.mark.parametrize('policy', ['approximate', 'exact'])
def test_without_message_filters_its_policies_are_refused(monkeypatch, policy):
    monkeypatch.setitem(sys.modules, 'message_filters', None)
    with pytest.raises(InputError, match=f'sync.policy = {policy} needs the package'):
        make_pairing(SyncSettings(policy=policy))


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put a stand-in for message_filters in place; return the synchronisers that are made."""
    made: list[Any] = []

    class Filter:
        def signalMessage(self, message):  # noqa: N802
            made[-1].take(self, message)

    class Synchronizer:
        """Pairs what comes, as theirs does with equal stamps."""

        def __init__(self, filters, *arguments):
            self.arguments, self.waiting, self.filters = arguments, {}, filters
            made.append(self)

        def registerCallback(self, callback):  # noqa: N802
            self.callback = callback

        def take(self, source, message):
            self.waiting[source] = message
            if len({item.header.stamp.nanosec for item in self.waiting.values()}) == 1 \
                    and len(self.waiting) == 2:
                self.callback(*(self.waiting[item] for item in self.filters))
                self.waiting = {}

    module = ModuleType('message_filters')
    module.SimpleFilter = Filter
    module.TimeSynchronizer = module.ApproximateTimeSynchronizer = Synchronizer
    monkeypatch.setitem(sys.modules, 'message_filters', module)
    return made


@pytest.mark.parametrize(('policy', 'arguments'), [('approximate', (60, 0.04)), ('exact', (60,))])
def test_the_synchronisers_of_message_filters_are_fed_and_emptied(stand_in, policy, arguments):
    pairing = make_pairing(SyncSettings(policy=policy))
    pairs = fed(pairing)
    assert stand_in[0].arguments == arguments
    assert [pair.dt for pair in pairs] == [0.0] * 4
    assert all(isinstance(item, Image) for pair in pairs for item in (pair.rgb, pair.thermal))
    assert pairing.numbers() == {'pairs': 4, 'bad_stamps': 0, 'jumps': 0}


def test_new_settings_reach_message_filters_at_once(stand_in):
    pairing = make_pairing(SyncSettings(policy='approximate'))
    pairing.configure(SyncSettings(policy='approximate', slop=0.01, thermal_offset=-0.5))
    assert stand_in[-1].arguments == (60, 0.01)
    pairing.add('rgb', image(10.0))
    pairing.add('thermal', image(10.5))
    pair, = pairing.poll(0.0)
    assert (pair.dt, pair.thermal.header.stamp.nanosec) == (0.0, 5 * 10**8)
    pairing.configure(SyncSettings(policy='approximate', slop=0.01, thermal_offset=-0.5))
    assert len(stand_in) == 2


def test_a_stamp_that_message_filters_cannot_take_is_refused(stand_in):
    pairing = make_pairing(SyncSettings(policy='exact'))
    message = image(1.0)
    message.header.stamp.sec = -5
    for camera in ('rgb', 'thermal'):
        pairing.add(camera, message)
        pairing.add(camera, image(0.0))
    assert not list(pairing.poll(0.0))
    assert pairing.numbers()['bad_stamps'] == 4


def test_a_jump_back_empties_the_queues(stand_in):
    pairing = make_pairing(SyncSettings(policy='exact'))
    pairing.add('rgb', image(100.0))
    pairing.add('rgb', image(99.5))
    assert len(stand_in) == 1
    pairing.add('rgb', image(10.0))
    pairing.add('thermal', image(10.0))
    assert [pair.stamp for pair in pairing.poll(0.0)] == [10.0]
    assert len(stand_in) == 2
    assert pairing.numbers()['jumps'] == 1
