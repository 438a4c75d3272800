# SPDX-License-Identifier: Apache-2.0
"""Effects on whole batches have the statistics of the faults of single images."""
from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from rgbt_tracker_ros.synthetic.faults import RGB_FAULTS, THERMAL_FAULTS
from rgbt_tracker_ros.training.batched import blur, fields, tones
from rgbt_tracker_ros.training.batched.compression import compressed
from rgbt_tracker_ros.training.batched.far import coarse
from rgbt_tracker_ros.training.batched.faults import FAULTS
from rgbt_tracker_ros.training.batched.occlusion import Patches, occluder
from rgbt_tracker_ros.training.batched.sensor import misalignment
from rgbt_tracker_ros.training.batched.subsets import Dice

pytestmark = pytest.mark.usefixtures('one_thread')

COUNT, SIDE = 48, 64


def _dice(seed: int = 0) -> Dice:
    return Dice(np.random.default_rng(seed), torch.Generator().manual_seed(seed))


def _images(channels: int, count: int = COUNT) -> np.ndarray:
    """Make N x S x S x C images with details of all sizes."""
    rng = np.random.default_rng(7)
    images = []
    for _ in range(count):
        picture = sum(
            cv2.resize(rng.random((cells, cells, 3), np.float32), (SIDE, SIDE)) * share
            for cells, share in ((3, 0.5), (9, 0.3), (32, 0.2)))
        images.append((255 * np.asarray(picture))[..., :channels])
    return np.asarray(images, np.uint8)


def _tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float()


def _figures(images: np.ndarray) -> tuple[float, float, float]:
    """Return the mean grey level, the mean contrast and the mean step between neighbours."""
    images = images.astype(float).reshape(len(images), SIDE, SIDE, -1)
    return (images.mean(), images.std((1, 2)).mean(), np.abs(np.diff(images, axis=2)).mean())


CASES = [(name, channels) for name in FAULTS for channels in (1, 3)
         if name in (THERMAL_FAULTS if channels == 1 else RGB_FAULTS)]


@pytest.mark.parametrize(('name', 'channels'), CASES)
@pytest.mark.parametrize('strength', [0.35, 0.9])
def test_fault_has_the_figures_of_that_of_single_images(name, channels, strength):
    images = _images(channels)
    fault = (THERMAL_FAULTS if channels == 1 else RGB_FAULTS)[name]
    single = np.array([
        fault(image[..., 0] if channels == 1 else image, strength, np.random.default_rng(seed))
        for seed, image in enumerate(images)])
    batch = FAULTS[name](_tensor(images), np.full(COUNT, strength), _dice())
    mean, contrast, step = _figures(batch.permute(0, 2, 3, 1).numpy())
    wanted = _figures(single)
    assert mean == pytest.approx(wanted[0], abs=12)
    # Our smoke has texture of its own.
    assert contrast == pytest.approx(wanted[1], rel=0.25, abs=5)
    assert step == pytest.approx(wanted[2], rel=0.4, abs=0.5)


@pytest.mark.parametrize('name', [name for name in FAULTS if name != 'glare'])
@pytest.mark.parametrize('channels', [1, 3])
def test_no_strength_is_no_change(name, channels):
    images = _tensor(_images(channels, 4))
    changed = FAULTS[name](images.clone(), np.zeros(4), _dice())
    assert float((changed - images).abs().max()) < 0.6


@pytest.mark.parametrize('sigma', [0.5, 1.6, 4.0])
def test_gaussian_blur_equals_that_of_single_images(sigma):
    images = _images(3, 4)
    batch = blur.gaussian_blur(_tensor(images), np.array([sigma, 0.0, 2 * sigma, sigma]))
    wanted = cv2.GaussianBlur(images[0].astype(np.float32), (0, 0), sigma,
                              borderType=cv2.BORDER_REPLICATE)
    np.testing.assert_allclose(batch[0].permute(1, 2, 0).numpy(), wanted, atol=1.0)
    np.testing.assert_allclose(batch[1].permute(1, 2, 0).numpy(), images[1], atol=0.01)


