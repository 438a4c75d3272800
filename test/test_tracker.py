# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mock_model import SEARCH, write_bundle
import numpy as np
import pytest
from scenes import HEIGHT, SIDE, WIDTH, box, images, pair

from rgbt_tracker_ros import Box, ImagePair, Settings, State, Tracker, TrackResult
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.box import MIN_SIDE


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp('model') / 'mock')


@pytest.fixture
def tracker(folder: Path) -> Iterator[Tracker]:
    tracker = Tracker.from_model(folder)
    yield tracker
    tracker.close()


def _follow(tracker: Tracker, frames: int, hidden: range = range(0), step: float = 3,
            ) -> list[TrackResult]:
    """Track the square that moves to the right from x = 40; index 0 is the initial frame."""
    results = [tracker.initialize(pair(40), box(40))]
    for number in range(1, frames):
        x = None if number in hidden else 40 + step * number
        results.append(tracker.track(pair(x, number=number)))
    return results


def test_it_follows_a_moving_target(tracker: Tracker) -> None:
    results = _follow(tracker, 40)
    for number, result in enumerate(results):
        assert result.box.iou(box(40 + 3 * number)) > 0.6
        assert result.state is State.TRACKING
        assert result.mode == 'rgbt'
    assert min(result.score for result in results) > 0.8
    assert results[1].total_ms >= results[1].backend_ms > 0


@pytest.mark.parametrize('camera', ['rgb', 'thermal'])
def test_one_camera_alone_is_enough(tracker: Tracker, camera: str) -> None:
    both = {'rgb': camera == 'rgb', 'thermal': camera == 'thermal'}
    tracker.initialize(pair(40, **both), box(40))
    for number in range(1, 20):
        result = tracker.track(pair(40 + 3 * number, number=number, **both))
    assert result.box.iou(box(97)) > 0.6
    assert result.mode == camera
    assert result.template_frame == 15


def test_it_goes_on_when_a_camera_drops_out_and_comes_back(tracker: Tracker) -> None:
    tracker.initialize(pair(40), box(40))
    modes = []
    for number in range(1, 30):
        result = tracker.track(pair(40 + 3 * number, number=number, thermal=not 8 <= number < 20))
        modes.append(result.mode)
    assert modes == ['rgbt'] * 7 + ['rgb'] * 12 + ['rgbt'] * 10
    assert result.box.iou(box(40 + 3 * 29)) > 0.6
    # No template came from the frames with one camera: frame 15 had only candidates before 8.
    assert result.template_frame <= 6


def test_a_hidden_target_is_lost_and_found_again(tracker: Tracker) -> None:
    results = _follow(tracker, 45, hidden=range(12, 26))
    states = [result.state for result in results]
    assert states[:16] == [State.TRACKING] * 16
    assert states[16:26] == [State.LOST] * 10
    assert states[-1] is State.TRACKING
    assert results[-1].box.iou(box(40 + 3 * 44)) > 0.6
    # Nothing shows it: the box goes on where it was going.
    assert all(results[number].box.iou(box(40 + 3 * number)) > 0.35 for number in range(12, 26))
    assert max(result.score for result in results[12:26]) < 0.3


def test_without_coasting_a_lost_target_stays_where_it_was_seen(folder: Path) -> None:
    tracker = Tracker.from_model(folder, settings=Settings.from_flat({'target.coast': False}))
    results = _follow(tracker, 26, hidden=range(12, 26))
    assert [result.state for result in results[16:]] == [State.LOST] * 10
    assert all(result.box.iou(results[11].box) > 0.9 for result in results[16:])
    tracker.close()


def test_a_target_that_comes_back_far_away_is_found(tracker: Tracker) -> None:
    tracker.initialize(pair(30, 30), box(30, 30))
    for number in range(1, 10):
        tracker.track(pair(None, number=number))
    assert tracker.state is State.LOST
    found = None
    # Twelve sizes away: that takes some seconds to be believed.
    for number in range(10, 160):
        result = tracker.track(pair(260, 190, number=number))
        if result.state is State.TRACKING:
            found = result
            break
    assert found is not None
    assert found.box.iou(box(260, 190)) > 0.4


