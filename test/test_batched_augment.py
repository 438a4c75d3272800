# SPDX-License-Identifier: Apache-2.0
"""Augmentation of whole batches: modalities, styles, faults and mirror images of samples."""
from __future__ import annotations

from dataclasses import fields

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from rgbt_tracker_ros.training.augment import AugmentConfig
from rgbt_tracker_ros.training.batched.augment import augmented
from rgbt_tracker_ros.training.batched.completion import BOTH, RGB_ONLY, THERMAL_ONLY, completed
from rgbt_tracker_ros.training.batched.crops import CropBatch, SampleBatch
from rgbt_tracker_ros.training.batched.faults import make_faulty
from rgbt_tracker_ros.training.batched.subsets import Dice
from rgbt_tracker_ros.training.styles import StyleConfig

pytestmark = pytest.mark.usefixtures('one_thread')

NO_STYLE = StyleConfig(0.0, 0.0, 0.0, 0.0, 0.0)
NOTHING = AugmentConfig(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, NO_STYLE)
EVERYTHING = AugmentConfig(0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.5,
                           StyleConfig(0.6, 0.3, 0.4, 0.6, 0.5))


def _crops(count: int, side: int, seed: int) -> CropBatch:
    """Make crops of a textured scene with a warm target of known outline."""
    rng = np.random.default_rng(seed)
    rgb, thermal = np.zeros((count, 3, side, side)), np.zeros((count, 1, side, side))
    mask = np.zeros((count, 1, side, side))
    box = np.zeros((count, 4), np.float32)
    for index in range(count):
        coarse = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        rgb[index] = cv2.resize(coarse, (side, side)).transpose(2, 0, 1)
        thermal[index, 0] = cv2.resize(coarse[..., 0] // 3, (side, side))
        cx, cy = rng.uniform(0.35, 0.65, 2)
        box[index] = cx, cy, 0.25, 0.375
        rows = slice(round((cy - 0.1875) * side), round((cy + 0.1875) * side))
        columns = slice(round((cx - 0.125) * side), round((cx + 0.125) * side))
        mask[index, 0, rows, columns] = 1.0
    thermal[mask > 0] = 210.0
    whole = np.ones(count, bool)
    return CropBatch(
        torch.tensor(rgb, dtype=torch.float32), torch.tensor(thermal, dtype=torch.float32),
        torch.tensor(mask, dtype=torch.float32), whole, whole.copy(), whole.copy(), box)


def _samples(count: int = 4, seed: int = 0, lacking: str = '') -> SampleBatch:
    """Make samples; every one lacks the camera named."""
    samples = SampleBatch(_crops(count, 24, seed), _crops(count, 24, seed + 1),
                          _crops(count, 48, seed + 2))
    for crops in samples:
        if lacking:
            getattr(crops, f'has_{lacking}')[:] = False
    return samples


def _augmented(
    samples: SampleBatch, config: AugmentConfig = EVERYTHING, seed: int = 0,
) -> SampleBatch:
    noise = torch.Generator().manual_seed(seed)
    return augmented(samples, config, np.random.default_rng(seed), noise)


def _equal(first: SampleBatch, second: SampleBatch) -> bool:
    return all(np.array_equal(np.asarray(getattr(a, part.name)), np.asarray(getattr(b, part.name)))
               for a, b in zip(first, second, strict=True) for part in fields(CropBatch))


def test_same_seed_gives_the_same_batch_and_another_one_another():
    first, second, other = (_augmented(_samples(), seed=seed) for seed in (3, 3, 4))
    assert _equal(first, second)
    assert not _equal(first, other)


def test_no_decision_needs_the_pixels():
    """Tensors without values stand for those on a device that nobody waits for."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        samples = _samples(24)
        for crops in samples:
            crops.has_rgb[:8] = crops.has_thermal[8:16] = False
        result = _augmented(samples)
        with pytest.raises(DataDependentOutputException):
            float(result.search.rgb.sum())
    assert not result.search.has_rgb.all()


def test_nothing_happens_where_nothing_is_asked_for_and_inputs_are_kept():
    samples = _samples()
    result = _augmented(samples, NOTHING)
    assert _equal(result, SampleBatch(*(_rounded(crops) for crops in samples)))
    _augmented(samples, EVERYTHING)
    assert _equal(samples, _samples())


def _rounded(crops: CropBatch) -> CropBatch:
    return CropBatch(crops.rgb.round(), crops.thermal.round(), crops.mask, crops.has_rgb,
                     crops.has_thermal, crops.has_mask, crops.box)


@pytest.mark.parametrize('lacking', ['', 'rgb', 'thermal'])
@settings(max_examples=3)
@given(seed=st.integers(0, 2**31), count=st.integers(1, 6))
def test_pixels_are_grey_levels_and_one_camera_is_left(lacking, seed, count):
    for crops in _augmented(_samples(count, seed % 50, lacking), EVERYTHING, seed):
        for images, there in ((crops.rgb, crops.has_rgb), (crops.thermal, crops.has_thermal)):
            chosen = images[torch.from_numpy(there)]
            assert torch.isfinite(chosen).all()
            assert ((chosen >= 0) & (chosen <= 255)).all()
        assert (crops.has_rgb | crops.has_thermal).all()
        assert len(crops) == count


def test_mirrored_pictures_take_box_and_mask_along():
    samples = _samples(16)
    result = _augmented(samples, AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0.5, NO_STYLE), 1)
    turned = np.isclose(result.search.box[:, 0], 1 - samples.search.box[:, 0])
    assert 2 < turned.sum() < 14
    for before, after in zip(samples, result, strict=True):
        for index in range(16):
            flip = (lambda image: image.flip(-1)) if turned[index] else (lambda image: image)
            for name in ('rgb', 'thermal', 'mask'):
                assert torch.equal(
                    getattr(after, name)[index], flip(getattr(before, name)[index]).round())
            columns = torch.nonzero(after.mask[index, 0].any(0))
            middle = float(columns.min() + columns.max() + 1) / 2 / after.size
            assert after.box[index, 0] == pytest.approx(middle, abs=1 / after.size)
        np.testing.assert_array_equal(before.box[:, 1:], after.box[:, 1:])


def test_cameras_are_lost_as_often_as_configured():
    result = _augmented(
        _samples(300), AugmentConfig(0.2, 0.3, 0.2, 0, 0, 0, 0, 0, NO_STYLE))
    template, dynamic, search = result
    np.testing.assert_array_equal(template.has_rgb, dynamic.has_rgb)
    np.testing.assert_array_equal(template.has_thermal, dynamic.has_thermal)
    assert (~template.has_rgb).mean() == pytest.approx(0.2, abs=0.05)
    assert (~template.has_thermal).mean() == pytest.approx(0.3, abs=0.06)
    alone = template.has_rgb & template.has_thermal & ~(search.has_rgb & search.has_thermal)
    assert alone.mean() == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize('lacking', ['rgb', 'thermal'])
def test_lacking_cameras_are_completed_without_hiding_the_target(lacking):
    samples = _samples(120, lacking=lacking)
    views = [samples.template, samples.dynamic, samples.search]
    dice = Dice(np.random.default_rng(0), torch.Generator().manual_seed(0))
    seen_by = completed(views, dice)
    given_camera = getattr(samples.search, f'has_{lacking}')
    alone = THERMAL_ONLY if lacking == 'rgb' else RGB_ONLY
    assert set(seen_by) == {BOTH, alone}
    assert given_camera[seen_by == BOTH].all()
    assert 0.2 < (~given_camera).mean() < 0.6
    search = samples.search
    inside = search.mask > 0
    made = search.thermal if lacking == 'thermal' else search.rgb.mean(1, keepdim=True)
    contrast = [abs(float(image[place].mean() - image[~place].mean()))
                for image, place in zip(made, inside, strict=True)]
    assert np.median(np.array(contrast)[seen_by == BOTH]) > 15


def test_blinded_cameras_have_a_partner_that_sees():
    count = 300
    crops = _crops(count, 32, 0)
    before = crops.rgb.clone(), crops.thermal.clone()
    dice = Dice(np.random.default_rng(0), torch.Generator().manual_seed(0))
    config = AugmentConfig(0, 0, 0, 1.0, 1.0, 0, 0, 0, NO_STYLE)
    make_faulty(crops, config, dice, np.full(count, BOTH), mild=False)

    def likeness(first, second):
        flat = [image.flatten(1) - image.flatten(1).mean(1, keepdim=True)
                for image in (first, second)]
        spread = (flat[1].std(1) / flat[0].std(1)).clamp(max=1)
        return spread * torch.nn.functional.cosine_similarity(*flat)

    sight = torch.maximum(likeness(before[0], crops.rgb), likeness(before[1], crops.thermal))
    assert float(sight.min()) > 0.2
    assert float(likeness(before[0], crops.rgb).min()) < 0.05


def test_spared_cameras_stay_readable():
    crops = _crops(200, 32, 3)
    thermal = crops.thermal.clone()
    dice = Dice(np.random.default_rng(0), torch.Generator().manual_seed(0))
    config = AugmentConfig(0, 0, 0, 1.0, 1.0, 0, 0, 0, NO_STYLE)
    make_faulty(crops, config, dice, np.full(200, THERMAL_ONLY), mild=False)
    inside = crops.mask > 0
    contrast = [float(image[inside].mean() - image[~inside].mean())
                for image in (thermal, crops.thermal)]
    assert contrast[1] > 0.6 * contrast[0]


def test_veiled_samples_hide_rgb_in_all_crops_and_keep_thermal():
    samples = _samples(30)
    config = AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0, StyleConfig(0, 0, 0, 0, 1.0))
    for before, after in zip(samples, _augmented(samples, config), strict=True):
        deviation = after.rgb.std((1, 2, 3)) / before.rgb.std((1, 2, 3))
        assert float(deviation.median()) < 0.4
        inside = after.mask > 0
        assert float(after.thermal[inside].mean() - after.thermal[~inside].mean()) > 60


def test_grey_visual_has_no_colour():
    config = AugmentConfig(0, 0, 0, 0, 0, 0, 0, 0, StyleConfig(0, 0, 1.0, 0, 0))
    for crops in _augmented(_samples(), config):
        assert torch.equal(crops.rgb[:, 0], crops.rgb[:, 2])


def test_target_can_be_absent_from_the_search_crop():
    samples = _samples()
    samples.search.box[:2] = 0.0
    config = AugmentConfig(mirror=1.0)
    assert (_augmented(samples, config).search.box[:2, 2:] == 0).all()
