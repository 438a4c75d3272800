# SPDX-License-Identifier: Apache-2.0
"""The synchronisers of message_filters themselves; collected only where they are installed."""
from __future__ import annotations

from typing import Any

import pytest
from sensor_msgs.msg import Image

from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.ros.pairing import make_pairing
from rgbt_tracker_ros.settings import SyncSettings

pytestmark = [pytest.mark.ros, pytest.mark.parametrize('policy', ['approximate', 'exact'])]


def image(stamp: float) -> Image:
    message = Image()
    message.header.stamp = stamp_message(stamp)
    return message


def lap(pairing: Any, frames: int, lag: float = 0.0, every: int = 1) -> list[Any]:
    """Feed so many RGB frames, and each thermal one `every` so many; return the pairs."""
    pairs = []
    for number in range(frames):
        pairing.add('rgb', image(100 + number / 30))
        if number % every == 0:
            pairing.add('thermal', image(100 + number / 30 + lag))
        pairs += pairing.poll(0.0)
    return pairs


def test_every_frame_finds_its_partner(policy):
    pairing = make_pairing(SyncSettings(policy=policy))
    pairs = lap(pairing, 90)
    assert [(pair.dt, pair.rgb.header) for pair in pairs] == [
        (0.0, pair.thermal.header) for pair in pairs]
    assert len(pairs) == pairing.numbers()['pairs'] == 90


def test_late_thermal_stamps_are_set_right(policy):
    pairing = make_pairing(SyncSettings(policy=policy, thermal_offset=-0.15))
    assert len(lap(pairing, 30, lag=0.15)) == 30


def test_a_bag_that_loops_goes_on_with_slow_thermal_frames(policy):
    pairing = make_pairing(SyncSettings(policy=policy))
    assert [len(lap(pairing, 300, every=3)) for _ in range(3)] == [100, 100, 100]


def test_a_frame_from_before_1970_stops_nothing(policy):
    pairing = make_pairing(SyncSettings(policy=policy))
    message = image(1.0)
    message.header.stamp.sec = -5
    for camera in ('rgb', 'thermal'):
        pairing.add(camera, message)
    assert len(lap(pairing, 10)) == 10


def test_a_smaller_slop_counts_at_once(policy):
    settings = SyncSettings(policy=policy)
    pairing = make_pairing(settings)
    pairing.configure(SyncSettings(policy=policy, slop=0.005))
    assert not lap(pairing, 10, lag=0.01)
