# SPDX-License-Identifier: Apache-2.0
"""Boxes: reading, checking, limiting, overlap."""
from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import MIN_SIDE, Box

boxes = st.builds(Box, st.floats(-1e4, 1e4), st.floats(-1e4, 1e4), st.floats(2, 1e4),
                  st.floats(2, 1e4))


@pytest.mark.parametrize('text', ['1,2,30,40', ' 1, 2, 30, 40 ', '1 2 30 40', '1.0,2.0,3e1,40'])
def test_parse(text: str) -> None:
    assert Box.parse(text) == Box(1, 2, 30, 40)


@pytest.mark.parametrize(('text', 'message'), [
    ('1,2,3', 'is not x,y,w,h'),
    ('1,2,3,4,5', 'is not x,y,w,h'),
    ('a,b,c,d', 'is not x,y,w,h'),
    ('', 'is not x,y,w,h'),
    ('nan,2,30,40', 'is not finite'),
    ('1,2,inf,40', 'is not finite'),
    ('1,2,0,40', 'side under'),
    ('1,2,30,-40', 'side under'),
])
def test_bad_text_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Box.parse(text)


def test_inside_keeps_the_visible_part() -> None:
    assert Box(-5, 10, 20, 20).inside(100, 25) == Box(0, 10, 15, 15)
    assert Box(3, 4, 10, 10).inside(100, 100) == Box(3, 4, 10, 10)


@pytest.mark.parametrize('box', [
    Box(100, 0, 10, 10), Box(-10, 0, 10, 10), Box(0, 99, 10, 10), Box(0, -9, 10, 10)])
def test_box_outside_the_image_is_refused(box: Box) -> None:
    with pytest.raises(InputError, match='lies outside the 100x100 image'):
        box.inside(100, 100)


def test_inside_refuses_a_box_that_is_no_box() -> None:
    with pytest.raises(InputError, match='not finite'):
        Box(math.nan, 0, 10, 10).inside(100, 100)


@given(boxes, st.integers(2, 4000), st.integers(2, 4000))
def test_what_is_inside_is_inside(box: Box, width: int, height: int) -> None:
    try:
        inside = box.inside(width, height)
    except InputError:
        return
    assert 0 <= inside.x <= width - MIN_SIDE
    assert 0 <= inside.y <= height - MIN_SIDE
    assert inside.x + inside.w <= width + 1e-6
    assert inside.y + inside.h <= height + 1e-6
    assert inside.checked() == inside


@given(boxes)
def test_center_round_trip(box: Box) -> None:
    again = Box.from_center(box.cx, box.cy, box.w, box.h)
    assert again == pytest.approx(box, abs=1e-6)


def test_iou() -> None:
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert Box(0, 0, 10, 10).iou(Box(2, 2, 5, 5)) == pytest.approx(0.25)
    assert Box(0, 0, 10, 10).iou(Box(10, 0, 10, 10)) == 0
    assert Box(0, 0, 0, 0).iou(Box(0, 0, 0, 0)) == 0


@given(boxes, boxes)
def test_iou_is_a_symmetric_share(a: Box, b: Box) -> None:
    assert 0 <= a.iou(b) <= 1 + 1e-9
    assert a.iou(b) == pytest.approx(b.iou(a), abs=1e-9)
    assert a.iou(a) == pytest.approx(1)
