# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
from scenes import images

from rgbt_tracker_ros import Box, State, TrackResult
from rgbt_tracker_ros.benchmark.overlay import GREEN, RED, compose, draw_box, in_rgb_frame

RESULT = TrackResult(Box(40, 100, 32, 32), 0.8, State.TRACKING, 'rgbt', 0, 1.0, 2.0)


def _count(image: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((np.abs(image.astype(int) - color).max(axis=2) < 70).sum())


def test_panels_stand_side_by_side_over_a_bar() -> None:
    rgb, thermal = images(40)
    both = compose(rgb, thermal, RESULT)
    assert both.shape == (480 + 48, 640 + 4 + 640, 3)
    assert compose(rgb, None, RESULT).shape == (480 + 48, 640, 3)
    assert compose(rgb, thermal, RESULT, fused=True).shape == (480 + 48, 1284 + 4 + 480, 3)
    # The box is drawn at its place in both panels: twice the recording's size.
    for left in (80, 644 + 80):
        assert both[200 + 32, left].tolist() == list(GREEN)


def test_lost_is_dashed_red() -> None:
    tracked, lost = np.zeros((240, 320, 3), np.uint8), np.zeros((240, 320, 3), np.uint8)
    draw_box(tracked, RESULT.box)
    draw_box(lost, RESULT.box, lost=True)
    assert _count(tracked, RED) == 0
    assert _count(lost, GREEN) == 0
    assert 20 < _count(lost, RED) < _count(tracked, GREEN)


def test_the_fused_panel_shows_the_box_inside_the_crop() -> None:
    rgb, thermal = images(40)
    result = replace(RESULT, fused=np.zeros((128, 128, 3), np.uint8),
                     crop_box=Box(-8, 52, 128, 128))
    panel = compose(rgb, thermal, result, fused=True)[:480, 1288:]
    assert panel[240, round((40 + 8) * 480 / 128)].tolist() == list(GREEN)


def test_a_camera_left_out_is_dimmed() -> None:
    rgb, thermal = images(40)
    plain = compose(rgb, thermal, RESULT)
    dimmed = compose(rgb, thermal, RESULT, notes={'rgb': 'frozen'})
    assert dimmed[300:480, :640].mean() < 0.6 * plain[300:480, :640].mean()
    np.testing.assert_array_equal(dimmed[:480, 644:], plain[:480, 644:])


def test_input_images_are_left_as_they_are() -> None:
    rgb, thermal = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640), np.uint8)
    compose(rgb, thermal, replace(RESULT, state=State.LOST), event='smoke', caption='frame 1',
            truth=Box(1, 1, 20, 20))
    assert not rgb.any()
    assert not thermal.any()


def test_boxes_outside_and_odd_sizes_do_not_matter() -> None:
    rgb, thermal = images(40, size=(333, 77))
    picture = compose(rgb, thermal, replace(RESULT, box=Box(-500, 900, 4, 4)),
                      truth=Box(np.nan, 0, 1, 1), event='an event with a very long name ' * 9)
    assert picture.shape[0] == 528


def test_thermal_is_brought_into_the_rgb_frame() -> None:
    thermal = np.zeros((120, 160), np.uint8)
    thermal[60:80, 40:60] = 200
    assert in_rgb_frame(thermal, (320, 240))[140, 100] == 200
    shift = np.array([[1, 0, 50], [0, 1, 0], [0, 0, 1]], np.float64)
    assert in_rgb_frame(thermal, (320, 240), shift)[70, 100] == 200
