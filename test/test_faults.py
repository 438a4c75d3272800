# SPDX-License-Identifier: Apache-2.0
"""Image faults: shape, type and range are kept, seeds repeat, and each does what it says."""
from __future__ import annotations

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.synthetic.faults import (
    RGB_FAULTS,
    THERMAL_FAULTS,
    darkness,
    gaussian_noise,
    glare,
    low_contrast,
    misalignment,
    motion_blur,
    occluder,
    random_homography,
    smear,
    smoke,
)
from rgbt_tracker_ros.synthetic.textures import (
    GRAIN_MEAN,
    GRAIN_SIGMA,
    fractal_noise,
    grain,
    smooth_noise,
)

CASES = [*((name, 3) for name in RGB_FAULTS), *((name, 0) for name in THERMAL_FAULTS)]


def scene(height=96, width=128, channels=3, seed=0):
    """Return a smooth, contrasty image."""
    rng = np.random.default_rng(seed)
    planes = [fractal_noise(height, width, 6, 3, rng) * 255 for _ in range(channels or 1)]
    image = np.dstack(planes).astype(np.uint8)
    return image if channels else image[..., 0]


def fault(name, channels):
    return (RGB_FAULTS if channels else THERMAL_FAULTS)[name]


@pytest.mark.parametrize(('name', 'channels'), CASES)
@settings(max_examples=12, deadline=None)
@given(height=st.integers(2, 90), width=st.integers(2, 90),
       strength=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_shape_and_type_are_kept_and_the_input_is_untouched(
        name, channels, height, width, strength, seed):
    image = scene(height, width, channels, seed)
    before = image.copy()
    image.setflags(write=False)
    result = fault(name, channels)(image, strength, np.random.default_rng(seed))
    assert result.shape == image.shape
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(('name', 'channels'), CASES)
def test_same_seed_same_result(name, channels):
    image = scene(channels=channels)
    first, second = (fault(name, channels)(image, 0.7, np.random.default_rng(5))
                     for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(('name', 'channels'), CASES)
def test_strength_zero_leaves_the_image(name, channels):
    image = scene(channels=channels)
    result = fault(name, channels)(image, 0.0, np.random.default_rng(1))
    assert np.abs(result.astype(int) - image).max() <= 1


@pytest.mark.parametrize(('name', 'channels'), CASES)
def test_more_strength_does_more_harm(name, channels):
    image = scene(channels=channels)
    apply = fault(name, channels)
    weak, strong = (
        np.mean([np.abs(apply(image, strength, np.random.default_rng(seed)).astype(int)
                        - image).mean() for seed in range(8)])
        for strength in (0.2, 0.9))
    assert strong > weak


def test_smoke_blinds_rgb_and_hardly_thermal():
    rgb, thermal = scene(channels=3), scene(channels=0)
    for seed in range(5):
        assert smoke(rgb, 1.0, np.random.default_rng(seed)).std() < 0.25 * rgb.std()
        assert smoke(thermal, 1.0, np.random.default_rng(seed)).std() > 0.5 * thermal.std()


def test_darkness_blackens_rgb_and_leaves_thermal():
    thermal = scene(channels=0)
    np.testing.assert_array_equal(darkness(thermal, 1.0, np.random.default_rng(0)), thermal)
    assert darkness(scene(), 1.0, np.random.default_rng(0)).mean() < 25


def test_glare_only_adds_light():
    image = scene()
    for seed in range(5):
        lit = glare(image, 1.0, np.random.default_rng(seed))
        assert (lit >= image).all()
        assert lit.mean() > image.mean() + 5


def test_motion_blur_smears_along_its_direction_only():
    image = np.zeros((61, 61), np.uint8)
    image[30, 30] = 255
    lateral = smear(image, 9, 0.0)
    assert (lateral[30] > 0).sum() >= 7
    assert (lateral > 0).any(axis=1).sum() <= 3
    assert motion_blur(scene(), 1.0, np.random.default_rng(0)).std() < scene().std()


def test_noise_has_the_stated_deviation():
    flat = np.full((200, 200), 128, np.uint8)
    noisy = gaussian_noise(flat, 0.5, np.random.default_rng(0))
    assert noisy.std() == pytest.approx(15, rel=0.05)
    assert noisy.mean() == pytest.approx(128, abs=0.5)


def test_low_contrast_flattens():
    assert low_contrast(scene(channels=0), 1.0, np.random.default_rng(0)).std() < 8


def test_misalignment_moves_by_a_few_percent():
    for seed in range(20):
        matrix = random_homography(200, 100, 1.0, np.random.default_rng(seed))
        corners = np.array([[(0, 0), (200, 0), (200, 100), (0, 100)]], np.float32)
        moved = cv2.perspectiveTransform(corners, matrix)
        assert np.abs(moved - corners).max() <= 10.01
    identity = random_homography(200, 100, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(identity, np.eye(3), atol=1e-6)
    assert (misalignment(scene(), 1.0, np.random.default_rng(0)) != scene()).any()


def test_occluder_covers_a_part_only():
    image = scene()
    changed = [(occluder(image, 1.0, np.random.default_rng(seed)) != image).any(axis=2).mean()
               for seed in range(10)]
    assert min(changed) > 0.005
    assert max(changed) < 0.5


def test_grain_has_its_moments_at_any_size():
    for shape in ((300, 300), (40, 50, 3), (1600, 1900)):
        noise = grain(shape, np.random.default_rng(3))
        assert noise.shape == shape
        assert noise.mean() == pytest.approx(GRAIN_MEAN, abs=2.5)
        assert noise.std() == pytest.approx(GRAIN_SIGMA, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70), cells=st.floats(0.5, 20),
       octaves=st.integers(1, 4), seed=st.integers(0, 1000))
def test_fields_stay_in_the_unit_range(height, width, cells, octaves, seed):
    for field in (smooth_noise(height, width, cells, np.random.default_rng(seed)),
                  fractal_noise(height, width, cells, octaves, np.random.default_rng(seed))):
        assert field.shape == (height, width)
        assert field.dtype == np.float32
        assert field.min() >= 0
        assert field.max() <= 1
