# SPDX-License-Identifier: Apache-2.0
"""Thermal normalisation: right levels, no flicker, no failure."""
from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import Settings, ThermalSettings


def normalizer(**values: Any) -> ThermalNormalizer:
    flat = {f'thermal.{name}': value for name, value in values.items()}
    return ThermalNormalizer(Settings.from_flat(flat).thermal)


def scene(seed: int, low: float = 7000, high: float = 8000) -> np.ndarray:
    """Return 128 x 160 counts of a smooth scene with sensor noise; the target is at its centre."""
    rows, columns = np.mgrid[:128, :160]
    waves = 0.5 + 0.25 * np.sin(rows / 20) + 0.25 * np.cos(columns / 25)
    noise = np.random.default_rng(seed).normal(0, 5, waves.shape)
    counts = low + (high - low) * waves + noise
    counts[50:65, 75:85] = high - 0.2 * (high - low)
    return counts.clip(0, 65535).astype(np.uint16)


def target_level(image: np.ndarray) -> float:
    return float(image[53:62, 77:83].mean())


def test_8_bit_passes_through_uncopied() -> None:
    raw = np.arange(256, dtype=np.uint8).reshape(16, 16)
    out = normalizer(normalization='none')(raw)
    assert np.shares_memory(out, raw)
    assert np.array_equal(out, raw)


def test_fixed_range() -> None:
    raw = np.array([[0, 1000, 1500, 2000, 65535]], np.uint16)
    out = normalizer(normalization='range', min=1000, max=2000)(raw)
    assert out.tolist() == [[0, 0, 128, 255, 255]]


def test_minmax_uses_the_whole_range_of_each_image() -> None:
    normalize = normalizer(normalization='minmax')
    for low, high in ((100, 5000), (20000, 60000)):
        raw = np.linspace(low, high, 320 * 240).reshape(240, 320).astype(np.uint16)
        out = normalize(raw)
        assert (out.min(), out.max()) == (0, 255)
        assert np.all(np.diff(out.astype(int).ravel()) >= 0)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_percentile_leaves_out_the_ends(dtype: type) -> None:
    raw = np.linspace(0, 250, 100 * 100).reshape(100, 100).astype(dtype)
    out = normalizer(low_percentile=10, high_percentile=90)(raw)
    assert abs(np.count_nonzero(out == 0) / out.size - 0.1) < 0.02
    assert abs(np.count_nonzero(out == 255) / out.size - 0.1) < 0.02


def test_a_hot_object_that_enters_does_not_change_the_target_from_frame_to_frame() -> None:
    normalize = normalizer()
    levels = []
    for frame in range(300):
        raw = scene(frame)
        if frame >= 20:
            raw[:, :min(2 * (frame - 19), 40)] = 30000    # up to a quarter of the view
        levels.append(target_level(normalize(raw)))
    assert np.abs(np.diff(levels)).max() < 5
    # In the end the range does follow, so that the hot object is told from the rest.
    assert normalize.range is not None
    assert normalize.range[1] > 25000


def test_without_smoothing_each_frame_stands_for_itself() -> None:
    normalize, alone = normalizer(smoothing=0), normalizer(smoothing=0)
    normalize(scene(0))
    raw = scene(1, 9000, 20000)
    assert np.array_equal(normalize(raw), alone(raw))


def test_a_new_scene_is_shown_at_once() -> None:
    """After a shutter calibration all counts may be shifted."""
    normalize = normalizer()
    for frame in range(10):
        before = target_level(normalize(scene(frame)))
    after = target_level(normalize(scene(10, 11000, 12000)))
    assert abs(after - before) < 5


def test_slow_drift_is_followed() -> None:
    normalize = normalizer()
    levels = [target_level(normalize(scene(frame, 7000 + 5 * frame, 8000 + 5 * frame)))
              for frame in range(150)]
    assert max(levels) - min(levels) < 20


def test_reset_and_new_policy_start_anew() -> None:
    normalize = normalizer()
    normalize(scene(0))
    normalize.reset()
    assert normalize.range is None
    normalize.configure(ThermalSettings(normalization='minmax'))
    normalize(scene(1))
    normalize.configure(ThermalSettings())
    assert normalize.range is None
    raw = scene(2)
    assert np.array_equal(normalize(raw), normalizer()(raw))


@pytest.mark.parametrize('policy', ['minmax', 'percentile', 'range'])
@pytest.mark.parametrize(('dtype', 'value'), [
    (np.uint8, 0), (np.uint8, 255), (np.uint16, 0), (np.uint16, 8000), (np.uint16, 65535)])
def test_constant_image_stays_constant(policy: str, dtype: type, value: int) -> None:
    out = normalizer(normalization=policy)(np.full((48, 64), value, dtype))
    assert out.dtype == np.uint8
    assert out.min() == out.max()


def test_noise_of_a_flat_scene_is_not_blown_up() -> None:
    raw = np.random.default_rng(0).normal(8000, 3, (240, 320)).astype(np.uint16)
    assert normalizer()(raw).std() < 20


@given(hnp.arrays(st.sampled_from([np.dtype(np.uint8), np.dtype(np.uint16)]),
                  hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)),
       st.sampled_from(['minmax', 'percentile', 'range']))
def test_brighter_counts_are_never_darker(raw: np.ndarray, policy: str) -> None:
    out = normalizer(normalization=policy)(raw)
    assert out.shape == raw.shape
    order = np.argsort(raw, axis=None, kind='stable')
    assert np.all(np.diff(out.ravel()[order].astype(int)) >= 0)


def test_change_of_depth_and_size_mid_stream() -> None:
    normalize = normalizer()
    for raw in (scene(0), (scene(1) >> 6).astype(np.uint8), scene(2)[:100, :90], scene(3)):
        out = normalize(raw)
        assert out.shape == raw.shape
        assert out.std() > 30


@pytest.mark.parametrize('raw', [
    np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8),
    np.zeros((4, 4), '>u2'), np.zeros((4, 4), np.int16)])
def test_other_images_are_refused(raw: np.ndarray) -> None:
    with pytest.raises(InputError, match=r'thermal image has shape .* uint8 or uint16 is needed'):
        normalizer()(raw)


def test_16_bit_needs_a_normalization() -> None:
    with pytest.raises(InputError, match=r'needs thermal\.normalization'):
        normalizer(normalization='none')(scene(0))
