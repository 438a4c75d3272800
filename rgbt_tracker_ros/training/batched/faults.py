# SPDX-License-Identifier: Apache-2.0
"""Faults drawn for each crop of a batch; a camera is blinded only while the other one sees."""
from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from torch import Tensor

from rgbt_tracker_ros.training.augment import CAMERA_FAULTS, SCENE_FAULTS, AugmentConfig
from rgbt_tracker_ros.training.batched.blur import defocus, motion_blur
from rgbt_tracker_ros.training.batched.completion import RGB_ONLY, THERMAL_ONLY
from rgbt_tracker_ros.training.batched.crops import CropBatch
from rgbt_tracker_ros.training.batched.occlusion import Patches, occluder
from rgbt_tracker_ros.training.batched.scenery import darkness, glare, smoke
from rgbt_tracker_ros.training.batched.sensor import fixed_pattern, gaussian_noise, misalignment
from rgbt_tracker_ros.training.batched.subsets import Dice, Flags, Floats, Rows, change
from rgbt_tracker_ros.training.batched.tones import gain_drift, low_contrast

Fault = Callable[[Tensor, Floats, Dice], Tensor]

FAULTS: Mapping[str, Fault] = {
    'smoke': smoke, 'darkness': darkness, 'glare': glare, 'motion_blur': motion_blur,
    'defocus': defocus, 'gaussian_noise': gaussian_noise, 'gain_drift': gain_drift,
    'low_contrast': low_contrast, 'fixed_pattern': fixed_pattern}
"""Faults of `synthetic.faults`, `fault(images, strength, dice) -> images`, by name."""


def make_faulty(
    view: CropBatch, config: AugmentConfig, dice: Dice, seen_by: Rows, *, mild: bool,
) -> None:
    """Change crops in place; `seen_by` tells of each which cameras see its target."""
    count, strongest = len(view), 0.4 if mild else 1.0
    spare_rgb = (seen_by == RGB_ONLY) | ~view.has_thermal
    spare_thermal = (seen_by == THERMAL_ONLY) | ~view.has_rgb
    hit = view.has_rgb & dice.hits(config.rgb_fault, count)
    strength = dice.rng.uniform(0.1, np.where(spare_rgb, 0.45, 1.0) * strongest)
    smoky = _befall(view.rgb, hit, strength, SCENE_FAULTS, dice)
    # The same smoke is before both cameras.
    rows = np.flatnonzero(smoky & view.has_thermal)
    change(view.thermal, rows, smoke, strength[rows], dice)
    spare_thermal |= hit & (strength > 0.45)
    hit = view.has_thermal & dice.hits(config.thermal_fault, count)
    strength = dice.rng.uniform(0.1, np.where(spare_thermal, 0.4, 1.0) * strongest)
    _befall(view.thermal, hit, strength, CAMERA_FAULTS, dice)
    rows = np.flatnonzero(view.has_thermal & view.has_rgb & dice.hits(config.misalign, count))
    change(view.thermal, rows, misalignment, dice.uniform(0.0, 0.5, len(rows)), dice)
    if not mild:
        rows = np.flatnonzero(dice.hits(config.occluder, count))
        patches = Patches.random(dice.uniform(0.1, 0.6, len(rows)), dice)
        change(view.rgb, rows, occluder, patches, dice)
        change(view.thermal, rows, occluder, patches, dice)


def _befall(
    images: Tensor, hit: Flags, strength: Floats, weights: Mapping[str, float], dice: Dice,
) -> Flags:
    """Give each image that is hit one of the faults; return where that is smoke."""
    names, shares = np.array(list(weights)), np.fromiter(weights.values(), float)
    kind = dice.rng.choice(names, size=len(hit), p=shares / shares.sum())
    for name in weights:
        rows = np.flatnonzero(hit & (kind == name))
        change(images, rows, FAULTS[name], strength[rows], dice)
    return np.asarray(hit & (kind == 'smoke'))
