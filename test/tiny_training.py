# SPDX-License-Identifier: Apache-2.0
"""Trainings in miniature: tiny networks on one generated clip, which is rendered once."""
from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
import pytest
from torch import Tensor

from rgbt_tracker_ros.training import dataset
from rgbt_tracker_ros.training.generated import generated_targets
from rgbt_tracker_ros.training.recipe import SOURCES, Recipe
from rgbt_tracker_ros.training.trainer import averaged_network

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
        'data': {'root': '.', 'workers': 0, 'generated_clips': 1,
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
