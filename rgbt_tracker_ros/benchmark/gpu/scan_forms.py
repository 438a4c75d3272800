# SPDX-License-Identifier: Apache-2.0
"""Scans alone, in every form there is, and the parts of AINet that decide about a kernel."""
from __future__ import annotations

from collections.abc import Callable
import hashlib
from pathlib import Path
from typing import Any

from rgbt_tracker_ros.benchmark.gpu import models
from rgbt_tracker_ros.benchmark.gpu.tasks import SHAPES
from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.bundle import GraphSpec

_QUICK = (1, 96, 16, 4)
_HEAD = 64


def scan(shape: str, form: str, device: str, *, quick: bool) -> Callable[[], Any]:
    """Return a scan on made-up inputs.

    Raises
    ------
    ModelError
        If the form's package is missing.

    """
    import torch

    from rgbt_tracker_ros.networks import mamba_kernels, scans

    batch, length, channels, states = _QUICK if quick else SHAPES[shape]
    torch.manual_seed(0)
    b, c = (torch.randn(batch, length, states, device=device) for _ in range(2))
    if form.startswith('ssd'):
        heads = max(channels // _HEAD, 1)
        inputs = (torch.randn(batch, length, heads, channels // heads, device=device),
                  torch.rand(batch, length, heads, device=device),
                  torch.rand(heads, device=device) + 0.1, b, c)
        function = scans.ssd_bidirectional if form == 'ssd-quadratic' else scans.ssd_chunked
    else:
        inputs = (torch.randn(batch, length, channels, device=device),
                  torch.rand(batch, length, channels, device=device),
                  torch.rand(channels, states, device=device) + 0.1, b, c)
        function = _s6(form, mamba_kernels, scans)

    def run() -> Any:
        with torch.inference_mode():
            return function(*inputs)

    return run


def _s6(form: str, kernels: Any, scans: Any) -> Callable[..., Any]:
    forms = {'s6-two-level': lambda: scans.s6, 's6-sequential': lambda: scans.s6_sequential,
             's6-mamba-ssm': kernels.mamba_scan, 's6-triton': kernels.triton_scan}
    found: Callable[..., Any] | None = forms[form]()
    if found is None:
        raise ModelError(f'{form.removeprefix("s6-")} is not installed, or cannot be imported')
    return found


def part(name: str, *, quick: bool) -> tuple[Any, Any]:
    """Return a part of AINet as a module, and its input.

    `scans`: the Mamba of every layer's fusion one after the other, then the fusion of all layers.
    `attention`: all blocks of the trunk, for both cameras. Both take the tokens of one camera.
    """
    import torch
    from torch import Tensor, nn

    network = models.network('ainet', quick=quick)
    config = network.config
    tokens = config.template_tokens + config.search_tokens

    class Scans(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList(fusion.mamba for fusion in network.dfm)
            self.all_layers = network.ofm

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
            rest = x[:, config.skipped_tokens:]
            fused: Tensor = self.all_layers([rest] * len(self.layers))[0]
            return fused

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = network.trunk.blocks

        def forward(self, x: Tensor) -> Tensor:
            both = torch.cat([x, -x])
            for block in self.blocks:
                both = block(both)
            return both

    module = Scans() if name == 'scans' else Attention()
    return module.eval(), torch.randn(1, tokens, config.channels)


def write_part(name: str, file: Path, *, quick: bool) -> GraphSpec:
    """Write a part as ONNX."""
    import onnx
    import torch

    from rgbt_tracker_ros.networks.export import OPSET
    from rgbt_tracker_ros.networks.folding import folded

    module, tokens = part(name, quick=quick)
    with torch.no_grad():
        shape = tuple(module(tokens).shape)
    torch.onnx.export(module, (tokens,), str(file), input_names=['tokens'],
                      output_names=['result'], opset_version=OPSET, dynamo=False)
    onnx.save(folded(file), str(file))
    return GraphSpec(file, hashlib.sha256(file.read_bytes()).hexdigest(),
                     {'tokens': tuple(tokens.shape)}, {'result': shape})
