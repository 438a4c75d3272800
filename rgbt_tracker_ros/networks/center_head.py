# SPDX-License-Identifier: Apache-2.0
"""OSTrack's centre head, as the published trackers have it (arXiv 2203.11991).

`heads.py` holds the small one of `unified`, with other normalisation and depth.
"""
from __future__ import annotations

import torch
from torch import Tensor, nn

LIMIT = 1e-4
"""Scores and sizes stay this far from 0 and 1."""

PUBLISHED_KEYS = tuple(
    (rf'box_head\.conv{layer + 1}_{theirs}\.', f'head.{ours}.{layer}.')
    for theirs, ours in (('ctr', 'score'), ('offset', 'offset'), ('size', 'size'))
    for layer in range(5))
"""Names of the head's layers in published code (regular expressions), and ours."""


class CenterHead(nn.Module):
    """Three branches of 3 x 3 convolutions over the search region's cells, each down to 1 x 1."""

    def __init__(
        self, channels: int = 768, widths: tuple[int, ...] = (256, 128, 64, 32),
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.score = _branch(channels, widths, 1, norm_eps)
        self.offset = _branch(channels, widths, 2, norm_eps)
        self.size = _branch(channels, widths, 2, norm_eps)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map B x C x S x S to score (B x 1), size (B x 2) and offset (B x 2) maps.

        Score and size are in [1e-4, 1 - 1e-4], size as a fraction of the search crop; the offset
        is that of the target's centre from the cell's corner, in cells, without limits.
        """
        score, size = (
            torch.sigmoid(branch(features).float()).clamp(LIMIT, 1 - LIMIT)
            for branch in (self.score, self.size))
        return score, size, self.offset(features).float()


def _branch(
    channels: int, widths: tuple[int, ...], out: int, norm_eps: float,
) -> nn.Sequential:
    """Make one branch; layer i is a `Sequential` of convolution, BatchNorm and ReLU."""
    layers: list[nn.Module] = []
    for width in widths:
        layers.append(nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width, eps=norm_eps),
            nn.ReLU(inplace=True)))
        channels = width
    return nn.Sequential(*layers, nn.Conv2d(channels, out, 1))
