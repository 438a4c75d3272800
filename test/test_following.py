# SPDX-License-Identifier: Apache-2.0
"""People who cross keep their names: synthetic peaks, two walkers."""
from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.following import Following, Found

SIZE = 40.0
RATE = 30.0


def start(x: float, **values: object) -> Following:
    given = Settings.from_flat({f'target.{name}': value for name, value in values.items()})
    following = Following(given.target)
    following.start(at(x), 0.0)
    return following


def at(x: float, y: float = 100.0) -> Box:
    return Box.from_center(x, y, SIZE / 2, SIZE * 2)


def cross(following: Following, looks: tuple[float, float], seconds: float = 4.0,
          apart: float = 18.0, rate: float = RATE) -> float:
    """Let the target walk right from 0 and a rival left from 240; return the last box's x.

    `looks` are the scores of target and rival after they have met; closer than `apart` they have
    one peak between them.
    """
    speed = 60.0
    last = 0.0
    for number in range(1, int(seconds * rate)):
        time = number / rate
        own, other = speed * time, 240.0 - speed * time
        after = own > other
        found = [Found(at(own), *(looks[:1] * 2 if after else (0.9, 0.9))),
                 Found(at(other), *(looks[1:] * 2 if after else (0.3, 0.3)))]
        if abs(own - other) < apart:
            found = [Found(at((own + other) / 2), 0.9, 0.9)]
        found.sort(key=lambda each: -each.score)
        following.carry_on(time)
        index, _ = following.choose(found)
        following.see(found[index].box)
        last = found[index].box.cx
    return last


@pytest.mark.parametrize('apart', [5.0, 18.0, 40.0])
@pytest.mark.parametrize('looks', [(0.9, 0.5), (0.6, 0.6), (0.5, 0.8)])
def test_the_target_keeps_its_way_through_a_crossing(
        looks: tuple[float, float], apart: float) -> None:
    assert cross(start(0.0), looks, apart=apart) == pytest.approx(60.0 * 4, abs=5)


def test_at_few_frames_per_second_too() -> None:
    assert cross(start(0.0), (0.6, 0.6), rate=8.0) == pytest.approx(60.0 * 4, abs=12)


def test_without_rivals_the_better_looking_one_is_taken() -> None:
    assert cross(start(0.0, rivals=False, window=0.0), (0.5, 0.8)) < 60.0
    assert cross(start(0.0), (0.5, 0.8)) > 200.0


def test_looks_decide_where_motion_cannot() -> None:
    """Both stop where they meet and part again: the one that looks like the target is it."""
    following = start(0.0)
    for number in range(1, 90):
        meet = min(number, 45)
        own, other = 2.0 * meet, 180.0 - 2.0 * meet
        back = 2.0 * max(number - 60, 0)
        found = [Found(at(own - back), 0.98, 0.8), Found(at(other + back), 0.02, 0.2)]
        if abs(own - other) + back < 18:
            found = found[:1]
        following.carry_on(number / RATE)
        index, _ = following.choose(found)
        following.see(found[index].box)
    assert index == 0


def test_meeting_and_parting_is_told() -> None:
    following = start(0.0)
    told = []
    for number in range(1, 110):
        own, other = 2.0 * number, 200.0 - 2.0 * number
        one = abs(own - other) < 18
        found = [Found(at((own + other) / 2 if one else own), 0.9, 0.9),
                 Found(at(other), 0.4, 0.4)][:1 if one else 2]
        following.carry_on(number / RATE)
        told.append(following.choose(found).as_one)
        following.see(found[0].box)
    assert not any(told[:40])
    assert all(told[48:52])
    assert not any(told[60:])
    assert following.rivals == 1


def test_a_peak_on_the_target_is_no_rival() -> None:
    following = start(100.0)
    for number in range(1, 20):
        following.carry_on(number / RATE)
        following.choose([Found(at(100), 0.9, 0.9), Found(at(104, 110), 0.5, 0.5)])
        following.see(at(100))
    assert following.rivals == 0


def test_a_lost_target_is_not_found_in_a_known_rival() -> None:
    following = start(100.0)
    for number in range(1, 20):
        following.carry_on(number / RATE)
        following.choose([Found(at(100), 0.9, 0.9), Found(at(160), 0.5, 0.5)])
        following.see(at(100))
    following.carry_on(20 / RATE, lost=True)
    assert following.is_rival(at(161))
    assert not following.is_rival(at(102))
    for number in range(21, 21 + int(3 * RATE)):
        following.carry_on(number / RATE, lost=True)
    assert not following.is_rival(at(161))


def test_a_lost_target_slows_down_and_stops() -> None:
    following = start(0.0)
    for number in range(1, 30):
        following.carry_on(number / RATE)
        following.choose([Found(at(3.0 * number), 0.9, 0.9)])
        following.see(at(3.0 * number))
    places = [following.carry_on(number / RATE, lost=True).cx for number in range(30, 300)]
    assert places == sorted(places)
    assert 95 < places[4] < 105
    assert places[-1] - places[-2] < 0.01
    assert places[-1] < 87 + 90


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.tuples(
    st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(0.01, 1e4), st.floats(0.01, 1e4),
    st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6), min_size=1, max_size=12),
    st.floats(-1, 1))
def test_whatever_is_seen_the_expected_box_is_finite(
        images: list[list[tuple[float, ...]]], step: float) -> None:
    following = start(0.0)
    for number, peaks in enumerate(images):
        found = sorted((Found(Box(*each[:4]), *each[4:]) for each in peaks),
                       key=lambda each: -each.score)
        following.carry_on(number * step, lost=number % 5 == 4)
        index, _ = following.choose(found)
        if index is not None:  # else only rivals are seen
            assert 0 <= index < len(found)
            following.see(found[index].box)
        expected = following.expected
        assert all(map(math.isfinite, expected))
        assert expected.w > 0
        assert following.rivals <= 8
