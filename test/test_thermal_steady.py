# SPDX-License-Identifier: Apache-2.0
"""Thermal normalisation over time: neither hot objects nor noise make it flicker."""
from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from rgbt_tracker_ros.imaging.clahe import SteadyClahe
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import Settings

STEADY = ['percentile', 'clahe']


def normalizer(**values: Any) -> ThermalNormalizer:
    flat = {f'thermal.{name}': value for name, value in values.items()}
    return ThermalNormalizer(Settings.from_flat(flat).thermal)


def scene(seed: int, low: float = 7000, high: float = 8000) -> np.ndarray:
    """Return 256 x 320 counts (14 bits): a smooth noisy scene with a target in its middle."""
    rows, columns = np.mgrid[:256, :320]
    waves = 0.5 + 0.25 * np.sin(rows / 40) + 0.25 * np.cos(columns / 50)
    noise = np.random.default_rng(seed).normal(0, 5, waves.shape)
    counts = low + (high - low) * waves + noise
    counts[110:140, 150:170] = high - 0.2 * (high - low)
    return counts.clip(0, 16383).astype(np.uint16)


def target_level(image: np.ndarray) -> float:
    return float(image[115:135, 153:167].mean())


@pytest.mark.parametrize(('policy', 'bound'), [('percentile', 5), ('clahe', 8)])
@pytest.mark.parametrize('columns', [
    lambda frame: slice(0, min(2 * (frame - 19), 80)),      # a vehicle drives in at the side
    lambda frame: slice(175, 240),                          # a door opens beside the target
    lambda frame: slice(0, 140)])                           # a fire over much of the view
def test_a_hot_object_that_enters_does_not_darken_the_target_from_frame_to_frame(
        policy: str, bound: float, columns: Any) -> None:
    normalize = normalizer(normalization=policy)
    levels = []
    for frame in range(120):
        raw = scene(frame)
        if frame >= 20:
            raw[:, columns(frame)] = 16383
        levels.append(target_level(normalize(raw)))
    assert np.abs(np.diff(levels)).max() < bound


@pytest.mark.parametrize('policy', STEADY)
def test_a_still_scene_with_noise_does_not_flicker(policy: str) -> None:
    normalize = normalizer(normalization=policy)
    images = np.array([normalize(scene(frame)).astype(np.float32) for frame in range(40)])
    means = images[5:].mean(axis=(1, 2))
    assert np.abs(np.diff(means)).max() < 0.5
    assert np.ptp([target_level(image) for image in images[5:]]) < 3


@pytest.mark.parametrize('policy', STEADY)
def test_a_new_scene_is_shown_at_once(policy: str) -> None:
    """After a shutter calibration all counts may be shifted."""
    normalize = normalizer(normalization=policy)
    for frame in range(5):
        before = target_level(normalize(scene(frame)))
    assert abs(target_level(normalize(scene(5, 11000, 12000))) - before) < 5


def test_clahe_raises_local_contrast_by_its_limit() -> None:
    raw = scene(0)
    raw[20:60, 20:60] += ((np.indices((40, 40)).sum(axis=0) // 4 % 2) * 60).astype(np.uint16)
    plain, little, much = (
        normalizer(normalization=policy, clip_limit=limit)(raw)[20:60, 20:60].std()
        for policy, limit in (('percentile', 2), ('clahe', 1), ('clahe', 4)))
    assert much > 1.4 * plain
    assert plain < little < 0.8 * much


def test_clahe_moves_on_when_its_settings_or_the_size_change() -> None:
    normalize = normalizer(normalization='clahe')
    for tiles, raw in ((8, scene(0)), (3, scene(1)), (32, scene(2)[:100, :90]), (8, scene(3))):
        normalize.configure(Settings.from_flat(
            {'thermal.normalization': 'clahe', 'thermal.tiles': tiles}).thermal)
        image = normalize(raw)
        assert image.shape == raw.shape
        assert image.std() > 30


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)),
       st.floats(1, 40), st.integers(1, 32), st.floats(0, 0.999))
def test_clahe_takes_any_image(image: np.ndarray, limit: float, tiles: int, keep: float) -> None:
    equalize = SteadyClahe()
    for frame in (image, image[::-1].copy(), image):
        out = equalize(frame, limit, tiles, keep)
        assert out.shape == image.shape
        assert out.dtype == np.uint8


@given(st.floats(0.005, 1), st.floats(-300, 300), st.floats(-40, 100), st.floats(5, 400))
def test_a_range_in_celsius_is_the_same_range_in_counts(
        scale: float, offset: float, low: float, span: float) -> None:
    raw = np.random.default_rng(0).integers(0, 65536, (40, 50)).astype(np.uint16)
    celsius = normalizer(normalization='range', unit='celsius', scale=scale, offset=offset,
                         min=low, max=low + span)
    counts = normalizer(normalization='range', min=(low - offset) / scale,
                        max=(low + span - offset) / scale)
    assert np.array_equal(celsius(raw), counts(raw))


def test_a_radiometric_camera_shows_temperatures() -> None:
    kelvins = np.array([[-20.0, 0.0, 10.0, 40.0, 120.0]]) + 273.15
    normalize = normalizer(normalization='range', unit='celsius', min=0, max=40)
    assert normalize((kelvins * 100).round().astype(np.uint16)).tolist() == [[0, 0, 64, 255, 255]]


@given(hnp.arrays(st.sampled_from([np.dtype(np.uint8), np.dtype(np.uint16)]),
                  hnp.array_shapes(min_dims=2, max_dims=2, max_side=8)),
       st.floats(-1000, 60000), st.floats(1, 70000))
def test_levels_are_those_of_the_formula(raw: np.ndarray, low: float, span: float) -> None:
    out = normalizer(normalization='range', min=low, max=low + span)(raw)
    exact = np.clip((raw.astype(np.float64) - low) * 255 / span, 0, 255)
    assert np.abs(out - exact).max() <= 0.51
