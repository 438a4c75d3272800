# SPDX-License-Identifier: Apache-2.0
"""Trainings in miniature: tiny networks on one generated clip, which is rendered once."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
import pytest
import torch
from torch import Tensor

from rgbt_tracker_ros.training import dataset
from rgbt_tracker_ros.training.generated import generated_targets
from rgbt_tracker_ros.training.recipe import SOURCES, Recipe
from rgbt_tracker_ros.training.run import Run
from rgbt_tracker_ros.training.trainer import averaged_network, train

RECIPES = Path(__file__).parents[1] / 'config' / 'recipes'
STEPS = 24
_SIZES: dict[str, dict[str, Any]] = {
    'ckd': {'blocks': 4},
    'tpf': {'blocks': 2, 'adapter': {'channels': 16, 'state': 8, 'blocks': 1}},
    'ainet': {'blocks': 2, 'state': 4, 'rank': 2, 'order_pooled': 32, 'order_widths': [8, 4],
              'dfm_steps': 5, 'ofm_steps': 16},
    'patrack': {'blocks': 4, 'entangled_channels': 8, 'task_channels': 16},
}
_clips = lru_cache(generated_targets)


def render_once(patch: pytest.MonkeyPatch) -> None:
    """Let all trainings of the tests have the same generated clips."""
    patch.setattr(dataset, 'generated_targets', _clips)


def tiny(
    family: str, stage: dict[str, Any] | None = None, *, start: str | Path | None = None,
    steps: int = STEPS, data: dict[str, Any] | None = None, optim: dict[str, Any] | None = None,
    **network: Any,
) -> Recipe:
    """Return a recipe on generated data; `data`, `optim` and `network` change its values."""
    return Recipe.model_validate({
        'name': 'tiny', 'stage': stage or {'kind': 'tracking'},
        'network': {
            'family': family, 'template_size': 32, 'search_size': 64, 'channels': 32, 'heads': 2,
            'head_widths': [16, 8], 'start': start and str(start), **_SIZES[family], **network},
        'data': {'root': '.', 'workers': 0, 'generated_clips': 1, 'sampling': 'ostrack',
                 **dict.fromkeys(SOURCES, 0.0), 'generated': 1.0, **(data or {})},
        'optim': {'steps': steps, 'batch': 8, 'warmup': 2, 'lr': 3e-3, 'trunk_lr': 1e-3,
                  'checkpoint_every': STEPS // 2, 'log_every': 1, 'precision': 'fp32',
                  'threads': 1, **(optim or {})}})


def read_log(folder: Path) -> dict[str, NDArray[np.float64]]:
    """Return the columns of a training's log."""
    with (folder / 'log.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def weights_of(folder: Path) -> dict[str, Tensor]:
    """Return the trained weights."""
    return averaged_network(folder / 'checkpoint.pt')[0].state_dict()


def falls(values: NDArray[np.float64], share: float) -> bool:
    """Tell whether the mean of the last third is under that share of the first one's."""
    third = len(values) // 3
    return bool(values[-third:].mean() < share * values[:third].mean())


def resumed_and_whole(
    recipe: Recipe, folder: Path, at: int, patch: pytest.MonkeyPatch,
) -> list[dict[str, Any]]:
    """Train twice, once broken off by Ctrl-C in a step and gone on with; return both states."""
    advance = Run.advance

    def torn(run: Run, batch: Sequence[Tensor]) -> dict[str, Tensor]:
        if run.step == at:
            raise KeyboardInterrupt
        return advance(run, batch)

    with patch.context() as once:
        once.setattr(Run, 'advance', torn)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, folder / 'torn')
    return [torch.load(train(recipe, folder / name), weights_only=True)
            for name in ('torn', 'whole')]


def as_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the trunk and the head of a network under the names of OSTrack's code."""
    found = {}
    for name, tensor in state.items():
        part, _, rest = name.partition('.')
        if part == 'trunk':
            found[f'backbone.{rest}'] = tensor
        elif part == 'head':
            branch, layer, end = rest.split('.', 2)
            theirs = 'ctr' if branch == 'score' else branch
            found[f'box_head.conv{int(layer) + 1}_{theirs}.{end}'] = tensor
    return found
