# SPDX-License-Identifier: Apache-2.0
"""Mamba-1 token mixer (Gu and Dao, 2023) in operations that export to a static graph."""
from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.networks.mamba_kernels import causal_convolution, s6_kernel
from rgbt_tracker_ros.networks.scans import s6, s6_sequential

Scan = Literal['auto', 'two_level', 'sequential']

DT_RANGE = (1e-3, 0.1)
"""Step sizes that a network starts with, spread evenly over their logarithm."""

_LEAST = 1e-30
"""Keeps the logarithm finite; steps beyond 69 make no difference to a state."""


class ScanInputs(NamedTuple):
    """What a scan takes; see `scans.s6`."""

    x: Tensor
    dt: Tensor
    decay: Tensor
    b: Tensor
    c: Tensor


class Selection(nn.Module):
    """Make the inputs of a scan: short causal convolution, then step sizes, B and C of it.

    Parameter names are those of the authors' package, so that published weights load by name.
    """

    def __init__(
        self, channels: int, *, state: int = 16, kernel: int = 4, rank: int = 48,
    ) -> None:
        super().__init__()
        self.split = (rank, state, state)
        self.conv1d = nn.Conv1d(
            channels, channels, kernel, groups=channels, padding=kernel - 1)
        self.x_proj = nn.Linear(channels, sum(self.split), bias=False)
        self.dt_proj = nn.Linear(rank, channels)
        self.A_log = nn.Parameter(
            torch.arange(1.0, state + 1.0).log().repeat(channels, 1))
        self.D = nn.Parameter(torch.ones(channels))
        nn.init.uniform_(self.dt_proj.weight, -rank ** -0.5, rank ** -0.5)
        low, high = (math.log(limit) for limit in DT_RANGE)
        start = torch.exp(torch.rand(channels) * (high - low) + low)
        with torch.no_grad():
            # Inverse of the softplus.
            self.dt_proj.bias.copy_(start + torch.log(-torch.expm1(-start)))

    def forward(self, values: Tensor) -> ScanInputs:
        """Turn B x L x C values into the inputs of a forward scan."""
        x = causal_convolution(
            values.transpose(1, 2), self.conv1d.weight, self.conv1d.bias).transpose(1, 2)
        dt, b, c = self.x_proj(x).split(self.split, dim=-1)
        step = _softplus(self.dt_proj(dt).float())
        return ScanInputs(x.float(), step, self.A_log.float().exp(), b.float(), c.float())


def _softplus(values: Tensor) -> Tensor:
    """Return log(1 + exp(values)), in graphs by operators that run times have fast code for."""
    if torch.onnx.is_in_onnx_export():
        return -torch.log(torch.sigmoid(-values).clamp(min=_LEAST))
    return F.softplus(values)


class Mamba(nn.Module):
    """Gated selective scan over a sequence, first token to last; no residual connection."""

    def __init__(
        self, channels: int, *, expand: int = 1, state: int = 16, kernel: int = 4, rank: int = 48,
        scan: Scan = 'two_level', steps: int = 64,
    ) -> None:
        super().__init__()
        inner = expand * channels
        self.scan, self.steps = scan, steps
        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.select = Selection(inner, state=state, kernel=kernel, rank=rank)
        self.out_proj = nn.Linear(inner, channels, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map B x L x C to B x L x C."""
        values, gate = self.in_proj(tokens).chunk(2, dim=-1)
        inputs = self.select(values)
        mixed = run_scan(inputs, self.scan, self.steps) + self.select.D * inputs.x
        return self.out_proj(mixed.to(gate.dtype) * F.silu(gate))


def run_scan(inputs: ScanInputs, scan: Scan, steps: int) -> Tensor:
    """Scan in the wanted form; `steps` is the length of a chunk of the two-level one.

    `auto` is step by step where a network on a CPU neither learns nor is traced: as published
    networks are compared, to the last bit. Everywhere else it is the fast form: in two levels, or
    on a GPU a kernel.
    """
    traced = torch.onnx.is_in_onnx_export() or torch.compiler.is_compiling()
    compared = not (inputs.x.is_cuda or traced or torch.is_grad_enabled())
    if scan == 'sequential' or (scan == 'auto' and compared):
        return s6_sequential(*inputs)
    kernel = s6_kernel(inputs.x)
    return kernel(*inputs) if kernel else s6(*inputs, steps)
