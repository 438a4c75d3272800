# SPDX-License-Identifier: Apache-2.0
"""The two fusion modules of AINet (arXiv 2408.08827): within a layer, and over all layers."""
from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.layer_order import OrderNetwork, ascending, relaxed
from rgbt_tracker_ros.networks.mamba import Mamba, Scan, ScanInputs, Selection, run_scan

NORM_EPS = 1e-5
OrderGradient = Literal['straight_through', 'none']


class Exchanged(NamedTuple):
    """What a difference-based fusion gives: both updated streams, fused tokens, and the gate."""

    rgb: Tensor
    thermal: Tensor
    fused: Tensor
    gate: Tensor


class DifferenceFusion(nn.Module):
    """DFM: the scanned difference of two streams tells how much each takes of the other."""

    def __init__(self, channels: int, *, state: int, rank: int, scan: Scan, steps: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=NORM_EPS)
        self.mamba = Mamba(channels, state=state, rank=rank, scan=scan, steps=steps)
        self.fuse = nn.Sequential(
            nn.Linear(2 * channels, channels), nn.LayerNorm(channels, eps=NORM_EPS), nn.GELU())

    def forward(self, rgb: Tensor, thermal: Tensor) -> Exchanged:
        """Update B x L x C tokens of both cameras, template first, and fuse them."""
        gate = torch.tanh(self.mamba(self.norm(rgb - thermal)))
        new_rgb, new_thermal = rgb + gate * thermal, thermal + gate * rgb
        fused = self.fuse(torch.cat([new_rgb, new_thermal], -1))
        return Exchanged(new_rgb, new_thermal, fused, gate)


class OrderFusion(nn.Module):
    """OFM: scan the tokens of all layers in three orders of the layers, and add up the layers.

    The orders are first to last, last to first (tokens inside a layer keep theirs), and the
    ascending order of logits that a small network reads from the tokens themselves. Sorting has no
    gradient, so in the published code that network stays as it was initialised
    (`order_gradient='none'`); with `straight_through` it learns through SoftSort, and the result
    is the same.
    """

    def __init__(
        self, channels: int, layers: int, tokens: int, *, state: int, rank: int, scan: Scan,
        steps: int, pooled: int, order_widths: tuple[int, ...], order_gradient: OrderGradient,
        temperature: float,
    ) -> None:
        super().__init__()
        inner = 2 * channels
        self.layers, self.scan, self.steps = layers, scan, steps
        self.order_gradient, self.temperature = order_gradient, temperature
        self.norm1 = nn.LayerNorm(channels, eps=NORM_EPS)
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.select = nn.ModuleList(
            Selection(inner, state=state, rank=rank) for _ in range(3))
        self.order = OrderNetwork(channels, layers * tokens, layers, pooled, order_widths)
        self.out_proj = nn.Linear(inner, channels, bias=False)
        self.norm2 = nn.LayerNorm(channels, eps=NORM_EPS)
        self.norm = nn.LayerNorm(channels, eps=NORM_EPS)

    def forward(self, layers: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Fuse the B x T x C tokens of every layer to one B x T x C; also return the logits."""
        tokens = torch.cat(layers, 1)
        normal = self.norm1(tokens)
        values, gate = self.in_proj(normal).chunk(2, dim=-1)
        logits = self.order(normal)
        mixed = self._scanned(values, self._permutation(logits))
        tokens = self.norm2(tokens + self.out_proj(mixed.to(gate.dtype) * F.silu(gate)))
        batch, _, channels = tokens.shape
        by_layer = tokens.reshape(batch, self.layers, -1, channels)
        return self.norm(by_layer.sum(1)), logits

    def _permutation(self, logits: Tensor) -> Tensor:
        if self.training and self.order_gradient == 'straight_through':
            return relaxed(logits, self.temperature)
        return ascending(logits)

    def _scanned(self, values: Tensor, permutation: Tensor) -> Tensor:
        """Return the mean of the three scans of B x (layers * T) x C values."""
        by_layer = values.reshape(values.shape[0], self.layers, -1)
        ordered = (by_layer, by_layer.flip(1), permutation.to(values.dtype) @ by_layer)
        inputs = [select(part.reshape(values.shape))
                  for select, part in zip(self.select, ordered, strict=True)]
        scanned = run_scan(_side_by_side(inputs), self.scan, self.steps).chunk(3)
        natural, backward, dynamic = (
            (mixed + select.D * part.x).reshape(by_layer.shape)
            for mixed, select, part in zip(scanned, self.select, inputs, strict=True))
        # The transposed permutation puts the layers back.
        restored = permutation.to(dynamic.dtype).transpose(1, 2) @ dynamic
        return ((natural + backward.flip(1) + restored) / 3).reshape(values.shape)


def _side_by_side(inputs: list[ScanInputs]) -> ScanInputs:
    """Join the inputs of several scans on the batch axis, each with its own decay."""
    batch = inputs[0].x.shape[0]
    decays = [part.decay.unsqueeze(0).expand(batch, -1, -1) for part in inputs]
    return ScanInputs(
        torch.cat([part.x for part in inputs]), torch.cat([part.dt for part in inputs]),
        torch.cat(decays), torch.cat([part.b for part in inputs]),
        torch.cat([part.c for part in inputs]))
