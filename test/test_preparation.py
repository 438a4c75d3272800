# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from scenes import HEIGHT, WIDTH, images

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.health import CameraState
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer

SHIFT = (1.0, 0.0, 7.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def test_raw_counts_become_an_8_bit_pair() -> None:
    rgb, thermal = images(40)
    prepared = PairPreparer()(rgb, thermal.astype(np.uint16) * 20 + 22000, 1.5)
    assert prepared.pair is not None
    assert prepared.pair.mode == 'rgbt'
    assert prepared.pair.stamp == 1.5
    assert prepared.pair.thermal.dtype == np.uint8
    assert prepared.pair.thermal[110, 50] > prepared.pair.thermal[110, 200] + 100
    assert prepared.rgb.usable
    assert prepared.thermal.usable


def test_a_blank_camera_is_left_out_with_the_reason() -> None:
    rgb, thermal = images(40)
    prepared = PairPreparer()(np.zeros_like(rgb), thermal)
    assert prepared.pair is not None
    assert prepared.pair.mode == 'thermal'
    assert prepared.rgb.state is CameraState.BLANK
    assert 'blank' in prepared.rgb.reason


def test_boxes_stay_in_rgb_pixels_without_rgb() -> None:
    prepare = PairPreparer()
    rgb, _ = images(40, size=(640, 480))
    _, thermal = images(40)
    assert prepare(rgb, thermal, 0.0).pair.size == (640, 480)
    assert prepare(None, images(43, number=1)[1], 0.03).pair.size == (640, 480)
    prepare.reset()
    assert prepare(None, thermal, 0.1).pair.size == (WIDTH, HEIGHT)


def test_no_usable_camera_gives_no_pair() -> None:
    prepare = PairPreparer()
    assert prepare(None, None).pair is None
    prepared = prepare(np.zeros((HEIGHT, WIDTH, 3), np.uint8), None)
    assert prepared.pair is None
    assert prepared.thermal.state is CameraState.MISSING


def test_the_homography_comes_with_the_pair_and_changes_live() -> None:
    prepare = PairPreparer(Settings.from_flat({'registration.homography': SHIFT}))
    assert prepare(*images(40)).pair.thermal_to_rgb[0, 2] == 7.0
    prepare.configure(Settings())
    assert prepare(*images(43, number=1)).pair.thermal_to_rgb is None


def test_a_bad_homography_changes_nothing() -> None:
    prepare = PairPreparer(Settings.from_flat({'registration.homography': SHIFT}))
    with pytest.raises(InputError, match=r'registration\.homography'):
        prepare.configure(Settings.from_flat({'registration.homography': (0.0,) * 9}))
    assert prepare(*images(40)).pair.thermal_to_rgb[0, 2] == 7.0


def test_counts_that_cannot_be_normalised_leave_rgb_at_work() -> None:
    prepare = PairPreparer(Settings.from_flat({'thermal.normalization': 'none'}))
    rgb, thermal = images(40)
    prepared = prepare(rgb, thermal.astype(np.uint16) * 20)
    assert prepared.pair is not None
    assert prepared.pair.mode == 'rgb'
    assert prepared.thermal.state is CameraState.UNFIT
    assert 'needs thermal.normalization' in prepared.thermal.reason
    assert prepare(None, images(43, number=1)[1].astype(np.uint16) * 20).pair is None
    prepare.configure(Settings())
    rgb, thermal = images(46, number=2)
    assert prepare(rgb, thermal.astype(np.uint16) * 20).pair.mode == 'rgbt'


def test_boxes_are_in_the_rgb_frame_before_its_first_image() -> None:
    _, thermal = images(40)
    twice = (2.0, 0.0, 10.5, 0.0, 2.0, 0.5, 0.0, 0.0, 1.0)
    prepare = PairPreparer(Settings.from_flat({'registration.homography': twice}))
    assert prepare(None, thermal).pair.size == (2 * WIDTH + 10, 2 * HEIGHT)


def test_how_the_views_correspond_is_told_also_of_a_camera_that_is_left_out() -> None:
    rgb, thermal = images(40)
    prepare = PairPreparer(Settings.from_flat({'registration.homography': SHIFT}))
    prepared = prepare(rgb, np.full_like(thermal, 100))
    assert prepared.pair.mode == 'rgb'
    assert prepared.registration.matrix[0, 2] == 7.0
