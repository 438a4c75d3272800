# SPDX-License-Identifier: Apache-2.0
"""How a `patrack` network is trained: the tracker's loss, through a frozen tracker's adapters."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.patrack import PUBLISHED, PATrack, PATrackConfig
from rgbt_tracker_ros.training.checkpoint import load_start
from rgbt_tracker_ros.training.freezing import freeze, groups_of
from rgbt_tracker_ros.training.losses import PARTS
from rgbt_tracker_ros.training.precision import mixed
from rgbt_tracker_ros.training.published_inputs import loss_of_maps, template_and_search
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.recipe_networks import PATrackNetwork
from rgbt_tracker_ros.training.recipe_stages import AdaptersStage

ADAPTERS = ('beside_attention.', 'beside_mlp.', 'task.')


class PATrackMethod:
    """The training of a `patrack` network."""

    parts: tuple[str, ...] = PARTS

    def __init__(self, recipe: Recipe, network: PATrackNetwork, device: torch.device) -> None:
        self._optim, self._device = recipe.optim, device
        self.extra = nn.Module()
        self.network = PATrack(_config(network)).train()
        adapters_alone = isinstance(recipe.stage, AdaptersStage)
        if network.start is not None:
            load_start(self.network, network.start, PUBLISHED, ADAPTERS)
        elif adapters_alone:
            raise InputError('recipe: network.start must name the checkpoint of a tracker: '
                             'stage adapters leaves its weights as they are')
        if adapters_alone:
            self.network.freeze()
        freeze(self.network, network.frozen)
        self.network.to(device)

    def groups(self) -> list[dict[str, Any]]:
        """Return the trained parameters of the trunk, if there are any, and all others."""
        return groups_of([self.network], ('trunk.',), self._optim)

    def loss(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the tracker's loss of a batch, and its parts."""
        with mixed(self._device, self._optim.precision):
            output = self.network(*template_and_search(batch))
        return loss_of_maps(output, batch[-1])


def _config(network: PATrackNetwork) -> PATrackConfig:
    # Crops made in training are continued by the mean colour, not by black.
    return PATrackConfig(
        **network.sizes,
        entangled_at=tuple(block for block in network.entangled_at if block < network.blocks),
        frequency_channels=network.frequency_channels,
        entangled_channels=network.entangled_channels, task_channels=network.task_channels,
        task_dropout=network.task_dropout, border='mean')
