# SPDX-License-Identifier: Apache-2.0
"""The endless, seeded data set: sample i is the same in every run of a recipe."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.inputs import RGB, THERMAL
from rgbt_tracker_ros.training.augment import AugmentConfig, augment
from rgbt_tracker_ros.training.composite import CompositeSource
from rgbt_tracker_ros.training.generated import generated_targets
from rgbt_tracker_ros.training.image_sets import (
    MASKED_SETS,
    PAIR_SETS,
    SETS,
    set_cut_outs,
    set_pairs,
    set_targets,
)
from rgbt_tracker_ros.training.ostrack import WITHOUT_FAULTS, CausalSource, jitter
from rgbt_tracker_ros.training.recipe import DataRecipe, Recipe
from rgbt_tracker_ros.training.recordings import recorded_targets
from rgbt_tracker_ros.training.sources import Moments, MomentSource
from rgbt_tracker_ros.training.thermal_source import thermal_video_targets
from rgbt_tracker_ros.training.views import Crops

Sample = tuple[Tensor, ...]


class _Source(Protocol):
    def crops(
        self, rng: np.random.Generator, template_size: int, search_size: int, *, hard: bool,
    ) -> Crops: ...


class PairDataset(Dataset[Sample]):
    """Samples of seven tensors: six images and the box that is wanted.

    The images are the initial template, the dynamic template and the search region, each as RGB
    (3 x S x S) and thermal (1 x S x S), float32, normalised; a missing one is all zeros. The box
    is (cx, cy, w, h) in fractions of the search crop, w = h = 0 when the target is absent.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._sizes = recipe.network.crop_sizes
        self._seed = recipe.seed
        self._ostrack = recipe.data.sampling == 'ostrack'
        self._augment = augmentation(recipe.data)
        self._hard_from = recipe.data.hard_from * recipe.optim.steps * recipe.optim.batch
        weighted = _sources(recipe.data, recipe.seed)
        shares = np.array([share for share, _ in weighted])
        self._shares = shares / shares.sum()
        self._sources = [source for _, source in weighted]

    def __len__(self) -> int:
        return 2**31

    def crops(self, index: int) -> Crops:
        """Return the augmented crops of a sample."""
        rng = np.random.default_rng([self._seed, index])
        source = self._sources[int(rng.choice(len(self._sources), p=self._shares))]
        hard = index >= self._hard_from
        crops = augment(source.crops(rng, *self._sizes, hard=hard), self._augment, rng)
        return jitter(crops, rng) if self._ostrack else crops

    def __getitem__(self, index: int) -> Sample:
        crops = self.crops(index)
        tensors = []
        for crop, size in zip(crops, (self._sizes[0], *self._sizes), strict=True):
            tensors += [torch.from_numpy(RGB.apply(crop.rgb, size)[0]),
                        torch.from_numpy(THERMAL.apply(crop.thermal, size)[0])]
        box = crops.search.box or (0.5, 0.5, 0.0, 0.0)
        return (*tensors, torch.tensor(box, dtype=torch.float32))


def _sources(data: DataRecipe, seed: int) -> list[tuple[float, _Source]]:
    chosen: list[tuple[float, _Source]] = []

    def add(share: float, targets: list[Moments], gap: int) -> None:
        if not any(targets):
            raise no_targets(data.root)
        source = (CausalSource(targets, gap) if data.sampling == 'ostrack'
                  else MomentSource(targets, gap, data.crossings))
        chosen.append((share, source))

    if data.thermal_videos:
        videos = thermal_video_targets(
            data.root, data.teacher, data.cache, whole_out=data.held_out == 'videos')
        share = data.thermal_videos / max(sum(map(len, videos)), 1)
        for targets in videos or [[]]:
            add(share * len(targets), targets, data.max_gap)
    for kind, names in SETS.items():
        share, gap = getattr(data, kind) / len(names), data.max_gap if 'videos' in kind else 0
        for name in names if share else ():
            add(share, set_targets(data.root, kind, name), gap)
    if data.composites:
        groups = [set_cut_outs(data.root, name) for name in MASKED_SETS]
        backgrounds = [pair for name in PAIR_SETS for pair in set_pairs(data.root, name)]
        if not any(groups):
            raise no_targets(data.root)
        chosen.append((data.composites, CompositeSource(groups, backgrounds)))
    if data.generated:
        add(data.generated, generated_targets(data.generated_clips, seed), data.max_gap)
    if data.recordings:
        for dataset in data.datasets:
            recorded = recorded_targets(dataset)
            gap = max(data.max_gap // max(target.every for target in recorded), 1)
            add(data.recordings / len(data.datasets), list(recorded), gap)
    if not chosen:
        raise InputError('the recipe gives no source of samples a share: set one over 0')
    return chosen


def augmentation(data: DataRecipe) -> AugmentConfig:
    """Return how likely it is, by a recipe, that this or that befalls a sample."""
    config = WITHOUT_FAULTS if data.sampling == 'ostrack' else AugmentConfig()
    if not data.styles:
        config = replace(config, style=WITHOUT_FAULTS.style)
    if not data.faults:
        config = replace(config, rgb_fault=0.0, thermal_fault=0.0, occluder=0.0, misalign=0.0)
    if data.drop_camera is None:
        return config
    # Of a third of those samples the templates still show what the search crop lacks.
    part = data.drop_camera / 3
    return replace(config, drop_rgb=part, drop_thermal=part, drop_one_view=part)


def no_targets(root: Path) -> InputError:
    """Return what is wrong when a source that has a share gives nothing."""
    return InputError(f'training data {root}: a source that has a share holds no target that is '
                      'large enough: complete it, or set its share to 0')
