# SPDX-License-Identifier: Apache-2.0
"""Random fields of a whole batch: grain, smooth bumps and multi-octave noise."""
from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

from rgbt_tracker_ros.training.batched.subsets import Dice, Floats, upload

COARSE = 64
"""Side in pixels at which fields are made that vary slowly."""


def smooth_field(
    side: int, cells: Floats, dice: Dice, angle: Floats | None = None, stretch: float = 1.0,
) -> Tensor:
    """Return N x 1 x side x side smooth noise in 0..1.

    Parameters
    ----------
    side
        Size in pixels.
    cells
        N: about how many bumps lie along a side.
    dice
        Randomness; the field is on the device of its `noise`.
    angle
        N: direction (radians) along which the bumps are drawn out.
    stretch
        How many times longer than broad they are.

    """
    count, device = len(cells), dice.noise.device
    lattice = math.ceil(1.5 * float(cells.max())) + 4
    values = torch.rand((count, 1, lattice, lattice), generator=dice.noise, device=device)
    turn = np.zeros(count) if angle is None else angle
    reach = cells / lattice
    to_lattice = np.zeros((count, 2, 3))
    to_lattice[:, 0, 0], to_lattice[:, 0, 1] = np.cos(turn) / stretch, np.sin(turn) / stretch
    to_lattice[:, 1, 0], to_lattice[:, 1, 1] = -np.sin(turn), np.cos(turn)
    to_lattice *= reach[:, None, None]
    grid = F.affine_grid(upload(to_lattice, device), [count, 1, side, side], align_corners=False)
    field = F.grid_sample(
        values, grid, mode='bicubic', padding_mode='reflection', align_corners=False)
    return field.clamp_(0.0, 1.0)


def fractal_field(
    side: int, cells: Floats, octaves: int, dice: Dice, persistence: float = 0.5,
    angle: Floats | None = None, stretch: float = 1.0,
) -> Tensor:
    """Return N x 1 x side x side multi-octave noise, each stretched to 0..1.

    Each octave has twice the cells and `persistence` times the amplitude of the one before; the
    other parameters are those of `smooth_field`.
    """
    finer = np.concatenate([cells * 2**octave for octave in range(octaves)])
    turns = None if angle is None else np.concatenate([angle] * octaves)
    layers = smooth_field(side, finer, dice, turns, stretch).view(octaves, -1, side, side)
    weights = upload(persistence ** np.arange(octaves), layers.device)
    total = (layers * weights.view(-1, 1, 1, 1)).sum(0).unsqueeze(1)
    low, high = total.amin((2, 3), keepdim=True), total.amax((2, 3), keepdim=True)
    return (total - low) / (high - low).clamp_min(1e-6)


def enlarged(field: Tensor, side: int) -> Tensor:
    """Return a field smoothly resized to side x side."""
    return F.interpolate(field, (side, side), mode='bilinear', align_corners=False)


def white(like: Tensor, dice: Dice) -> Tensor:
    """Return white noise of deviation 1, as large as the images `like`."""
    return torch.randn(like.shape, generator=dice.noise, device=like.device)


def grain(like: Tensor, softness: Tensor, dice: Dice) -> Tensor:
    """Return noise of deviation 1 that is as coarse as that of a small picture made larger.

    Parameters
    ----------
    like
        N x C x S x S images.
    softness
        N x 1 x 1 x 1: the share of the noise's power that comes from pixels twice as large.
    dice
        Randomness.

    """
    side = like.shape[-1]
    half = torch.randn((*like.shape[:2], (side + 1) // 2, (side + 1) // 2),
                       generator=dice.noise, device=like.device)
    # Interpolation by two keeps (0.75^2 + 0.25^2)^2 of the noise's power.
    soft = enlarged(half, side).div_(0.625)
    return white(like, dice).mul_((1.0 - softness).sqrt()).add_(soft.mul_(softness.sqrt()))