def test_without_redetection_it_only_looks_where_it_was(folder: Path) -> None:
    tracker = Tracker.from_model(folder, settings=Settings.from_flat({'target.redetect': False}))
    tracker.initialize(pair(30, 30), box(30, 30))
    for number in range(1, 60):
        result = tracker.track(pair(None if number < 10 else 260, 190, number=number))
    assert result.state is State.LOST


def test_without_redetection_a_target_near_its_place_is_found_in_time(folder: Path) -> None:
    tracker = Tracker.from_model(folder, settings=Settings.from_flat({'target.redetect': False}))
    tracker.initialize(pair(100), box(100))
    for number in range(1, 10):
        lost = tracker.track(pair(None, number=number))
    assert lost.state is State.LOST
    beside = 100 + 1.3 * SIDE
    states = [tracker.track(pair(beside, number=number)).state for number in range(10, 80)]
    assert states[0] is State.LOST
    assert states[-1] is State.TRACKING
    tracker.close()


def test_templates_follow_the_settings(tracker: Tracker) -> None:
    results = _follow(tracker, 40)
    assert [results[n].template_frame for n in (14, 15, 29, 30)] == [0, 15, 15, 30]
    tracker.configure(Settings.from_flat({'template.update': 'off'}))
    assert tracker.track(pair(157, number=40)).template_frame == 0


def test_hidden_frames_never_become_templates(folder: Path) -> None:
    tracker = Tracker.from_model(folder, settings=Settings.from_flat(
        {'template.update': 'interval', 'template.interval': 1}))
    results = _follow(tracker, 25, hidden=range(10, 20))
    assert [result.template_frame for result in results[9:20]] == [9] * 11


def test_settings_change_between_frames(tracker: Tracker) -> None:
    tracker.initialize(pair(40), box(40))
    tracker.configure(Settings.from_flat({'target.lost_frames': 1}))
    assert tracker.track(pair(None, number=1)).state is State.LOST


def test_the_fused_crop_and_its_place(tracker: Tracker) -> None:
    tracker.initialize(pair(40), box(40))
    result = tracker.track(pair(43, number=1), fused=True)
    assert result.fused is not None
    assert result.fused.shape == (SEARCH, SEARCH, 3)
    assert result.fused.dtype == np.uint8
    assert result.crop_box == Box(40 + 16 - 64, 100 + 16 - 64, 128, 128)
    assert tracker.track(pair(46, number=2)).fused is None


def test_a_model_that_gives_nan_fails_the_frame_and_no_more(tmp_path: Path) -> None:
    tracker = Tracker.from_model(write_bundle(tmp_path / 'm', nan=True))
    before = tracker.initialize(pair(40), box(40)).box
    for number in range(1, 8):
        result = tracker.track(pair(40, number=number))
        assert result.score == 0
        assert result.box == before
        assert 'NaN' in result.note
    assert result.state is State.LOST
    recovered = tracker.track(pair(40, rgb=False, number=9))
    assert recovered.note == ''
    assert recovered.score > 0.5


def test_a_frame_without_any_camera_counts_as_missed(tracker: Tracker) -> None:
    start = tracker.initialize(pair(40), box(40)).box
    results = [tracker.miss('both cameras are blank') for _ in range(5)]
    assert [result.state for result in results] == [State.TRACKING] * 4 + [State.LOST]
    assert results[-1].mode == 'none'
    assert results[-1].box == start
    assert results[-1].note == 'both cameras are blank'


