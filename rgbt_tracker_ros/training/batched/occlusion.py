# SPDX-License-Identifier: Apache-2.0
"""Textured patches laid over a batch, at one place for both cameras."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros.training.batched.fields import smooth_field
from rgbt_tracker_ros.training.batched.subsets import Dice, Floats, columns


@dataclass(frozen=True, slots=True)
class Patches:
    """N turned rectangles: centre, half width and half height in fractions of the image."""

    centre: Floats
    half: Floats
    angle: Floats

    @classmethod
    def random(cls, strength: Floats, dice: Dice) -> Patches:
        """Draw rectangles somewhere in the image, up to half of it long."""
        count = len(strength)
        return cls(dice.uniform(0.0, 1.0, count, 2),
                   0.25 * strength[:, None] * dice.uniform(0.3, 1.0, count, 2),
                   np.radians(dice.uniform(-30.0, 30.0, count)))

    def __getitem__(self, rows: slice | np.ndarray) -> Patches:
        return Patches(self.centre[rows], self.half[rows], self.angle[rows])

    def cover(self, images: Tensor) -> Tensor:
        """Return N x 1 x S x S: how much of each pixel is hidden."""
        side = images.shape[-1]
        ticks = (torch.arange(side, device=images.device) + 0.5) / side
        left, top, width, height, cosine, sine = columns(
            images, *self.centre.T, *self.half.T, np.cos(self.angle), np.sin(self.angle))
        x, y = ticks.view(1, 1, 1, -1) - left, ticks.view(1, 1, -1, 1) - top
        along = width - (x * cosine + y * sine).abs()
        across = height - (y * cosine - x * sine).abs()
        return torch.minimum(along, across).mul_(side).add_(0.5).clamp_(0.0, 1.0)


def occluder(images: Tensor, patches: Patches, dice: Dice) -> Tensor:
    """Put the patches before the scene, in colours of their own for each camera."""
    count, channels, side = images.shape[:3]
    cells = dice.uniform(4.0, 24.0, count)
    contrast, colour = columns(
        images, dice.uniform(10, 80, count), dice.uniform(20, 230, count, channels))
    paint = ((smooth_field(side, cells, dice) - 0.5) * contrast + colour).clamp_(0, 255)
    return torch.lerp(images, paint, patches.cover(images))
