# SPDX-License-Identifier: Apache-2.0
"""The thermal offset by content: right where both cameras see motion, silent where they do not."""
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.imaging.time_offset import CERTAIN, estimate_offset
from rgbt_tracker_ros.imaging.view_changes import CELLS, ViewChanges
from rgbt_tracker_ros.synthetic.clip import Clip
from rgbt_tracker_ros.synthetic.spec import Actor, ClipSpec, Event

SECONDS = 16.0
PATH = tuple((t, 0.8 + 0.35 * np.sin(1.1 * t) * np.cos(0.37 * t), 0.75 + 0.1 * np.sin(0.8 * t))
             for t in np.arange(0.0, SECONDS, 0.4).tolist())


def recorded(seed: int, **values):
    """Return stamps and images of both cameras of a generated clip."""
    clip = Clip(ClipSpec((Actor('person', PATH), Actor('animal', ((0, 0.2, 0.9), (16, 1.9, 0.8)))),
                         size=(96, 72), duration=SECONDS, thermal_rate=30.0, **values), seed)
    return ([(stamp, clip.rgb(i)[0]) for i, stamp in enumerate(clip.rgb_stamps)],
            [(stamp, clip.thermal(i)) for i, stamp in enumerate(clip.thermal_stamps)])


@pytest.fixture(scope='module')
def moving():
    """A camera in motion; the thermal shutter closes for 0.7 s."""
    return recorded(1, events=(Event('freeze', 8.0, 8.7),))


@pytest.fixture(scope='module')
def standing():
    """A camera at rest before which a person and an animal walk."""
    return recorded(2, sway=0.0)


def trace(frames, shift=0.0, every=1, noise=0.0, gain=1.0, window=30.0):
    rng = np.random.default_rng(0)
    result = ViewChanges(window)
    for number, (stamp, image) in enumerate(frames[::every]):
        if noise or gain != 1:
            drift = gain ** (number / len(frames))
            image = np.clip(image * drift + rng.normal(0, noise, image.shape), 0, 65535
                            ).astype(image.dtype)
        result.add(100 + stamp + shift, image)
    return result


@pytest.mark.parametrize('late', [-0.7, -0.15, 0.0, 0.0123, 0.237, 0.6])
def test_a_moving_camera_gives_the_offset_to_a_fraction_of_a_frame(moving, late):
    rgb, thermal = moving
    found = estimate_offset(trace(rgb), trace(thermal, late))
    assert found.certain
    assert found.seconds == pytest.approx(-late, abs=0.012)
    assert f'sync.thermal_offset = {found.seconds:.3f}' in found.words


@pytest.mark.parametrize('late', [-0.4321, 0.25])
def test_a_camera_at_rest_gives_it_where_something_moves(standing, late):
    rgb, thermal = standing
    found = estimate_offset(trace(rgb), trace(thermal, late))
    assert found.certain
    assert found.seconds == pytest.approx(-late, abs=0.02)


@pytest.mark.parametrize('late', [-0.31, 0.1777])
def test_rates_of_30_and_10_hz(moving, late):
    rgb, thermal = moving
    found = estimate_offset(trace(rgb), trace(thermal, late, every=3))
    assert found.certain
    assert found.seconds == pytest.approx(-late, abs=0.03)


def test_noise_drifting_gain_and_views_that_do_not_match_are_borne(moving):
    rgb, thermal = moving
    cropped = [(stamp, image[9:69, 12:92]) for stamp, image in thermal]
    found = estimate_offset(trace(rgb, noise=3), trace(cropped, 0.2, noise=3, gain=1.5))
    assert found.certain
    assert found.seconds == pytest.approx(-0.2, abs=0.02)


def test_images_sent_several_times_do_not_matter(moving):
    rgb, thermal = moving
    twice = [(stamp + again / 60, image) for stamp, image in thermal[::2] for again in range(2)]
    found = estimate_offset(trace(rgb), trace(twice, 0.2))
    assert found.certain
    assert found.seconds == pytest.approx(-0.2, abs=0.02)


def test_a_larger_offset_is_found_near_the_one_in_use(moving):
    rgb, thermal = moving
    late = trace(thermal, 3.2)
    assert not estimate_offset(trace(rgb), late).certain
    found = estimate_offset(trace(rgb), late, expected=-3.0)
    assert found.certain
    assert found.seconds == pytest.approx(-3.2, abs=0.012)


