# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.crops import CropGeometry
from rgbt_tracker_ros.tracking.redetection import Look, Redetection, tiles

FACTOR = 4.0


def _region(look: Look) -> Box:
    return CropGeometry.around(look.box, FACTOR * look.growth, 128).region


def _holds(region: Box, x: float, y: float, side: float) -> bool:
    return (region.x <= x - side / 2 + 1 and region.y <= y - side / 2 + 1
            and region.x + region.w >= x + side / 2 - 1
            and region.y + region.h >= y + side / 2 - 1)


@settings(max_examples=60, deadline=None)
@given(st.floats(8, 120), st.integers(40, 700), st.integers(40, 700), st.floats(0, 1),
       st.floats(0, 1))
def test_the_tiles_hold_a_target_wherever_it_is(
        side: float, width: int, height: int, x: float, y: float) -> None:
    looks = tiles(Box(0, 0, side, side), FACTOR, width, height)
    assert any(_holds(_region(look), x * width, y * height, min(side, 1.0)) for look in looks)
    inside_x = min(max(x * width, side / 2), width - side / 2)
    inside_y = min(max(y * height, side / 2), height - side / 2)
    if side < min(width, height):
        assert any(_holds(_region(look), inside_x, inside_y, side) for look in looks)


def plan_frames(search: Redetection, last: Box, frames: int) -> list[list[Look]]:
    plans = []
    for _ in range(frames):
        search.count()
        plans.append(search.plan(last, FACTOR, 640, 480))
    return plans


def test_tiles_start_near_the_last_box() -> None:
    last = Box(500, 60, 30, 30)
    looks = tiles(last, FACTOR, 640, 480)
    distances = [(look.box.cx - last.cx) ** 2 + (look.box.cy - last.cy) ** 2 for look in looks]
    assert distances == sorted(distances)
    assert all((look.box.w, look.box.h) == pytest.approx((30, 30)) for look in looks)


def test_the_first_look_grows_to_a_limit_and_the_second_goes_round() -> None:
    search = Redetection()
    last = Box(300, 200, 40, 40)
    count = len(tiles(last, FACTOR, 640, 480))
    plans = plan_frames(search, last, count + 1)
    assert all(len(plan) == 2 for plan in plans)
    growths = [plan[0].growth for plan in plans]
    assert growths[0] == 1.0
    # Every other look is as near as at first: in a wide one the target looks small.
    assert set(growths[1::2]) == {1.0} or set(growths[::2]) == {1.0}
    wide = [max(pair) for pair in zip(growths[::2], growths[1::2], strict=False)]
    assert wide == sorted(wide)
    assert max(growths) == 2.0
    assert all(plan[0].box == last for plan in plans)
    assert {plan[1].box for plan in plans} == {
        look.box for look in tiles(last, FACTOR, 640, 480)}
    assert plans[count][1] == plans[0][1]


def test_reset_begins_anew() -> None:
    search = Redetection()
    last = Box(300, 200, 40, 40)
    first = plan_frames(search, last, 9)
    search.reset()
    assert plan_frames(search, last, 9) == first


def test_frames_without_a_look_widen_the_first_look_and_skip_no_tile() -> None:
    last = Box(300, 200, 40, 40)
    blind, seeing = Redetection(), Redetection()
    for _ in range(12):
        blind.count()
    plan = plan_frames(blind, last, 2)
    assert [each[0].growth for each in plan] == [
        each[0].growth for each in plan_frames(seeing, last, 14)[-2:]]
    assert max(each[0].growth for each in plan) > 1.0
    assert plan[0][1].box == tiles(last, FACTOR, 640, 480)[0].box


def test_a_target_that_fills_the_image_needs_one_look_only() -> None:
    assert len(Redetection().plan(Box(10, 10, 200, 200), FACTOR, 320, 240)) == 1


def test_what_is_far_is_less_plausible_until_time_has_passed() -> None:
    search = Redetection()
    last, near, far = Box(300, 200, 40, 40), Box(320, 200, 40, 40), Box(400, 200, 40, 40)
    assert search.plausibility(last, last) == 1.0
    assert 1.0 > search.plausibility(last, near) > 0.6
    assert search.plausibility(last, far) < 0.05
    growing = []
    for _ in range(300):
        search.count()
        growing.append(search.plausibility(last, far))
    assert growing == sorted(growing)
    assert growing[-1] > 0.9


def test_a_quick_target_may_be_farther_away() -> None:
    last, far = Box(300, 200, 40, 40), Box(420, 200, 40, 40)
    slow, quick = Redetection(), Redetection()
    for step in range(20):
        quick.note_motion(Box(10.0 * step, 0, 40, 40), Box(10.0 * step + 10, 0, 40, 40))
    for search in (slow, quick):
        for _ in range(10):
            search.count()
    assert quick.plausibility(last, far) > 2 * slow.plausibility(last, far)
    quick.forget()
    slow.reset()
    assert quick.plausibility(last, far) == slow.plausibility(last, far)
