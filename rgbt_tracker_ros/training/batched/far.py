# SPDX-License-Identifier: Apache-2.0
"""Far targets: a batch of crops as a camera with few pixels on the target would have given them.

Both changes of size are products with small matrices, so every image can have its own size.
"""
from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros.training.batched.compression import BLOCK, compressed
from rgbt_tracker_ros.training.batched.fields import white
from rgbt_tracker_ros.training.batched.subsets import Dice, Floats, columns

SMALLEST = 4


def coarse(
    images: Tensor, scale: Floats, softness: Floats, noise: Floats, loss: Floats, dice: Dice,
) -> Tensor:
    """Return N x C x S x S images made small and large again.

    Parameters
    ----------
    images
        Crops.
    scale
        N: size of the small image over that of the crop; from 1 on nothing is lost.
    softness
        N: width of what a pixel sees over the pixels' distance; 1 is averaging over areas.
    noise
        N: deviation in grey levels of the small image's noise.
    loss
        N: rounding step of its compression; 0 is none.
    dice
        Randomness of the noise.

    """
    side = images.shape[-1]
    sides = (side * scale).round().clip(SMALLEST, side)
    largest = math.ceil(float(sides.max()) / BLOCK) * BLOCK
    step, width, sigma, rounding = columns(
        images, side / sides, side / sides * softness, noise, np.maximum(loss, 0.01))
    step, width = step[:, 0], width[:, 0]
    shrink = _averaging(step, width, side, largest)
    grow = _between(step, side, largest)
    small = shrink.unsqueeze(1) @ images @ shrink.transpose(1, 2).unsqueeze(1)
    noisy = (small + white(small, dice).mul_(sigma)).clamp_(0, 255).round_()
    small = compressed(noisy, rounding).clamp_(0, 255).round_()
    return grow.unsqueeze(1) @ small @ grow.transpose(1, 2).unsqueeze(1)


def _averaging(step: Tensor, width: Tensor, side: int, largest: int) -> Tensor:
    """Return N x largest x side: the share of each old pixel in what each new one sees."""
    new = torch.arange(largest, device=step.device).view(1, -1, 1)
    old = torch.arange(side, device=step.device).view(1, 1, -1)
    # Beyond its last pixel the small image goes on as it is there.
    middle = torch.minimum((new + 0.5) * step, side - step / 2)
    seen = torch.minimum(old + 1.0, middle + width / 2) - torch.maximum(
        old + 0.0, middle - width / 2)
    seen = seen.clamp_min_(0.0)
    return seen / seen.sum(2, keepdim=True)


def _between(step: Tensor, side: int, largest: int) -> Tensor:
    """Return N x side x largest: weights of bilinear interpolation of the first side / step."""
    old = torch.arange(side, device=step.device).view(1, -1, 1)
    new = torch.arange(largest, device=step.device).view(1, 1, -1)
    place = ((old + 0.5) / step - 0.5).clamp_min(0.0)
    place = torch.minimum(place, (side / step).round() - 1.0)
    return (1.0 - (place - new).abs()).clamp_min_(0.0)
