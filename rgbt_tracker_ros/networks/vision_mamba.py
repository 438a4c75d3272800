# SPDX-License-Identifier: Apache-2.0
"""Vision-Mamba token mixer: Mamba-1 over the cells of a feature map, in both directions."""
from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.mamba import Scan, ScanInputs, Selection, run_scan


class VisionMamba(nn.Module):
    """Selective scan forward and backward, summed, with a residual connection.

    After Vim (arXiv 2401.09417): one projection and gate for both directions, a convolution and a
    scan of its own for each. Both scans run as one batch. It starts as the identity.

    Parameters
    ----------
    channels
        Channels of the tokens.
    expand, state
        Channels of the scan over those of the tokens; size of its state.
    columns
        Scan column by column instead of row by row.
    both
        False scans forward only, as a causal Mamba does.
    scan, steps
        Form of the scan and length of its chunks, see `scans.s6`.

    """

    def __init__(
        self, channels: int, *, expand: int = 1, state: int = 16, columns: bool = False,
        both: bool = True, scan: Scan = 'two_level', steps: int = 32,
    ) -> None:
        super().__init__()
        inner = expand * channels
        self.columns, self.scan, self.steps = columns, scan, steps
        self.norm = nn.LayerNorm(channels)
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        rank = max(channels // 16, 1)
        self.directions = nn.ModuleList(
            Selection(inner, state=state, rank=rank) for _ in range(2 if both else 1))
        self.out_proj = nn.Linear(inner, channels, bias=False)
        nn.init.zeros_(self.out_proj.weight)

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """Mix B x L x C tokens of a height x width map given in row-major order."""
        ordered = _transposed(tokens, height, width) if self.columns else tokens
        values, gate = self.in_proj(self.norm(ordered)).chunk(2, dim=-1)
        mixed = self.out_proj(self._scanned(values).to(gate.dtype) * F.silu(gate))
        return tokens + (_transposed(mixed, width, height) if self.columns else mixed)

    def _scanned(self, values: Tensor) -> Tensor:
        """Return the scans of all directions, summed, in the order of the values."""
        batch = values.shape[0]
        ways = [values, values.flip(1)][:len(self.directions)]
        parts = [select(way) for select, way in zip(self.directions, ways, strict=True)]
        joined = ScanInputs(
            x=torch.cat([part.x for part in parts]), dt=torch.cat([part.dt for part in parts]),
            decay=torch.cat([part.decay.expand(batch, -1, -1) for part in parts]),
            b=torch.cat([part.b for part in parts]), c=torch.cat([part.c for part in parts]))
        outputs = run_scan(joined, self.scan, self.steps).split(batch)
        results = [output + select.D * part.x for output, select, part in zip(
            outputs, self.directions, parts, strict=True)]
        return results[0] if len(results) == 1 else results[0] + results[1].flip(1)


def _transposed(tokens: Tensor, height: int, width: int) -> Tensor:
    batch, length, channels = tokens.shape
    grid = tokens.reshape(batch, height, width, channels)
    return grid.transpose(1, 2).reshape(batch, length, channels)
