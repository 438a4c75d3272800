# SPDX-License-Identifier: Apache-2.0
"""Augmentation of a batch: modalities, styles, faults, mirror images.

The counterpart of `training.augment`: the same things happen with the same probabilities, but to a
whole batch on its device. All decisions are drawn on the host.
"""
from __future__ import annotations

import numpy as np
import torch

from rgbt_tracker_ros.training.augment import AugmentConfig
from rgbt_tracker_ros.training.batched.completion import BOTH, completed
from rgbt_tracker_ros.training.batched.crops import CropBatch, SampleBatch, joined
from rgbt_tracker_ros.training.batched.faults import make_faulty
from rgbt_tracker_ros.training.batched.styles import styled
from rgbt_tracker_ros.training.batched.subsets import Dice, Flags, Rows, change, in_each


def augmented(
    samples: SampleBatch, config: AugmentConfig, rng: np.random.Generator,
    noise: torch.Generator,
) -> SampleBatch:
    """Return the samples with both modalities settled and faults applied.

    Parameters
    ----------
    samples
        Crops as cut; they are not written to.
    config
        Probabilities.
    rng
        Draws all decisions.
    noise
        Fills pixels; it is on the device of the samples.

    """
    dice, count = Dice(rng, noise), len(samples.search)
    mirrored = dice.hits(config.mirror, count)
    # Both templates are as large: what befalls them is done at once.
    templates = _mirrored(joined([samples.template, samples.dynamic]), np.tile(mirrored, 2))
    search = _mirrored(samples.search, mirrored)
    views = [templates, search]
    seen_by = completed(views, dice)
    _drop(views, config, dice, seen_by)
    styled(views, config.style, dice, seen_by)
    make_faulty(templates, config, dice, np.tile(seen_by, 2), mild=True)
    make_faulty(search, config, dice, seen_by, mild=False)
    for view in views:
        view.rgb.clamp_(0, 255).round_()
        view.thermal.clamp_(0, 255).round_()
    return SampleBatch(*templates.halves(), search)


def _drop(
    views: list[CropBatch], config: AugmentConfig, dice: Dice, seen_by: Rows,
) -> None:
    """Take a camera away, from all crops or from the search crop alone."""
    count = len(seen_by)
    limits = np.cumsum([config.drop_rgb, config.drop_thermal, config.drop_one_view])
    # 0: no RGB, 1: no thermal, 2: one of them missing in the search crop, 3: nothing.
    fate = np.searchsorted(limits, dice.rng.random(count), side='right')
    fate[seen_by != BOTH] = 3
    for view, _, (lost,) in in_each(views, np.arange(count), fate):
        view.has_rgb[lost == 0] = False
        view.has_thermal[lost == 1] = False
    thermal_lost = dice.hits(0.5, count)
    views[-1].has_thermal[(fate == 2) & thermal_lost] = False
    views[-1].has_rgb[(fate == 2) & ~thermal_lost] = False


def _mirrored(crops: CropBatch, chosen: Flags) -> CropBatch:
    """Return a copy of the crops in which the chosen ones are mirrored."""
    copy = CropBatch(
        crops.rgb.clone(), crops.thermal.clone(), crops.mask.clone(), crops.has_rgb.copy(),
        crops.has_thermal.copy(), crops.has_mask.copy(), crops.box.copy())
    for images in (copy.rgb, copy.thermal, copy.mask):
        change(images, np.flatnonzero(chosen), _flipped)
    copy.box[chosen, 0] = 1.0 - copy.box[chosen, 0]
    return copy


def _flipped(images: torch.Tensor) -> torch.Tensor:
    return images.flip(-1)
