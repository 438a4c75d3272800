# SPDX-License-Identifier: Apache-2.0
"""Centre head: score, size and offset maps from a feature map (OSTrack's head, made small)."""
from __future__ import annotations

import torch
from torch import Tensor, nn


class CentreHead(nn.Module):
    """Three convolutional branches over the search region's cells."""

    def __init__(self, channels: int, widths: tuple[int, ...] = (96, 64)) -> None:
        super().__init__()
        self.score = _branch(channels, widths, 1, -3.0)
        self.size = _branch(channels, widths, 2, -1.1)
        self.offset = _branch(channels, widths, 2, 0.5)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map B x C x S x S to score (B x 1), size (B x 2) and offset (B x 2) maps.

        Score and size are in (0, 1), size as a fraction of the search crop; the offset is that of
        the target's centre from the cell's corner, in cells.
        """
        score = torch.sigmoid(self.score(features).float())
        size = torch.sigmoid(self.size(features).float())
        return score, size, self.offset(features).float()


def _branch(
    channels: int, widths: tuple[int, ...], out: int, start: float,
) -> nn.Sequential:
    """Make a branch whose output is about `start` (before any sigmoid) at first."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False),
                   nn.GroupNorm(8, width), nn.ReLU(inplace=True)]
        channels = width
    last = nn.Conv2d(channels, out, 1)
    assert last.bias is not None
    nn.init.constant_(last.bias, start)
    return nn.Sequential(*layers, last)
