# SPDX-License-Identifier: Apache-2.0
"""Wrong stamps show in when frames arrive, also where their pairs look perfect."""
from __future__ import annotations

import pytest

from rgbt_tracker_ros.ros.arrival import ArrivalLag


def lag(thermal_stamps_off: float = 0.0, thermal_link: float = 0.0,
        frames: int = 40) -> ArrivalLag:
    arrivals = ArrivalLag()
    for number in range(frames):
        time = number / 30
        arrivals.add('rgb', 1e9 + time, 50 + time)
        arrivals.add('thermal', 1e9 + time + thermal_stamps_off, 50 + time + thermal_link)
    return arrivals


def test_nothing_is_known_before_enough_frames() -> None:
    assert lag(0.2, frames=10).seconds(0.0) is None
    assert lag(0.2, frames=10).in_words(0.0) == ''


def test_good_stamps_are_not_doubted() -> None:
    assert lag().seconds(0.0) == pytest.approx(0, abs=1e-6)
    assert lag(0.03).in_words(0.0) == ''


@pytest.mark.parametrize('off', [0.2, -0.2, 3600.0])
def test_the_named_offset_mends_wrong_stamps(off: float) -> None:
    arrivals = lag(off)
    assert f'sync.thermal_offset = {-off:.2f} mends' in arrivals.in_words(0.0)
    assert arrivals.in_words(-off) == ''


def test_a_slow_link_is_named_as_the_other_possibility() -> None:
    text = lag(thermal_link=0.15).in_words(0.0)
    assert text.startswith('thermal frames come 0.15 s after rgb frames of the same stamp')
    assert 'unless the thermal link' in text


def test_a_bag_loop_is_forgotten() -> None:
    arrivals = lag()
    for number in range(30):
        time = number / 30
        arrivals.add('rgb', 1e9 + time, 60 + time)
        arrivals.add('thermal', 1e9 + time, 60 + time)
    assert arrivals.seconds(0.0) == pytest.approx(0, abs=1e-6)
