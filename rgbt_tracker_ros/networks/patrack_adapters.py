# SPDX-License-Identifier: Apache-2.0
"""The three kinds of adapter in PATrack (arXiv 2603.21100).

Both streams lie side by side on the batch axis, RGB first: 2 B x L x C tokens, template first.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TokenConv(nn.Conv2d):
    """A 1 x 1 convolution over tokens: a linear layer with a convolution's weight."""

    def __init__(self, c_in: int, c_out: int, *, bias: bool = False) -> None:
        super().__init__(c_in, c_out, 1, bias=bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map B x L x C_in to B x L x C_out."""
        return F.linear(tokens, self.weight.flatten(1), self.bias)


class FrequencyAdapter(nn.Module):
    """MDA: give each stream the high and low spatial frequencies of the other one.

    Four of the `hidden` channels keep what is fine (two by a depthwise convolution, two by a
    maximum), four what is coarse (means of 2 x 2 cells).
    """

    def __init__(self, channels: int, cells: Sequence[int], hidden: int = 8) -> None:
        super().__init__()
        self.cells = tuple(cells)
        quarter, half = hidden // 4, hidden // 2
        self.split = (quarter, quarter, half)
        self.down = nn.Linear(channels, hidden)
        self.fine = nn.Conv2d(quarter, half, 1, bias=False)
        self.fine_depthwise = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)
        self.largest = nn.Conv2d(quarter, half, 1)
        mixed = 3 * half
        self.smooth = nn.Conv2d(mixed, mixed, 3, padding=1, groups=mixed, bias=False)
        self.up = TokenConv(mixed, channels, bias=True)

    def forward(self, tokens: Tensor, normal: Tensor, norm: nn.Module) -> Tensor:
        """Return what is added to each stream, 2 B x L x C, of the normalised tokens."""
        reduced = self.down(normal).split([side ** 2 for side in self.cells], dim=1)
        given = self.up(torch.cat([
            self._mixed(part, side) for part, side in zip(reduced, self.cells, strict=True)], 1))
        rgb, thermal = given.chunk(2)
        return torch.cat([thermal, rgb])

    def _mixed(self, tokens: Tensor, side: int) -> Tensor:
        grid = tokens.transpose(1, 2).reshape(tokens.shape[0], -1, side, side)
        edges, peaks, coarse = grid.split(self.split, dim=1)
        edges = F.gelu(self.fine_depthwise(self.fine(edges)))
        peaks = F.gelu(self.largest(F.max_pool2d(peaks, 3, stride=1, padding=1)))
        coarse = F.interpolate(F.avg_pool2d(coarse, 2), scale_factor=2.0, mode='nearest')
        joined = torch.cat([edges, peaks, coarse], 1)
        return (joined + self.smooth(joined)).flatten(2).transpose(1, 2)


class EntangledAdapter(nn.Module):
    """CEA: each stream reads itself where it agrees with a map of both, and takes the other's.

    Attention without a scale, apart in template and search crop: keys are the own positions,
    queries those of the joint map; each key's row is a softmax over the joint map's positions and
    weighs the own values there. To what is read the other stream's reduced map is added.
    """

    def __init__(
        self, channels: int, cells: Sequence[int], inner: int, norm_eps: float,
    ) -> None:
        super().__init__()
        self.parts = [side ** 2 for side in cells]
        self.norm = nn.LayerNorm(channels, eps=norm_eps)
        self.down = TokenConv(channels, inner)
        self.joint = TokenConv(2 * inner, inner)
        self.keys = nn.ModuleList(TokenConv(inner, inner) for _ in range(2))
        self.values = nn.ModuleList(TokenConv(inner, inner) for _ in range(2))
        self.up = TokenConv(inner, channels)

    def forward(self, tokens: Tensor, normal: Tensor, norm: nn.Module) -> Tensor:
        """Return what is added to each stream, 2 B x L x C; `norm` is the trunk block's."""
        reduced = self.down(self.norm(tokens))
        rgb, thermal = reduced.chunk(2)
        joint = self.joint(torch.cat([rgb, thermal], -1))
        key, value = (
            torch.cat([layer(part) for layer, part in zip(layers, (rgb, thermal), strict=True)])
            for layers in (self.keys, self.values))
        query = torch.cat([joint, joint])
        read = torch.cat([
            torch.softmax(own @ both.transpose(1, 2), dim=-1) @ content
            for own, both, content in zip(
                *(part.split(self.parts, dim=1) for part in (key, query, value)), strict=True)], 1)
        return norm(self.up(read + torch.cat([thermal, rgb])))


class TaskAdapter(nn.Module):
    """Three linear layers between the trunk and the head, without activation or skip."""

    def __init__(self, channels: int, inner: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.down = nn.Linear(channels, inner)
        self.mid = nn.Linear(inner, inner)
        self.dropout = nn.Dropout(dropout)
        self.up = nn.Linear(inner, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map B x L x C to B x L x C."""
        return self.up(self.dropout(self.mid(self.down(tokens))))
