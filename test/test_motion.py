# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.motion import follow

OLD, NEW = Box(100, 100, 40, 80), Box(110, 90, 44, 72)


def test_full_trust_without_smoothing_takes_the_measurement() -> None:
    assert follow(OLD, NEW, 1.0, 0.0) == pytest.approx(NEW)


def test_no_trust_stays() -> None:
    assert follow(OLD, NEW, 0.0, 0.3) == pytest.approx(OLD)


def test_half_trust_goes_half_the_way() -> None:
    half = follow(OLD, NEW, 0.5, 0.0)
    assert (half.cx, half.cy) == pytest.approx(((OLD.cx + NEW.cx) / 2, (OLD.cy + NEW.cy) / 2))


def test_smoothing_keeps_a_share_of_the_size_but_not_of_the_place() -> None:
    box = follow(OLD, NEW, 1.0, 0.25)
    assert (box.cx, box.cy) == pytest.approx((NEW.cx, NEW.cy))
    assert box.w == pytest.approx(0.25 * 40 + 0.75 * 44)


@pytest.mark.parametrize(('side', 'expected'), [(400, 54.0), (4, 40 / 1.35)])
def test_a_jump_of_the_size_is_limited(side: float, expected: float) -> None:
    assert follow(OLD, Box.from_center(120, 140, side, 80), 1.0, 0.0).w == pytest.approx(expected)
