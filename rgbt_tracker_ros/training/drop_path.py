# SPDX-License-Identifier: Apache-2.0
"""Stochastic depth of vision transformers (arXiv 1603.09382), in training only.

It hangs on the layers that end a residual branch, so that networks know nothing of it.
"""
from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.networks.vit import ViT, ViTBlock
from rgbt_tracker_ros.training import processes

_Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]


def add_drop_path(network: nn.Module, rate: float, batch: int) -> None:
    """Let samples skip branches of all transformers in a network.

    Parameters
    ----------
    network
        The network; several transformers are treated each by itself.
    rate
        Probability in the last block; it grows from 0 in the first one by equal steps.
    batch
        Samples of all processes together. Streams that lie side by side on the batch axis are
        drawn for each by itself.

    """
    for trunk in network.modules():
        if isinstance(trunk, ViT):
            last = max(len(trunk.blocks) - 1, 1)
            for number, block in enumerate(trunk.blocks):
                assert isinstance(block, ViTBlock)
                for layer in (block.attn.proj, block.mlp):
                    layer.register_forward_hook(_dropping(rate * number / last, batch))


def _dropping(rate: float, batch: int) -> _Hook:
    def drop(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if not layer.training or not rate:
            return output
        rows = processes.own_rows(batch)
        # As for the whole batch, so that the number of processes does not matter.
        drawn = torch.rand(len(output) // len(rows), batch, device=output.device)
        kept = drawn[:, rows.start:rows.stop].reshape(-1, 1, 1) >= rate
        return output * kept.to(output.dtype) / (1.0 - rate)
    return drop