def test_two_scenes_have_no_offset(moving, standing):
    found = estimate_offset(trace(moving[0]), trace(standing[1]))
    assert not found.certain
    assert found.confidence < CERTAIN
    assert 'too little motion' in found.words or 'stands out' in found.words


def test_noise_before_a_still_scene_has_none():
    rng = np.random.default_rng(3)
    frames = [[(i / 30, rng.integers(0, 60, (72, 96), np.uint8) + np.uint8(60))
               for i in range(400)] for _ in range(2)]
    assert not estimate_offset(trace(frames[0]), trace(frames[1])).certain


def test_motion_that_repeats_itself_is_named():
    def image(time):
        result = np.full((72, 96), 90, np.uint8)
        left = 40 + round(18 * np.sin(2 * np.pi * time / 0.8))
        result[20:50, left:left + 14] = 220
        return result
    frames = [(i / 30, image(i / 30)) for i in range(450)]
    found = estimate_offset(trace(frames), trace(frames, 0.1))
    assert not found.certain
    assert 'repeats itself' in found.words


@pytest.mark.parametrize(('rgb', 'thermal', 'words'), [
    ([], [], 'rgb: 0 s with 0 images'),
    ([(i / 30, np.full((72, 96, 3), 80, np.uint8)) for i in range(200)], [],
     'rgb: 0 s with 0 images')])
def test_too_little_material_is_refused_in_words(rgb, thermal, words):
    found = estimate_offset(trace(rgb), trace(thermal))
    assert (found.seconds, found.confidence, found.certain) == (None, 0.0, False)
    assert words in found.words


def test_still_images_and_foreign_clocks_are_refused_in_words(moving):
    rgb, thermal = moving
    still = [(stamp, thermal[0][1]) for stamp, _ in thermal]
    assert 'thermal: 0 s with 0 images' in estimate_offset(trace(rgb), trace(still)).words
    assert 'stamps differ by -5000.0 s' in estimate_offset(trace(rgb), trace(thermal, 5000)).words


def test_a_trace_keeps_its_window_and_starts_anew_where_stamps_jump():
    rng = np.random.default_rng(0)

    def image():
        return rng.integers(0, 255, (48, 64, 3), np.uint8)
    kept = ViewChanges(2.0)
    for number in range(100):
        kept.add(1 + number / 10, image())
    assert kept.seconds == pytest.approx(2.0)
    stamps, changes = kept.arrays()
    assert (len(stamps), changes.shape) == (21, (20, CELLS))
    assert np.isfinite(changes).all()
    kept.add(5.0, image())
    assert (kept.seconds, kept.count) == (0.0, 0)
    kept.add(5.1, image())
    kept.add(5.1, image())
    assert kept.count == 1
    kept.add(50.0, image())
    assert kept.count == 0


@pytest.mark.parametrize('shape', [(0, 0), (4, 4, 0), (1, 1), (5, 7), (3, 2000), (2000, 3, 4),
                                   (40, 40, 1)])
def test_odd_image_sizes_do_no_harm(shape):
    kept = ViewChanges()
    for number in range(4):
        kept.add(1 + number, np.random.default_rng(number).integers(0, 9000, shape, np.uint16))
    assert kept.count in (0, 3)


@settings(max_examples=40)
@given(st.lists(st.floats(0.001, 0.5), min_size=30, max_size=120), st.floats(-3, 3),
       st.sampled_from([1 / 40, 1 / 9, 0.4]), st.integers(0, 9))
def test_whatever_comes_the_answer_is_finite(intervals, shift, period, seed):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (7, 12, 16), np.uint8)
    rgb, thermal = ViewChanges(), ViewChanges()
    for number, stamp in enumerate(np.cumsum(intervals)):
        rgb.add(stamp, small[number % 7])
    for number in range(round(sum(intervals) / period)):
        thermal.add(shift + number * period, small[number * number % 7])
    found = estimate_offset(rgb, thermal)
    assert 0 <= found.confidence <= 1
    assert found.words
    assert found.seconds is None or abs(found.seconds) <= 1.01
