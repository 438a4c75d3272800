# SPDX-License-Identifier: Apache-2.0
"""How a `ckd` network is trained: coupled distillation, then the head alone with elimination."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.checkpoint import load_published, read_state
from rgbt_tracker_ros.networks.ckd import CKD, PUBLISHED, CKDConfig
from rgbt_tracker_ros.networks.elimination import PUBLISHED_BLOCKS
from rgbt_tracker_ros.training import processes
from rgbt_tracker_ros.training.checkpoint import load_own
from rgbt_tracker_ros.training.coupling import (
    Teachers,
    content_distance,
    shared_mask,
    style_distance,
)
from rgbt_tracker_ros.training.freezing import freeze, groups_of
from rgbt_tracker_ros.training.losses import PARTS, LossWeights, tracking_loss
from rgbt_tracker_ros.training.precision import mixed
from rgbt_tracker_ros.training.published_inputs import (
    loss_of_maps,
    template_and_search,
)
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.recipe_networks import CKDNetwork
from rgbt_tracker_ros.training.recipe_stages import CoupledStage, HeadStage

TRUNKS = ('rgb.', 'thermal.')
_COUPLED_PARTS = ('style', 'content', 'teacher_rgb', 'teacher_thermal')
_Loss = Callable[[Sequence[Tensor], int], tuple[Tensor, dict[str, Tensor]]]


class CKDMethod:
    """One stage of a `ckd` network's training."""

    def __init__(self, recipe: Recipe, network: CKDNetwork, device: torch.device) -> None:
        self._optim, self._seed, self._device = recipe.optim, recipe.seed, device
        stage = recipe.stage
        config = _config(network, stage.eliminate if isinstance(stage, HeadStage) else False)
        self.network = CKD(config).train()
        self.extra: nn.Module = nn.Module()
        self.parts: tuple[str, ...] = PARTS
        self.loss: _Loss = self._tracking
        if isinstance(stage, CoupledStage):
            self._stage = stage
            self.extra = Teachers(config).train()
            self.parts = (*PARTS, *_COUPLED_PARTS)
            self.loss = self._coupled
        if network.start is not None:
            _load_start(self.network, self.extra, network.start)
        freeze(self.network, TRUNKS if isinstance(stage, HeadStage) else network.frozen)
        self.network.to(device)
        self.extra.to(device)

    def groups(self) -> list[dict[str, Any]]:
        """Return the trained parameters of all trunks, and those of the heads."""
        return groups_of([self.network, self.extra], TRUNKS, self._optim)

    def _tracking(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the tracker's loss."""
        with mixed(self._device, self._optim.precision):
            output = self.network(*template_and_search(batch))
        return loss_of_maps(output, batch[-1])

    def _coupled(self, batch: Sequence[Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the losses of students and teachers, and the distances between them."""
        images, boxes, stage = template_and_search(batch), batch[-1], self._stage
        keep = processes.own_part(shared_mask(
            len(boxes) * processes.count(), self.network.config.search_tokens, stage.masked,
            self._seed * 1_000_003 + step)).to(self._device)
        with mixed(self._device, self._optim.precision):
            output = self.network(*images, keep)
            (blocks_rgb, maps_rgb), (blocks_thermal, maps_thermal) = self.extra(*images)
            style = style_distance(output['block_rgb'], output['block_tir'])
            content = (content_distance(output['block_rgb'], blocks_rgb)
                       + content_distance(output['block_tir'], blocks_thermal))
        loss, parts = loss_of_maps(output, boxes)
        teachers = [tracking_loss(score, size, offset, boxes, LossWeights())[0]
                    for score, size, offset in (maps_rgb, maps_thermal)]
        loss = loss + stage.style * style + stage.content * content + teachers[0] + teachers[1]
        return loss, {**parts, **dict(
            zip(_COUPLED_PARTS, (style, content, *teachers), strict=True))}


def one_stream_as_ckd(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the weights of a one-stream tracker the names of CKD's students and head.

    Both trunks start alike; the head's first layers, which read both, get the weights twice.
    """
    made: dict[str, Tensor] = {}
    for name, tensor in state.items():
        part, _, rest = name.partition('.')
        if part == 'backbone':
            made[f'rgb_branch.{rest}'] = made[f'tir_branch.{rest}'] = tensor
        elif rest.startswith('conv1_') and tensor.ndim == 4:
            made[name] = torch.cat([tensor, tensor], 1)
        else:
            made[name] = tensor
    return made


def _load_start(network: CKD, teachers: nn.Module, file: Path) -> None:
    """Let the students (and teachers) start from a checkpoint: ours, CKD's or a one-stream one."""
    if not load_own(network, file):
        state = read_state(file)
        one_stream = any(name.startswith('backbone.') for name in state)
        report = load_published(
            network, one_stream_as_ckd(state) if one_stream else state, PUBLISHED)
        if report.missing:
            raise InputError(f'{file} lacks {len(report.missing)} weights, {report.missing[0]} '
                             'among them: start from a whole tracker')
    if isinstance(teachers, Teachers):
        teachers.rgb.load_state_dict(network.rgb.state_dict())
        teachers.thermal.load_state_dict(network.thermal.state_dict())
        _halve_head(network, teachers)


def _halve_head(network: CKD, teachers: Teachers) -> None:
    """Start both teachers' heads from the part of the students' head that reads their camera."""
    state = network.head.state_dict()
    halves: list[dict[str, Tensor]] = [{}, {}]
    for name, tensor in state.items():
        reads_both = tensor.ndim == 4 and tensor.shape[1] == 2 * network.config.channels
        for half, part in zip(
                halves, tensor.chunk(2, 1) if reads_both else (tensor, tensor), strict=True):
            half[name] = part.clone()
    teachers.rgb_head.load_state_dict(halves[0])
    teachers.thermal_head.load_state_dict(halves[1])


def _config(network: CKDNetwork, eliminate: bool) -> CKDConfig:
    # Crops made in training are continued by the mean colour, not by black.
    return CKDConfig(
        **network.sizes, border='mean',
        eliminate_at=tuple(block for block in PUBLISHED_BLOCKS
                           if eliminate and block < network.blocks))
