# SPDX-License-Identifier: Apache-2.0
"""Adaptive multi-expert distillation: TPF's adapter learns from fused images of several sources.

Which source counts for a sample is decided by the task: the frozen tracker tracks in each expert's
image, and the smaller its loss there, the larger the expert's weight.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.networks.tpf import TPF
from rgbt_tracker_ros.training.experts import Expert
from rgbt_tracker_ros.training.losses import LossWeights, tracking_loss
from rgbt_tracker_ros.training.recipe_stages import DistillationStage

_WINDOW = 7
_C1, _C2 = 0.01 ** 2, 0.03 ** 2


class Distillation(nn.Module):
    """The loss of a batch, given what the adapter makes of it; holds nothing to train."""

    def __init__(self, stage: DistillationStage, experts: Sequence[Expert]) -> None:
        super().__init__()
        self.stage, self.experts = stage, experts
        names = [expert.name for expert in experts]
        self.parts = ('distance', *(
            f'weight_{name}' if names.count(name) == 1 else f'weight_{name}_{index}'
            for index, name in enumerate(names)))

    def forward(
        self, network: TPF, template: tuple[Tensor, Tensor], search: tuple[Tensor, Tensor],
        boxes: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and its parts: mean distance and the mean weight of each expert.

        Parameters
        ----------
        network
            The network; its tracker is not trained.
        template, search
            RGB and thermal crops, normalised.
        boxes
            Wanted boxes in the search crops, B x 4.

        """
        with torch.no_grad():
            images = [[self._taught(network, expert, crops) for crops in (template, search)]
                      for expert in self.experts]
            losses = torch.stack(
                [_task_losses(network, template, search, boxes) for template, search in images], 1)
            weights = expert_weights(losses, self.stage.temperature)
        rgb = network.inputs.rgb
        fused = [pictures(network.adapter(*crops), rgb) for crops in (template, search)]
        distances = torch.stack([
            sum((image_distance(own, pictures(taught, rgb), self.stage)
                 for own, taught in zip(fused, pair, strict=True)), torch.zeros(()))
            for pair in images], 1)
        loss = (weights * distances).sum(1).mean()
        return loss, dict(zip(self.parts, (loss, *weights.mean(0)), strict=True))

    def _taught(self, network: TPF, expert: Expert, crops: tuple[Tensor, Tensor]) -> Tensor:
        """Return an expert's image, normalised; without one camera it is the other one's."""
        rgb, thermal = crops
        inputs = network.inputs
        rgb01, thermal01 = pictures(rgb, inputs.rgb), pictures(thermal, inputs.thermal)
        with torch.autocast(rgb.device.type, enabled=False):
            fused = expert(rgb01.clamp(0, 1), thermal01.clamp(0, 1))
        seen_rgb, seen_thermal = (
            crop.flatten(1).any(1).reshape(-1, 1, 1, 1) for crop in (rgb, thermal))
        mean, std = _statistics(fused, inputs.rgb)
        taught = (fused - mean) / std
        # The adapter shows a lone thermal image as its own normalised values.
        taught = torch.where(seen_rgb, taught, thermal.expand_as(taught))
        return torch.where(seen_thermal, taught, torch.where(seen_rgb, rgb, taught))


def expert_weights(losses: Tensor, temperature: float) -> Tensor:
    """Return the weight of each expert for each sample, B x E, rows sum to 1.

    softmax(-loss / (temperature x mean loss of the sample)): the scale of the tracker's loss,
    which differs from sample to sample, does not matter.
    """
    scale = losses.mean(1, keepdim=True).clamp_min(1e-6) * temperature
    return torch.softmax(-losses / scale, 1)


def image_distance(first: Tensor, second: Tensor, stage: DistillationStage) -> Tensor:
    """Return how different images in 0..1 are, per sample: brightness, structure, edges."""
    level = (first - second).abs().mean((1, 2, 3))
    structure = 1.0 - _similarity(first, second).mean((1, 2, 3))
    edges = sum(((first.diff(dim=axis) - second.diff(dim=axis)).abs().mean((1, 2, 3))
                 for axis in (2, 3)), torch.zeros_like(level))
    return level + stage.structure * structure + stage.edges * edges


def pictures(image: Tensor, normalization: Normalization) -> Tensor:
    """Return normalised images as they were, nominally in 0..1, float32."""
    mean, std = _statistics(image, normalization)
    return image.float() * std + mean


def _statistics(image: Tensor, normalization: Normalization) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values, dtype=torch.float32, device=image.device)
                 for values in (normalization.mean, normalization.std))
    return mean.reshape(1, -1, 1, 1), std.reshape(1, -1, 1, 1)


def _similarity(first: Tensor, second: Tensor) -> Tensor:
    """Return the structural similarity (SSIM) of images in 0..1, over 7 x 7 windows."""
    mean1, mean2 = F.avg_pool2d(first, _WINDOW, 1), F.avg_pool2d(second, _WINDOW, 1)
    spread1 = F.avg_pool2d(first * first, _WINDOW, 1) - mean1 * mean1
    spread2 = F.avg_pool2d(second * second, _WINDOW, 1) - mean2 * mean2
    shared = F.avg_pool2d(first * second, _WINDOW, 1) - mean1 * mean2
    return ((2 * mean1 * mean2 + _C1) * (2 * shared + _C2)) / (
        (mean1 * mean1 + mean2 * mean2 + _C1) * (spread1 + spread2 + _C2))


def _task_losses(network: TPF, template: Tensor, search: Tensor, boxes: Tensor) -> Tensor:
    """Return the tracker's loss on already fused crops, per sample."""
    tokens = network.trunk.embed_template(template)
    maps = network.match([tokens] * network.template_slots, search)
    samples = zip(*(part.split(1) for part in (*maps, boxes)), strict=True)
    return torch.stack([tracking_loss(score, size, offset, box, LossWeights(), alone=True)[0]
                        for score, size, offset, box in samples])
