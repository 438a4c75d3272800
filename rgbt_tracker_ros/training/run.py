# SPDX-License-Identifier: Apache-2.0
"""A training under way: a method, its optimiser and all that a checkpoint must hold.

Whatever is random in a step follows from the recipe's seed and the step's number, as do samples
and learning rate: a checkpoint needs no state of random numbers to be gone on from exactly.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.training import processes
from rgbt_tracker_ros.training.checkpoint import checkpoint_errors
from rgbt_tracker_ros.training.drop_path import add_drop_path
from rgbt_tracker_ros.training.method import make_method
from rgbt_tracker_ros.training.precision import gradient_scaler
from rgbt_tracker_ros.training.recipe import OptimRecipe, Recipe
from rgbt_tracker_ros.training.recipe_networks import VisionTransformerNetwork

_SEEDS_APART = 1_000_003
"""A prime: steps of runs with neighbouring seeds share no seed of their own."""


class Run:
    """The state of a training between two steps.

    Attributes
    ----------
    step
        How many steps have been done.
    names
        Of the figures that a step gives.

    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.step = 0
        self._method = make_method(recipe, device)
        self.names = ('loss', *self._method.parts)
        optim = recipe.optim
        self._scaler = gradient_scaler(device, optim.precision)
        network = recipe.network
        for part in (self._method.network, self._method.extra):
            processes.see_whole_batch(part)
            if isinstance(network, VisionTransformerNetwork) and network.drop_path:
                add_drop_path(part, network.drop_path, optim.batch)
        self._optimizer = torch.optim.AdamW(
            self._method.groups(), lr=optim.lr, weight_decay=optim.weight_decay,
            fused=device.type == 'cuda')
        self._average = AveragedModel(
            self._method.network, multi_avg_fn=get_ema_multi_avg_fn(optim.average)
        ) if optim.average else None

    def advance(self, batch: Sequence[Tensor]) -> dict[str, Tensor]:
        """Do a step on this process's part of a batch; return the loss and its parts."""
        optim = self.recipe.optim
        torch.manual_seed(self.recipe.seed * _SEEDS_APART + self.step)
        for group in self._optimizer.param_groups:
            group['lr'] = group['peak'] * learning_rate_share(self.step, optim)
        self._optimizer.zero_grad(set_to_none=True)
        loss, parts = self._method.loss(batch, self.step)
        self._scaler.scale(loss).backward()
        weights = [
            weight for group in self._optimizer.param_groups for weight in group['params']]
        processes.average_gradients(weights)
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(weights, optim.clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._average is not None:
            self._average.update_parameters(self._method.network)
        self.step += 1
        return {name: value.detach() for name, value in {'loss': loss, **parts}.items()}

    def save(self, file: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        network = self._method.network
        state = {
            'recipe': self.recipe.model_dump(mode='json'), 'step': self.step,
            'family': network.family, 'network_config': asdict(network.config),
            'network': network.state_dict(), 'extra': self._method.extra.state_dict(),
            'optimizer': self._optimizer.state_dict(), 'scaler': self._scaler.state_dict()}
        if self._average is not None:
            state['average'] = self._average.state_dict()
        partial = file.with_suffix('.partial')
        try:
            torch.save(state, partial)
            os.replace(partial, file)
        finally:
            partial.unlink(missing_ok=True)

    def load(self, file: Path) -> None:
        """Go on from a checkpoint of the same network.

        Raises
        ------
        InputError
            If the file is damaged, or of another network or stage.

        """
        with checkpoint_errors(file):
            state = torch.load(file, map_location='cpu', weights_only=True)
            self._check(state, file)
            self._method.network.load_state_dict(state['network'])
            self._method.extra.load_state_dict(state.get('extra', {}))
            if self._average is not None:
                self._average.load_state_dict(state['average'])
            self._optimizer.load_state_dict(state['optimizer'])
            if state.get('scaler'):
                self._scaler.load_state_dict(state['scaler'])
            self.step = state['step']

    def _check(self, state: dict[str, Any], file: Path) -> None:
        network = self._method.network
        config = type(network.config)(**state['network_config'])
        if state.get('family', 'unified') != network.family or config != network.config:
            raise InputError(f'{file} is of another network: use another output folder')
        stage = state['recipe'].get('stage', {'kind': 'tracking'})
        if stage['kind'] != self.recipe.stage.kind:
            raise InputError(f'{file} is of another stage: use another output folder')
        if ('average' in state) != (self._average is not None):
            raise InputError(f'{file} was trained with another optim.average: use another output '
                             'folder')


def learning_rate_share(step: int, optim: OptimRecipe) -> float:
    """Return the share of the peak learning rate at a step: linear warm-up, then the schedule."""
    if step < optim.warmup:
        return (step + 1) / optim.warmup
    if optim.schedule == 'constant':
        return 1.0
    if optim.schedule == 'step':
        return 1.0 if step < optim.drop_at * optim.steps else 0.1
    progress = (step - optim.warmup) / max(optim.steps - optim.warmup, 1)
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