def test_motion_blur_is_along_one_line():
    images = torch.zeros(32, 1, SIDE, SIDE)
    images[:, :, SIDE // 2, SIDE // 2] = 255.0
    smeared = blur.motion_blur(images, np.ones(32), _dice())
    assert float(smeared.sum((1, 2, 3)).min()) > 200
    rows, columns = (torch.arange(SIDE).view(shape) - SIDE // 2 for shape in ((-1, 1), (1, -1)))
    for spread in smeared[:, 0] / smeared.sum((1, 2, 3)).view(-1, 1, 1):
        moments = torch.tensor([[(spread * a * b).sum() for a in (rows, columns)]
                                for b in (rows, columns)])
        thin, long = torch.linalg.eigvalsh(moments)
        assert float(long) == pytest.approx((0.1 * SIDE) ** 2 / 12, rel=0.5)
        assert float(thin) < 0.5


def test_far_targets_equal_those_of_single_images():
    images = _images(3, 6)
    scale = np.array([8, 13, 16, 21, 40, 64]) / SIDE
    far = coarse(_tensor(images), scale, np.ones(6), np.zeros(6), np.zeros(6), _dice())
    for image, share, result in zip(images, scale, far, strict=True):
        side = round(SIDE * share)
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        wanted = cv2.resize(small, (SIDE, SIDE)).astype(float)
        difference = result.permute(1, 2, 0).numpy() - wanted
        assert np.abs(difference).max() < 2.5


def test_far_targets_are_noisy_in_pixels_of_the_camera():
    images = torch.full((8, 1, SIDE, SIDE), 100.0)
    far = coarse(
        images, np.full(8, 0.25), np.ones(8), np.full(8, 4.0), np.zeros(8), _dice())
    assert 1.5 < float(far.std()) < 4.0
    assert float((far[..., 1:] - far[..., :-1]).abs().mean()) < 2.0


def test_compression_keeps_means_of_blocks_and_loses_details():
    images = _tensor(_images(3, 3))
    step = torch.tensor([0.01, 4.0, 12.0]).view(3, 1, 1, 1)
    result = compressed(images, step)
    change = [float((a - b).abs().mean()) for a, b in zip(result, images, strict=True)]
    assert change[0] < 0.05 < change[1] < change[2] < 20
    blocks = [torch.nn.functional.avg_pool2d(part, 8) for part in (result, images)]
    # A step of 12 in the mean's coefficient is 12 / 8 grey levels.
    assert float((blocks[0] - blocks[1]).abs().max()) < 0.8


def test_far_targets_of_any_size_are_compressed_up_to_their_border():
    images = torch.full((5, 1, SIDE, SIDE), 200.0)
    scale = np.array([9, 13, 22, 37, 50]) / SIDE
    far = coarse(images, scale, np.full(5, 1.7), np.zeros(5), np.full(5, 8.0), _dice())
    assert float((far - 200).abs().max()) < 1.6


def test_occluder_hides_the_same_place_from_both_cameras():
    images = _tensor(_images(3, 16))
    patches = Patches.random(np.full(16, 0.8), _dice())
    cover = patches.cover(images)
    for camera in (images, images[:, :1]):
        hidden = occluder(camera.clone(), patches, _dice(1))
        outside = (cover == 0).expand_as(hidden)
        assert torch.equal(hidden[outside], camera[outside])
        inside = (cover == 1).expand_as(hidden)
        assert float((hidden - camera)[inside].abs().mean()) > 20
    share = cover.mean((1, 2, 3))
    assert 0.005 < float(share.mean()) < 0.25


def test_misalignment_moves_corners_by_a_few_percent():
    x = torch.arange(SIDE).float().expand(64, 1, SIDE, SIDE)
    moved = misalignment(x.clone(), np.ones(64), _dice())[:, 0, SIDE // 2, SIDE // 2]
    shift = (moved - SIDE // 2) / SIDE
    assert 0.01 < float(shift.std()) < 0.06
    assert float(shift.abs().max()) < 0.15


def test_curves_and_tones_keep_the_range():
    images = _tensor(_images(1, 12))
    curves = tones.random_curves(np.full(12, 100.0), np.full(12, 0.8), _dice())
    assert curves.shape == (12, 256)
    curved = tones.curved(images, curves)
    index = images[3, 0].round().long().numpy()
    np.testing.assert_allclose(curved[3, 0].numpy(), curves[3][index], rtol=1e-5)
    drawn = tones.random_tones(12, 0.5, _dice())
    toned = tones.toned(images, drawn)
    assert float(toned.min()) >= 0
    assert float(toned.max()) <= 255
    for index in range(12):
        slope = np.corrcoef(images[index].flatten(), toned[index].flatten())[0, 1]
        assert (slope < 0) == bool(drawn[index, 3])


def test_noise_has_the_deviation_asked_for_however_coarse():
    like = torch.zeros(2, 1, 256, 256)
    noise = fields.grain(like, torch.tensor([0.0, 0.9]).view(2, 1, 1, 1), _dice())
    fine, soft = noise[0], noise[1]
    assert float(fine.std()) == pytest.approx(1.0, abs=0.03)
    assert float(soft.std()) == pytest.approx(1.0, abs=0.05)
    steps = [float((part[..., 1:] - part[..., :-1]).std()) for part in (fine, soft)]
    assert steps[1] < 0.75 * steps[0]


def test_fields_have_as_many_bumps_as_asked_for():
    field = fields.smooth_field(64, np.array([2.0] * 20 + [12.0] * 20), _dice())
    steps = (field[..., 1:] - field[..., :-1]).abs().mean((1, 2, 3))
    assert float(steps[20:].mean()) > 3 * float(steps[:20].mean())
    stretched = fields.fractal_field(32, np.full(5, 3.0), 3, _dice())
    assert torch.allclose(stretched.amax((2, 3)), torch.ones(5, 1))
    assert torch.allclose(stretched.amin((2, 3)), torch.zeros(5, 1))
