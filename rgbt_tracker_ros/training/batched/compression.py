# SPDX-License-Identifier: Apache-2.0
"""What video compression leaves of a batch of small images: the coarse part of each block."""
from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros.training.batched.subsets import upload

BLOCK = 8
_GROWTH = 0.6


def _cosines() -> np.ndarray:
    """Return the orthonormal cosine transform of a block's side; row 0 is the mean."""
    order, place = np.arange(BLOCK)[:, None], np.arange(BLOCK) + 0.5
    scale = np.where(order == 0, math.sqrt(1.0 / BLOCK), math.sqrt(2.0 / BLOCK))
    return np.asarray(scale * np.cos(math.pi * order * place / BLOCK))


def compressed(images: Tensor, step: Tensor) -> Tensor:
    """Return N x C x S x S images, S a multiple of BLOCK, with coarsely rounded frequencies.

    Parameters
    ----------
    images
        Grey levels.
    step
        N x 1 x 1 x 1: rounding step of a block's mean; finer details have larger ones. 0.1 and
        less change nothing to be seen.

    """
    count, channels, side = images.shape[:3]
    cosines = upload(_cosines(), images.device)
    order = torch.arange(BLOCK, device=images.device)
    steps = (1.0 + _GROWTH * (order[:, None, None] + order)) * step[..., None, None]
    blocks = images.reshape(count, channels, side // BLOCK, BLOCK, side // BLOCK, BLOCK)
    turned = torch.einsum('ia,ncxayb,jb->ncxiyj', cosines, blocks, cosines)
    rounded = (turned / steps).round_().mul_(steps)
    return torch.einsum('ia,ncxiyj,jb->ncxayb', cosines, rounded, cosines).reshape(images.shape)
