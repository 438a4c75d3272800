# SPDX-License-Identifier: Apache-2.0
"""Reliability: near 1 on clean images, near 0 where a camera shows nothing, and never odd."""
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.health import CameraHealth, CameraState, Health
from rgbt_tracker_ros.imaging.reliability import Reliability, search_region, visibility
from rgbt_tracker_ros.settings import HealthSettings
from rgbt_tracker_ros.synthetic import faults
from rgbt_tracker_ros.tracking.preparation import PairPreparer

OK = Health(CameraState.OK, 'rgb: ok', fit=True)
NUMBERS = st.floats(-1e7, 1e7)


def scene(seed: int = 0, width: int = 320, height: int = 240) -> np.ndarray:
    """Return an RGB image of plain patches with edges, as walls, cars and people make them."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 120, np.uint8)
    for _ in range(90):
        x, y = rng.integers(0, width), rng.integers(0, height)
        w, h = rng.integers(8, 50, 2)
        image[y:y + h, x:x + w] = rng.integers(20, 220, 3)
    return image


@settings(max_examples=60, deadline=None)
@given(arrays(np.uint8, st.one_of(
    st.tuples(st.integers(1, 60), st.integers(1, 60), st.just(3)),
    st.tuples(st.integers(1, 60), st.integers(1, 60)))),
    st.one_of(st.none(), st.builds(Box, NUMBERS, NUMBERS, NUMBERS, NUMBERS)))
def test_it_is_a_share_whatever_the_image_and_the_region(
        image: np.ndarray, region: Box | None) -> None:
    assert 0.0 <= visibility(image, region) <= 1.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(['gaussian_noise', 'defocus', 'low_contrast',
                                              'smoke', 'darkness']),
       st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_the_worse_the_image_the_lower_it_is(
        seed: int, name: str, strengths: list[float]) -> None:
    image, fault = scene(seed), getattr(faults, name)
    mild, strong = (visibility(fault(image, strength, np.random.default_rng(seed)))
                    for strength in sorted(strengths))
    assert strong <= mild + 0.03


@pytest.mark.parametrize(('name', 'limit'), [
    ('smoke', 0.6), ('darkness', 0.3), ('low_contrast', 0.3), ('glare', 0.85)])
def test_a_view_is_lost_in_smoke_darkness_fog_and_glare(name: str, limit: float) -> None:
    fault = getattr(faults, name)
    clean, spoilt = [], []
    for seed in range(8):
        clean.append(visibility(scene(seed)))
        spoilt.append(visibility(fault(scene(seed), 1.0, np.random.default_rng(seed))))
    assert min(clean) > 0.97
    assert np.mean(spoilt) < limit


def test_pure_noise_shows_nothing() -> None:
    noise = np.random.default_rng(1).normal(60, 6, (240, 320, 3)).clip(0, 255).astype(np.uint8)
    assert visibility(noise) < 0.1


def test_it_is_measured_around_the_target() -> None:
    image = scene()
    image[:, 160:] = 128
    assert visibility(image, Box(10, 60, 120, 120)) > 0.97
    assert visibility(image, Box(190, 60, 120, 120)) < 0.05


def test_white_thermal_is_hot_and_white_rgb_is_glare() -> None:
    image = scene()
    image[:, :160] = 255
    assert visibility(image) == pytest.approx(0.5, abs=0.1)
    assert visibility(image[:, :, 1].copy()) > 0.97


def test_the_region_is_found_in_a_thermal_image_of_another_size_or_view() -> None:
    thermal = np.zeros((256, 320), np.uint8)
    box = Box(300, 200, 40, 40)
    assert search_region(box, (640, 480), thermal[:240]) == Box(120, 70, 80, 80)
    shift = np.array([[2.0, 0, -20], [0, 2.0, 10], [0, 0, 1]])
    assert search_region(box, (640, 480), thermal, shift) == pytest.approx((130, 65, 80, 80))
    tilted = np.array([[1.0, 0, 0], [0, 1.0, 0], [1 / 240, 0, 1.0]])
    assert np.isfinite(search_region(box, (640, 480), thermal, tilted)).all()


def test_a_faulty_image_has_none_and_the_past_is_made_good_in_a_second() -> None:
    image, reliability = scene(), Reliability()
    camera = CameraHealth('rgb', HealthSettings())
    values = []
    for number in range(90):
        shown = np.zeros_like(image) if 30 <= number < 45 else image.copy()
        shown[0, 0] = number
        stamp = 5 + number / 30
        values.append(reliability.rate(camera.update(shown, stamp), shown, stamp).reliability)
    assert min(values[:30]) > 0.97
    assert values[30:45] == [0.0] * 15
    assert 0.5 < values[45] < 0.8
    assert values[45:] == sorted(values[45:])
    assert values[-1] > 0.85


def test_between_the_images_of_a_slow_camera_it_stays() -> None:
    reliability = Reliability()
    value = reliability.rate(OK, scene(), 1.0).reliability
    assert value > 0.97
    assert reliability.rate(Health(CameraState.OK, ''), None, 1.1).reliability == value
    stale = Health(CameraState.STALE, 'rgb: no image for 2.0 s')
    assert reliability.rate(stale, None, 3.0).reliability == 0.0


def test_the_preparer_rates_both_cameras() -> None:
    image, prepare = scene(), PairPreparer()
    dark = faults.darkness(image, 1.0, np.random.default_rng(0))
    prepared = prepare(dark, image[:, :, 1].copy(), 1.0, Box(100, 100, 30, 30))
    assert prepared.pair is not None
    assert prepared.pair.mode == 'rgbt', 'a dark camera stays in use'
    rated = prepare.rate()
    assert rated is not None
    assert rated[0].reliability < 0.3
    assert rated[1].reliability > 0.97
    assert prepare.rate() is None, 'each pair is rated once'
    prepare.reset()
    prepare(None, image[:, :, 1].copy(), 0.5)
    rated = prepare.rate()
    assert rated is not None
    assert rated[0].reliability == 0.0
