# SPDX-License-Identifier: Apache-2.0
"""How a `tpf` network is trained: tracking alone, expert distillation, decoupled fine-tuning."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.tpf import ONE_STREAM, TPF, TPFConfig
from rgbt_tracker_ros.training import decoupling
from rgbt_tracker_ros.training.checkpoint import load_start
from rgbt_tracker_ros.training.decoupling import Decoupling
from rgbt_tracker_ros.training.distillation import Distillation
from rgbt_tracker_ros.training.experts import (
    Expert,
    GuidedFilter,
    LaplacianPyramid,
    WeightedAverage,
)
from rgbt_tracker_ros.training.freezing import freeze, groups_of
from rgbt_tracker_ros.training.losses import PARTS, LossWeights, tracking_loss
from rgbt_tracker_ros.training.onnx_expert import OnnxExpert
from rgbt_tracker_ros.training.precision import mixed
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.recipe_networks import TPFNetwork
from rgbt_tracker_ros.training.recipe_stages import (
    AverageExpert,
    DecoupledStage,
    DistillationStage,
    ExpertRecipe,
    GuidedFilterExpert,
    LaplacianExpert,
)

ADAPTER = 'adapter.'
TRUNKS = ('trunk.',)
_Loss = Callable[[Sequence[Tensor], int], tuple[Tensor, dict[str, Tensor]]]


class TPFMethod:
    """One stage of a `tpf` network's training."""

    def __init__(self, recipe: Recipe, network: TPFNetwork, device: torch.device) -> None:
        self._optim, self._device = recipe.optim, device
        self.network = TPF(_config(network)).train()
        if network.start is not None:
            load_start(self.network, network.start, ONE_STREAM, (ADAPTER, 'slot'))
        self.extra: nn.Module = nn.Module()
        self.parts: tuple[str, ...] = PARTS
        self.loss: _Loss = self._tracking
        frozen = network.frozen
        stage = recipe.stage
        if isinstance(stage, DistillationStage):
            if network.start is None:
                raise InputError('recipe: network.start must name the checkpoint of a tracker: '
                                 'its loss decides which expert counts')
            experts = [make_expert(expert) for expert in stage.experts]
            self.extra = Distillation(stage, experts)
            self.parts = self.extra.parts
            self.loss = self._distillation
            frozen = (*frozen, *(name for name, _ in self.network.named_parameters()
                                 if not name.startswith(ADAPTER)))
        elif isinstance(stage, DecoupledStage):
            self.extra = Decoupling(stage, self.network.config.adapter)
            self.parts = (*PARTS, *decoupling.PARTS)
            self.loss = self._decoupled
        freeze(self.network, frozen)
        self.network.to(device)
        self.extra.to(device)

    def groups(self) -> list[dict[str, Any]]:
        """Return the trunk's trained parameters, and all others."""
        return groups_of([self.network, self.extra], TRUNKS, self._optim)

    def _tracking(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the tracker's loss."""
        *images, boxes = batch
        with mixed(self._device, self._optim.precision):
            slots = self._slots(images, step)
            score, size, offset, _ = self.network.search(slots, *images[4:])
        return tracking_loss(score, size, offset, boxes, LossWeights())

    def _distillation(
        self, batch: Sequence[Tensor], step: int,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the distance of the adapter's images to those of the experts."""
        *images, boxes = batch
        with mixed(self._device, self._optim.precision):
            return self.extra(
                self.network, (images[0], images[1]), (images[4], images[5]), boxes)

    def _decoupled(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the tracker's loss and that of the two parts of the search crop's code."""
        *images, boxes = batch
        rgb, thermal = images[4:]
        adapter = self.network.adapter
        with mixed(self._device, self._optim.precision):
            slots = self._slots(images, step)
            code = adapter.encode(rgb, thermal)
            task = adapter.task(code)
            maps = self.network.match(slots, adapter.paint(task, rgb, thermal))
            apart, parts = self.extra(code, task, rgb, thermal)
        loss, of_tracking = tracking_loss(*maps, boxes, LossWeights())
        return loss + apart, {**of_tracking, **parts}

    def _slots(self, images: Sequence[Tensor], step: int) -> list[Tensor]:
        slots = [self.network.template(*images[:2])]
        if self.network.template_slots == 2:
            # Until its first update the dynamic slot holds the initial template.
            slots.append(self.network.template(*images[2:4]) if step % 2 else slots[0])
        return slots


def make_expert(recipe: ExpertRecipe) -> Expert:
    """Make an expert of its part of the recipe."""
    if isinstance(recipe, AverageExpert):
        return WeightedAverage(recipe.rgb_share)
    if isinstance(recipe, LaplacianExpert):
        return LaplacianPyramid(recipe.levels)
    if isinstance(recipe, GuidedFilterExpert):
        return GuidedFilter(
            base_radius=recipe.base_radius, detail_radius=recipe.detail_radius)
    return OnnxExpert(
        Path(recipe.file), thermal_first=recipe.thermal_first, byte_range=recipe.byte_range)


def _config(network: TPFNetwork) -> TPFConfig:
    return TPFConfig(
        **network.sizes, template_slots=network.template_slots, adapter=network.adapter)
