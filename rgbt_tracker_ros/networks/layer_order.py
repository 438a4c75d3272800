# SPDX-License-Identifier: Apache-2.0
"""Dynamic order of layers in AINet's last fusion: logits of a guide, and their permutation."""
from __future__ import annotations

from itertools import pairwise
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class OrderNetwork(nn.Module):
    """Read one logit per layer from the tokens of all layers; their ascending order is used."""

    def __init__(
        self, channels: int, tokens: int, layers: int, pooled: int, widths: tuple[int, ...],
    ) -> None:
        super().__init__()
        # The pattern of adaptive pooling repeats, so a small matrix does for the whole sequence.
        self.repeats = math.gcd(tokens, pooled)
        self.register_buffer('pool', adaptive_average(
            tokens // self.repeats, pooled // self.repeats).T.contiguous(), persistent=False)
        sizes = (pooled, *widths)
        stages: list[nn.Module] = []
        for before, after in pairwise(sizes):
            stages += [nn.Linear(before, after), nn.GELU()]
        self.mlp = nn.Sequential(*stages[:-1])
        self.fc = nn.Linear(channels * sizes[-1], layers)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map B x L x C normalised tokens to B x layers logits."""
        batch, _, channels = tokens.shape
        pieces = tokens.transpose(1, 2).reshape(batch, channels, self.repeats, -1)
        guide = (pieces @ self.get_buffer('pool').to(tokens.dtype)).flatten(2)
        return self.fc(self.mlp(guide).flatten(1))


def adaptive_average(length: int, pooled: int) -> Tensor:
    """Return adaptive average pooling as a `pooled` x `length` matrix.

    Output i is the mean of the inputs from floor(i length / pooled) up to, but not including,
    ceil((i + 1) length / pooled).
    """
    matrix = torch.zeros(pooled, length)
    for i in range(pooled):
        first, end = i * length // pooled, math.ceil((i + 1) * length / pooled)
        matrix[i, first:end] = 1.0 / (end - first)
    return matrix


def ascending(logits: Tensor) -> Tensor:
    """Return the B x K x K permutation matrices that sort B x K logits: row r picks the r-th.

    Made of comparisons (rank = how many come before), not of sorting, for graphs. Of equal logits
    the first comes first.
    """
    # A plain number, so that a traced graph computes no shapes.
    count = int(logits.shape[1])
    mine, other = logits.unsqueeze(2), logits.unsqueeze(1)
    earlier = torch.ones(count, count, dtype=torch.bool, device=logits.device).tril(-1)
    before = (other < mine) | ((other == mine) & earlier)
    rank = before.to(logits.dtype).sum(2)
    places = torch.arange(count, dtype=logits.dtype, device=logits.device)
    return (rank.unsqueeze(1) == places.reshape(1, count, 1)).to(logits.dtype)


def relaxed(logits: Tensor, temperature: float) -> Tensor:
    """Return `ascending`, with the gradient of its soft form (straight through).

    The soft form is SoftSort (Prillo and Eisenschlos, 2020): row r is the softmax over j of
    -|r-th smallest logit - logit j| / temperature.
    """
    hard = ascending(logits)
    ordered = hard.detach() @ logits.unsqueeze(2)
    soft = F.softmax(-(ordered - logits.unsqueeze(1)).abs() / temperature, dim=-1)
    return hard + soft - soft.detach()
