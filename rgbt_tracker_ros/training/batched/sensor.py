# SPDX-License-Identifier: Apache-2.0
"""What a camera itself does to a batch of images: noise, fixed pattern, bad calibration."""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

from rgbt_tracker_ros.training.batched.fields import enlarged, grain, smooth_field
from rgbt_tracker_ros.training.batched.subsets import Dice, Floats, columns, upload

_CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], float)


def gaussian_noise(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Add noise of up to 30 grey levels deviation, fine or coarse."""
    softness, sigma = columns(images, dice.uniform(0.0, 0.8, len(images)), 30.0 * strength)
    noise = grain(images, softness, dice).mul_(sigma)
    return noise.add_(images).clamp_(0, 255)


def fixed_pattern(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Add the fixed pattern of an uncooled sensor: columns, rows, shading, dead pixels."""
    count, _, side = images.shape[:3]
    scale, level = columns(images, strength, 255.0 * dice.hits(0.5, count))

    def normal(*shape: int) -> Tensor:
        return torch.randn((count, 1, *shape), generator=dice.noise, device=images.device)

    shading = enlarged(smooth_field(8, np.full(count, 2.0), dice), side)
    pattern = 7.0 * normal(1, side) + 2.5 * normal(side, 1) + 30.0 * (shading - 0.5)
    marred = (images + pattern * scale).clamp_(0, 255)
    draw = torch.rand((count, 1, side, side), generator=dice.noise, device=images.device)
    dead = (draw < 0.0005 * scale).float()
    return torch.lerp(marred, level.expand_as(marred), dead)


def misalignment(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Shift, turn, scale and tilt the images a little, as a bad calibration does."""
    matrices = upload(_homographies(strength, dice.rng), images.device)
    count, _, side = images.shape[:3]
    ticks = (torch.arange(side, device=images.device) + 0.5) * (2.0 / side) - 1.0
    y, x = torch.meshgrid(ticks, ticks, indexing='ij')
    points = torch.stack([x, y, torch.ones_like(x)], -1).reshape(1, -1, 3)
    moved = points @ matrices.transpose(1, 2)
    grid = (moved[..., :2] / moved[..., 2:]).reshape(count, side, side, 2)
    return F.grid_sample(images, grid, padding_mode='border', align_corners=False)


def _homographies(strength: Floats, rng: np.random.Generator) -> Floats:
    """Return N x 3 x 3: where each pixel comes from, in coordinates of -1..1.

    At strength 1 corners are moved by about 5 % of the side, as in `synthetic.faults`.
    """
    count = len(strength)
    shift = rng.normal(0, 0.06, (count, 1, 2))
    bend = rng.normal(0, 0.03, (count, 4, 2))
    moved = _CORNERS + np.clip((shift + bend) * strength[:, None, None], -0.2, 0.2)
    # Eight equations: (h0 x + h1 y + h2) - u (h6 x + h7 y) = u, and the same for v.
    (x, y), (u, v) = np.moveaxis(moved, 2, 0), _CORNERS.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    across = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], 2)
    down = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], 2)
    wanted = np.broadcast_to(np.concatenate([u, v]), (count, 8))
    solved = np.linalg.solve(np.concatenate([across, down], 1), wanted[..., None])[..., 0]
    return np.concatenate([solved, np.ones((count, 1))], 1).reshape(count, 3, 3)
