# SPDX-License-Identifier: Apache-2.0
"""Wrong stamps show in when frames arrive, also where their pairs look perfect."""
from __future__ import annotations

import pytest

from rgbt_tracker_ros.pipeline.arrival import ArrivalLag

DUE = 1e9


def play(arrivals: ArrivalLag, stamps_off: float = 0.0, link: float = 0.0,
         thermal_rate: float = 30, pace: float = 1.0, begin: float = 50.0,
         seconds: float = 8.0) -> ArrivalLag:
    """Let frames of both cameras arrive; thermal stamps or the thermal link may be off."""
    frames = [(n / 30, 'rgb', DUE + n / 30) for n in range(round(30 * seconds))]
    frames += [(n / thermal_rate + link, 'thermal', DUE + n / thermal_rate + stamps_off)
               for n in range(round(thermal_rate * seconds))]
    for time, camera, stamp in sorted(frames):
        arrivals.add(camera, stamp, begin + time / pace)
    return arrivals


def test_nothing_is_known_before_enough_frames() -> None:
    arrivals = play(ArrivalLag(), 0.2, seconds=1.5)
    assert arrivals.seconds(0.0) is None
    assert arrivals.in_words(0.0) == ''


def test_good_stamps_are_not_doubted() -> None:
    assert play(ArrivalLag()).seconds(0.0) == pytest.approx(0, abs=1e-5)
    assert play(ArrivalLag(), 0.03).in_words(0.0) == ''


@pytest.mark.parametrize('off', [0.2, -0.2, 3600.0])
@pytest.mark.parametrize('rate', [9, 30])
def test_the_named_offset_mends_wrong_stamps(off: float, rate: float) -> None:
    arrivals = play(ArrivalLag(), off, thermal_rate=rate)
    assert f'sync.thermal_offset = {-off:.2f} mends' in arrivals.in_words(0.0)
    assert arrivals.in_words(-off) == ''


def test_a_slow_link_is_named_as_the_other_possibility() -> None:
    text = play(ArrivalLag(), link=0.15).in_words(0.0)
    assert text.startswith('thermal frames come 0.15 s after rgb frames of the same stamp')
    assert 'unless the thermal link' in text


@pytest.mark.parametrize('pace', [0.1, 0.5, 3.0])
@pytest.mark.parametrize('rate', [9, 30])
def test_the_speed_of_a_bag_does_not_matter(pace: float, rate: float) -> None:
    arrivals = play(ArrivalLag(), thermal_rate=rate, pace=pace)
    assert arrivals.seconds(0.0) == pytest.approx(0, abs=1e-5)


def test_a_bag_loop_is_forgotten() -> None:
    arrivals = play(ArrivalLag(), 0.2)
    assert play(arrivals, begin=60, seconds=0.5).seconds(0.0) is None
    assert play(arrivals, begin=70).seconds(0.0) == pytest.approx(0, abs=1e-5)


def test_a_silent_rgb_camera_gives_no_new_lag() -> None:
    arrivals = play(ArrivalLag())
    for number in range(3000):
        arrivals.add('thermal', DUE + 9 + number / 30, 59 + number / 30 * 1.01)
    assert arrivals.seconds(0.0) == pytest.approx(0, abs=1e-5)
