# SPDX-License-Identifier: Apache-2.0
"""How an `ainet` network is trained: the tracker's loss; the trunk and its fusions more slowly."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.networks.ainet import PUBLISHED, AINet, AINetConfig
from rgbt_tracker_ros.training.checkpoint import load_start
from rgbt_tracker_ros.training.freezing import freeze, groups_of
from rgbt_tracker_ros.training.losses import PARTS
from rgbt_tracker_ros.training.precision import mixed
from rgbt_tracker_ros.training.published_inputs import loss_of_maps, template_and_search
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.recipe_networks import AINetNetwork

FUSIONS = ('dfm.', 'ofm.')
SLOW = ('trunk.', 'dfm.')
"""The published trunk holds the fusions between its blocks, so both learn at its rate."""


class AINetMethod:
    """The training of an `ainet` network."""

    parts: tuple[str, ...] = PARTS

    def __init__(self, recipe: Recipe, network: AINetNetwork, device: torch.device) -> None:
        self._optim, self._device = recipe.optim, device
        self.extra = nn.Module()
        self.network = AINet(_config(network)).train()
        if network.start is not None:
            load_start(self.network, network.start, PUBLISHED, FUSIONS)
        freeze(self.network, network.frozen)
        self.network.to(device)

    def groups(self) -> list[dict[str, Any]]:
        """Return the trained parameters of the trunk and its fusions, and all others."""
        return groups_of([self.network], SLOW, self._optim)

    def loss(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the tracker's loss of a batch, and its parts."""
        with mixed(self._device, self._optim.precision):
            output = self.network(*template_and_search(batch))
        return loss_of_maps(output, batch[-1])


def _config(network: AINetNetwork) -> AINetConfig:
    sizes = AINetConfig(**network.sizes)
    skipped = network.skipped_tokens
    # Crops made in training are continued by the mean colour, not by black.
    return AINetConfig(
        **network.sizes, state=network.state, rank=network.rank,
        skipped_tokens=sizes.template_tokens if skipped is None else skipped,
        order_pooled=network.order_pooled, order_widths=network.order_widths,
        order_gradient=network.order_gradient, order_temperature=network.order_temperature,
        dfm_steps=network.dfm_steps, ofm_steps=network.ofm_steps, border='mean')
