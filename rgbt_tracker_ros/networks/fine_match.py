# SPDX-License-Identifier: Apache-2.0
"""Matching at twice the resolution: which part of the target a small cell shows."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FineMatch(nn.Module):
    """Compare each stride 8 cell of the search region with those of the templates.

    Targets that look alike at stride 16 may differ in a detail. Each cell reads, by attention, the
    parts of the templates that it looks like, and how much it does; the result is added to the
    stride 16 tokens. It starts as nothing.

    Parameters
    ----------
    maps
        Channels of the trunk's stride 8 map.
    channels
        Channels of what is compared.
    out
        Channels of the stride 16 tokens.
    cells
        Stride 8 cells of one template.
    slots
        Number of templates.

    """

    def __init__(self, maps: int, channels: int, out: int, cells: int, slots: int) -> None:
        super().__init__()
        self.channels = channels
        self.project = nn.Conv2d(maps, channels, 1)
        self.norm = nn.LayerNorm(channels)
        self.place = nn.Parameter(torch.randn(1, slots * cells, channels) * 0.02)
        self.value = nn.Linear(channels, channels)
        self.sharpness = nn.Parameter(torch.tensor(2.5))
        self.down = nn.Conv2d(channels + slots, out, 3, stride=2, padding=1)
        nn.init.zeros_(self.down.weight)
        if self.down.bias is not None:
            nn.init.zeros_(self.down.bias)

    def tokens(self, stride8: Tensor) -> Tensor:
        """Turn a B x maps x S x S map into B x S * S x channels tokens."""
        return self.norm(self.project(stride8).flatten(2).transpose(1, 2))

    def forward(self, tokens: Tensor, templates: Sequence[Tensor], side: int) -> Tensor:
        """Return B x side * side / 4 x out tokens of a search region of side x side cells."""
        known = torch.cat(list(templates), 1)
        alike = F.normalize(tokens.float(), dim=-1) @ F.normalize(
            known.float(), dim=-1).transpose(1, 2)
        attention = torch.softmax(alike * self.sharpness.exp(), dim=-1).to(tokens.dtype)
        best = [part.amax(-1, keepdim=True) for part in alike.chunk(len(templates), dim=-1)]
        read = attention @ self.value(known + self.place)
        joined = torch.cat([read, *(part.to(read.dtype) for part in best)], -1)
        grid = joined.transpose(1, 2).reshape(len(tokens), -1, side, side)
        return self.down(grid).flatten(2).transpose(1, 2)
