# SPDX-License-Identifier: Apache-2.0
"""Corruptions of recordings: each does exactly what its name and level say, the same each time."""
from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from test_faults import scene

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.synthetic import faults
from rgbt_tracker_ros.synthetic.corruptions import (
    DRIFT_PERIOD,
    KINDS,
    Corruption,
    parse_corruptions,
)
from rgbt_tracker_ros.synthetic.patterns import (
    CAMERAS,
    Film,
    gap,
    scattered,
    shift,
    switched,
    turn,
)
from rgbt_tracker_ros.synthetic.streams import delayed, held, marred, missing
from rgbt_tracker_ros.training.augment import CAMERA_FAULTS, SCENE_FAULTS

PERCENT = st.floats(0, 100)
LENGTH = st.integers(1, 300)
SEED = st.integers(0, 99)
ALL = [str(item) for item in parse_corruptions('all')]
IMAGES = {'rgb': scene(48, 64, 3), 'thermal': scene(48, 64, 0)}
MISALIGNED = ('thermal-shifted', 'thermal-turned')


def footage(camera, length=12):
    """Return images that are all a little different."""
    return [np.roll(IMAGES[camera], 3 * number, axis=1) for number in range(length)]


def run(label, camera, film):
    corruption, = parse_corruptions(label)
    return list(corruption.stream(camera, footage(camera, film.length), film))


def same(first, second):
    return len(first) == len(second) and all(
        (a is None and b is None) or (a is not None and b is not None and np.array_equal(a, b))
        for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize('label', ALL)
def test_the_same_again_and_something_else_with_another_seed_or_name(label):
    film = Film('street', 12, 3)
    for camera in CAMERAS:
        assert same(run(label, camera, film), run(label, camera, film))
    others = [Film('street', 12, seed) for seed in range(4, 10)] + [Film('park', 12, 3)]
    if 'late' not in label:
        assert any(not same(run(label, camera, film), run(label, camera, other))
                   for other in others for camera in CAMERAS)


@pytest.mark.parametrize('label', ALL)
def test_one_image_for_each_of_the_same_kind_the_first_as_it_is(label):
    for camera in CAMERAS:
        before, after = footage(camera), run(label, camera, Film('street', 12))
        assert len(after) == len(before)
        assert all(image is None or (image.shape, image.dtype) == (before[0].shape, np.uint8)
                   for image in after)
        if not label.startswith(MISALIGNED):
            np.testing.assert_array_equal(after[0], before[0])
        np.testing.assert_array_equal(before[5], footage(camera)[5])


@pytest.mark.parametrize('name', KINDS)
def test_level_zero_changes_nothing(name):
    for camera in CAMERAS:
        for before, after in zip(footage(camera), run(f'{name}:0', camera, Film('street', 12)),
                                 strict=True):
            assert np.abs(before.astype(int) - after).max() <= 1


@pytest.mark.parametrize('name', KINDS)
def test_only_the_cameras_it_names_are_changed(name):
    level = KINDS[name].levels[-1]
    for camera in CAMERAS:
        after = run(f'{name}:{level:g}', camera, Film('street', 12))
        assert same(footage(camera), after) == (
            camera not in KINDS[name].cameras or (name, camera) == ('darkness', 'thermal'))


@given(PERCENT, LENGTH, SEED)
def test_a_gap_is_of_the_stated_share_and_in_one_piece(percent, length, seed):
    flags = gap(percent, Film('a', length, seed))
    assert flags.sum() == round(percent / 100 * (length - 1))
    assert not flags[0]
    assert np.abs(np.diff(flags.astype(int))).sum() <= 2


@given(PERCENT, LENGTH, SEED, st.sampled_from([switched, scattered]))
def test_cameras_are_missing_in_turn_and_together_in_the_stated_share(
        percent, length, seed, pattern):
    rgb, thermal = (pattern(camera, percent, Film('a', length, seed)) for camera in CAMERAS)
    assert not (rgb & thermal).any()
    assert (rgb | thermal).sum() == round(percent / 100 * (length - 1))
    assert not (rgb | thermal)[0]


@given(st.integers(100, 300), SEED, st.floats(20, 100))
def test_both_cameras_have_their_turn(length, seed, percent):
    for pattern in (switched, scattered):
        shares = [pattern(camera, percent, Film('a', length, seed)).sum() for camera in CAMERAS]
        assert min(shares) > 0.15 * sum(shares)


@given(LENGTH, SEED, PERCENT, PERCENT)
def test_a_higher_level_takes_the_same_frames_and_more(length, seed, low, high):
    low, high = sorted((low, high))
    few, many = (scattered('rgb', level, Film('a', length, seed)) for level in (low, high))
    assert not (few & ~many).any()


@given(st.integers(1, 60), st.integers(0, 30))
def test_a_delay_is_exact(length, count):
    shown = delayed([np.full((1, 1), number) for number in range(length)], count)
    assert [int(image[0, 0]) for image in shown] == [max(n - count, 0) for n in range(length)]


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_images_stand_still_or_are_left_out_where_flagged(flags):
    frames = [np.full((1, 1), number) for number in range(len(flags))]
    assert [image is None for image in missing(frames, flags)] == flags
    last = 0
    for number, (flag, image) in enumerate(zip(flags, held(frames, flags), strict=True)):
        last = last if flag else number
        assert image[0, 0] == last


@given(st.floats(0, 50), SEED)
def test_a_shift_is_of_the_stated_length(pixels, seed):
    matrix = shift(pixels, Film('a', 9, seed))
    assert np.hypot(*matrix[:2, 2]) == pytest.approx(pixels)
    np.testing.assert_array_equal(matrix[:2, :2], np.eye(2))


@given(st.floats(0, 180), SEED, st.integers(1, 900), st.integers(1, 900))
def test_a_turn_is_of_the_stated_angle_about_the_middle(degrees, seed, width, height):
    matrix = turn(degrees, Film('a', 9, seed), width, height)
    middle = np.array([(width - 1) / 2, (height - 1) / 2, 1])
    np.testing.assert_allclose(matrix @ middle, middle, atol=1e-9)
    assert abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))) == pytest.approx(degrees)
    assert np.linalg.det(matrix) == pytest.approx(1)


