# SPDX-License-Identifier: Apache-2.0
"""Files of boxes: what is written is read back, and what is no box is named with its line."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.box_files import as_xywh, format_boxes, parse_boxes
from rgbt_tracker_ros.errors import InputError

_NUMBER = st.floats(-1e6, 1e6)
_ROWS = st.integers(1, 30).flatmap(
    lambda size: st.lists(st.tuples(*[_NUMBER] * 4), min_size=size, max_size=size))
_SEPARATOR = st.sampled_from([',', ', ', '\t', ' ', '  ', ';', ' , '])
_LINE_END = st.sampled_from(['\n', '\r\n', '\n\n', ' \n'])


@given(_ROWS)
def test_boxes_are_read_back_exactly(rows):
    boxes = np.array(rows)
    np.testing.assert_array_equal(parse_boxes(format_boxes(boxes), 'b.txt'), boxes)


@given(_ROWS, _SEPARATOR, _LINE_END, st.booleans(), st.booleans())
def test_any_usual_separator_and_line_end_is_read(rows, separator, line_end, mark, last):
    text = line_end.join(separator.join(repr(value) for value in row) for row in rows)
    text = '\ufeff' * mark + text + line_end * last
    np.testing.assert_array_equal(parse_boxes(text, 'b.txt'), np.array(rows))


@given(_ROWS)
def test_corners_are_read_as_the_box_around_them(rows):
    boxes = np.array(rows)
    boxes[:, 2:] = np.abs(boxes[:, 2:])
    x, y, right, bottom = boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + \
        boxes[:, 3]
    corners = np.stack([x, y, right, y, right, bottom, x, bottom], axis=1)
    found = as_xywh(parse_boxes(format_boxes(corners), 'b.txt'))
    np.testing.assert_allclose(found, boxes, atol=1e-9)
    np.testing.assert_allclose(
        as_xywh(np.stack([x, y, right, bottom], axis=1), 'ltrb'), boxes, atol=1e-9)


@given(st.text(alphabet='0123456789.,; \t\n\r-+einfax\x0b\x1c"\u0663#', max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        boxes = parse_boxes(text, 'b.txt')
    except InputError as error:
        assert str(error).startswith('b.txt ')  # noqa: PT017
    else:
        assert boxes.shape[1] in (4, 8)
        assert len(boxes) <= text.count('\n') + text.count('\r') + sum(
            text.count(end) for end in '\x0b\x1c') + 1


@given(_ROWS, st.data())
def test_a_wrong_line_is_named(rows, data):
    lines = format_boxes(np.array(rows)).splitlines()
    wrong = data.draw(st.integers(1, len(lines)))
    lines[wrong - 1] = data.draw(st.sampled_from(['x,y,w,h', '1,2,3', '1,2,3,4,5', '1,,2,3', '{}',
                                                  '1,2,3,4 # here', '1,2,3,', '1.2.3,4,5,6']))
    with pytest.raises(InputError, match=f'b.txt line {wrong}: '):
        parse_boxes('\n'.join(lines), 'b.txt')


def test_lines_of_four_and_eight_numbers_do_not_mix():
    with pytest.raises(InputError, match=r'line 2: .* is not 8 numbers'):
        parse_boxes('1,2,3,4,5,6,7,8\n1,2,3,4\n', 'b.txt')
    with pytest.raises(InputError, match=r'line 2: .* is not x,y,w,h'):
        parse_boxes('1,2,3,4\n1,2,3,4,5,6,7,8\n', 'b.txt')
    with pytest.raises(InputError, match=r'line 1: .* is not x,y,w,h'):
        parse_boxes('1,2,3,4,5,6,7,8\n', 'b.txt', corners=False)


def test_a_long_wrong_line_is_cut():
    with pytest.raises(InputError) as caught:
        parse_boxes('7' * 100_000 + ',\n', 'b.txt')
    assert len(str(caught.value)) < 200
