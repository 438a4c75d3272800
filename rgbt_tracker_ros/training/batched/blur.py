# SPDX-License-Identifier: Apache-2.0
"""Blur of a batch, in each image by another amount: Gaussian, lens out of focus, motion."""
from __future__ import annotations

import math

import numpy as np
from torch import Tensor
import torch.nn.functional as F

from rgbt_tracker_ros.training.batched.subsets import Dice, Floats, upload

TAPS = 16
"""Samples along a path of motion blur: at most two pixels apart in a crop of 256."""


def gaussian_blur(images: Tensor, sigma: Floats) -> Tensor:
    """Return N x C x S x S images blurred by N deviations in pixels."""
    count, channels, side = images.shape[:3]
    radius = min(max(1, math.ceil(3.0 * float(sigma.max()))), side - 1)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / np.maximum(sigma, 0.05)[:, None]) ** 2)
    weights /= weights.sum(1, keepdims=True)
    kernel = upload(np.repeat(weights, channels, 0), images.device)[:, None, None]
    planes = images.reshape(1, count * channels, side, side)
    for shape, border in ((kernel, (radius, radius, 0, 0)),
                          (kernel.transpose(2, 3), (0, 0, radius, radius))):
        padded = F.pad(planes, border, mode='replicate')
        planes = F.conv2d(padded, shape, groups=count * channels)
    return planes.reshape(images.shape)


def defocus(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Blur as a lens out of focus does, by up to 3 % of the side."""
    return gaussian_blur(images, strength * dice.uniform(0.01, 0.03, len(images))
                         * images.shape[-1])


def motion_blur(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Smear along a random direction, by up to a tenth of the side."""
    count, channels, side = images.shape[:3]
    angle = dice.uniform(0.0, math.pi, count)
    step = np.linspace(-0.5, 0.5, TAPS) * 0.1 * strength[:, None]
    to_image = np.zeros((count, TAPS, 2, 3))
    to_image[..., 0, 0] = to_image[..., 1, 1] = 1.0
    # The side is 2 long in the coordinates of grid_sample.
    to_image[..., 0, 2] = 2.0 * step * np.cos(angle)[:, None]
    to_image[..., 1, 2] = 2.0 * step * np.sin(angle)[:, None]
    shape = [count * TAPS, channels, side, side]
    grid = F.affine_grid(
        upload(to_image.reshape(-1, 2, 3), images.device), shape, align_corners=False)
    many = images[:, None].expand(-1, TAPS, -1, -1, -1).reshape(shape)
    moved = F.grid_sample(many, grid, padding_mode='border', align_corners=False)
    return moved.reshape(count, TAPS, channels, side, side).mean(1)