@pytest.mark.parametrize(('label', 'matrix'), [
    ('thermal-shifted:8', lambda film: shift(8, film)),
    ('thermal-turned:6', lambda film: turn(6, film, 64, 48))])
def test_misaligned_images_are_moved_by_the_homography(label, matrix):
    film = Film('street', 12)
    expected = cv2.warpPerspective(IMAGES['thermal'], matrix(film), (64, 48),
                                   borderMode=cv2.BORDER_REPLICATE)
    np.testing.assert_array_equal(run(label, 'thermal', film)[0], expected)


def test_darkness_has_new_noise_in_each_frame_and_smoke_stands():
    still = [IMAGES['rgb']] * 3
    noisy, smoky = (list(Corruption(name, 70).stream('rgb', still, Film('a', 3)))
                    for name in ('darkness', 'smoke'))
    assert (noisy[1] != noisy[2]).any()
    np.testing.assert_array_equal(smoky[1], smoky[2])


def test_the_gain_drifts_away_and_back():
    still = [IMAGES['thermal']] * (DRIFT_PERIOD + 1)
    far = [np.abs(image.astype(int) - still[0]).mean() for image in
           Corruption('thermal-drift', 100).stream('thermal', still, Film('a', len(still)))]
    assert max(far) > 10
    assert np.argmax(far) == pytest.approx(DRIFT_PERIOD / 2, abs=DRIFT_PERIOD / 4)
    assert far[-1] <= 1


def test_16_bit_images_keep_their_range():
    counts = [7000 + 8 * image.astype(np.uint16) for image in footage('thermal')]
    kept = list(marred(counts, lambda image, number: image))
    assert kept[3].dtype == np.uint16
    # 255 steps over three times the range.
    assert np.abs(kept[3].astype(int) - counts[3]).max() <= 3 * 8 / 2
    smoky = list(Corruption('smoke', 40).stream('thermal', counts, Film('a', 12)))
    assert smoky[3].mean() == pytest.approx(counts[3].mean(), abs=400)


def test_frames_are_read_one_by_one():
    def endless():
        while True:
            yield IMAGES['thermal']
    for label in ('smoke:40', 'thermal-late:5', 'thermal-drift:40', 'thermal-turned:3'):
        corruption, = parse_corruptions(label)
        frames = corruption.stream('thermal', endless(), Film('a', None))
        assert len(list(islice(frames, 8))) == 8


def test_names_are_read():
    assert [str(item) for item in parse_corruptions('rgb-missing')] == [
        'rgb-missing:30', 'rgb-missing:60', 'rgb-missing:90']
    assert {item.name for item in parse_corruptions('all')} == set(KINDS)
    assert parse_corruptions(' thermal-turned:2.5 ') == [Corruption('thermal-turned', 2.5)]


@pytest.mark.parametrize(('text', 'message'), [
    ('fog', "corruption 'fog' is unknown: give all, or NAME"), ('', 'is unknown'),
    ('fog:3', 'is unknown'), ('smoke:thick', "'thick' is no number"), ('smoke:', 'is no number'),
    ('smoke:101', 'a level from 0 to 100 %'), ('smoke:-1', 'from 0 to'), ('smoke:nan', 'from 0'),
    ('thermal-late:2.5', 'a whole number'), ('all:3', 'is unknown'),
])
def test_what_does_not_exist_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_corruptions(text)


def test_a_share_of_an_unknown_length_is_refused():
    with pytest.raises(InputError, match='does not tell how many'):
        Corruption('rgb-missing', 30).stream('rgb', [], Film('a', None))


def test_training_uses_the_same_faults():
    assert set(SCENE_FAULTS) <= set(faults.RGB_FAULTS)
    assert set(CAMERA_FAULTS) <= set(faults.THERMAL_FAULTS)
    image = IMAGES['rgb']
    film = Film('street', 2)
    smoky = list(Corruption('smoke', 70).stream('rgb', [image, image], film))[1]
    np.testing.assert_array_equal(
        smoky, faults.RGB_FAULTS['smoke'](image, 0.7, film.random('scene')))


def test_the_documentation_lists_all():
    page = (Path(__file__).parents[1] / 'docs' / 'robustness.md').read_text()
    for name, kind in KINDS.items():
        levels = ', '.join(f'{level:g}' for level in kind.levels)
        assert f'| `{name}` | {levels} {kind.unit} | {kind.highest:g} {kind.unit} |' in page
        assert kind.text in page