def test_a_target_may_have_moved_on_while_nothing_was_seen(tracker: Tracker) -> None:
    """The longer the blindness, the farther away it is believed to be the same target."""
    scores = []
    for blind in (6, 60):
        tracker.initialize(pair(40), box(40))
        for _ in range(blind):
            tracker.miss('smoke')
        scores.append(tracker.track(pair(92, number=blind)).score)
    assert scores[0] < 0.3 < 0.7 < scores[1]


BAD_BOXES = [
    (Box(0, 0, 0, 10), 'side under'), (Box(5, 5, 10, -3), 'side under'),
    (Box(math.nan, 0, 10, 10), 'not finite'), (Box(0, 0, math.inf, 10), 'not finite'),
    (Box(1000, 1000, 20, 20), 'outside the 320x240 image'),
    (Box(-40, 10, 30, 30), 'outside the 320x240 image'),
]


@pytest.mark.parametrize(('bad', 'message'), BAD_BOXES)
def test_a_bad_box_is_refused_and_the_old_target_stays(
        tracker: Tracker, bad: Box, message: str) -> None:
    tracker.initialize(pair(40), box(40))
    with pytest.raises(InputError, match=message):
        tracker.initialize(pair(40), bad)
    assert tracker.track(pair(43, number=1)).box.iou(box(43)) > 0.6


def test_a_box_partly_outside_is_cut(tracker: Tracker) -> None:
    assert tracker.initialize(pair(40), Box(-10, -10, 40, 40)).box == Box(0, 0, 30, 30)


def test_without_a_target_there_is_nothing_to_track(tracker: Tracker) -> None:
    assert tracker.state is State.IDLE
    with pytest.raises(InputError, match='call initialize'):
        tracker.track(pair(40))
    with pytest.raises(InputError, match='call initialize'):
        tracker.miss('no camera')
    tracker.initialize(pair(40), box(40))
    tracker.reset()
    assert tracker.state is State.IDLE
    with pytest.raises(InputError, match='call initialize'):
        tracker.track(pair(40))


def test_a_new_image_size_scales_the_box_and_says_so(tracker: Tracker) -> None:
    tracker.initialize(pair(40), box(40))
    large = ImagePair(*images(86, 200, size=(2 * WIDTH, 2 * HEIGHT), side=2 * SIDE))
    result = tracker.track(large)
    assert result.note == 'image size changed from 320x240 to 640x480: the box was scaled'
    assert result.box.iou(Box(86, 200, 2 * SIDE, 2 * SIDE)) > 0.6


def test_a_target_that_leaves_keeps_the_box_inside(tracker: Tracker) -> None:
    for result in _follow(tracker, 60, step=8):
        assert 0 <= result.box.x < result.box.x + result.box.w <= WIDTH


def test_unknown_models_and_backends_are_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="'no_such_model' not found"):
        Tracker.from_model('no_such_model')
    with pytest.raises(InputError, match=r'model\.backend'):
        Tracker.from_model(folder, backend='abacus')


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(x=st.floats(-40, 350), y=st.floats(-40, 260), w=st.floats(2, 400), h=st.floats(2, 400),
       seed=st.integers(0, 99))
def test_any_box_on_any_image_gives_finite_boxes_inside(
        tracker: Tracker, x: float, y: float, w: float, h: float, seed: int) -> None:
    noise = np.random.default_rng(seed)
    frame = ImagePair(noise.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
                      noise.integers(0, 256, (HEIGHT, WIDTH), np.uint8))
    try:
        tracker.initialize(frame, Box(x, y, w, h))
    except InputError:
        return
    for number in range(8):
        found = tracker.track(pair(150, number=number) if number % 2 else frame).box
        assert all(map(math.isfinite, found))
        assert found.w >= MIN_SIDE - 1e-9
        assert found.h >= MIN_SIDE - 1e-9
        assert found.x >= 0
        assert found.y >= 0
        assert found.x + found.w <= WIDTH + 1e-9
        assert found.y + found.h <= HEIGHT + 1e-9
