# SPDX-License-Identifier: Apache-2.0
"""Mamba-2 token mixer for feature maps."""
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.scans import ssd_bidirectional, ssd_chunked

LONGEST_QUADRATIC = 512
"""Longer sequences are scanned in chunks: of 1024 tokens that takes a tenth of the time."""


class SSDMixer(nn.Module):
    """Bidirectional SSD mixer over the cells of a feature map, with a residual connection.

    In place of Mamba's causal 1-D convolution a depthwise 3 x 3 convolution looks at the
    neighbours in the image. `columns` scans column by column instead of row by row.
    """

    def __init__(
        self, channels: int, *, heads: int = 4, state: int = 32, columns: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.state, self.columns = heads, state, columns
        self.split = (channels, channels, state, state, heads)
        self.norm = nn.LayerNorm(channels)
        self.project_in = nn.Linear(channels, sum(self.split))
        mixed = channels + 2 * state
        self.neighbours = nn.Conv2d(mixed, mixed, 3, padding=1, groups=mixed)
        self.dt_bias = nn.Parameter(torch.linspace(-3.0, -0.5, heads))
        self.log_decay = nn.Parameter(torch.linspace(-1.0, 1.0, heads))
        self.skip = nn.Parameter(torch.ones(heads, 1))
        self.norm_out = nn.LayerNorm(channels)
        self.project_out = nn.Linear(channels, channels)
        nn.init.zeros_(self.project_out.weight)
        nn.init.zeros_(self.project_out.bias)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Mix B x L x C tokens of a height x width map given in row-major order."""
        batch, length, channels = tokens.shape
        residual = tokens
        gate, values, b, c, dt = self.project_in(self.norm(tokens)).split(self.split, dim=-1)
        mixed = torch.cat([values, b, c], -1).transpose(1, 2).reshape(batch, -1, height, width)
        mixed = F.silu(self.neighbours(mixed))
        dt = F.softplus(dt.float() + self.dt_bias)
        if self.columns:
            mixed = mixed.transpose(2, 3)
            dt = self._transposed(dt, height, width)
        mixed = mixed.flatten(2).transpose(1, 2)
        values, b, c = mixed.split((channels, self.state, self.state), dim=-1)
        x = values.reshape(batch, length, self.heads, channels // self.heads)
        scale = self.state ** -0.5
        scan = ssd_bidirectional if length <= LONGEST_QUADRATIC else ssd_chunked
        y = scan(x, dt, self.log_decay.exp(), b, c * scale) + self.skip * x
        y = y.reshape(batch, length, channels)
        if self.columns:
            y = self._transposed(y, width, height)
        return residual + self.project_out(self.norm_out(y * F.silu(gate)))

    @staticmethod
    def _transposed(tokens: Tensor, height: int, width: int) -> Tensor:
        batch, length, channels = tokens.shape
        grid = tokens.reshape(batch, height, width, channels)
        return grid.transpose(1, 2).reshape(batch, length, channels)
