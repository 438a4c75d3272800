# SPDX-License-Identifier: Apache-2.0
"""Augmentation of the crops of a sample: modalities, faults, mirror images."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from rgbt_tracker_ros.synthetic.faults import (
    RGB_FAULTS,
    THERMAL_FAULTS,
    darkness,
    misalignment,
    smoke,
)
from rgbt_tracker_ros.training.images import Image
from rgbt_tracker_ros.training.rendering import ThermalStyle, random_curve, visual_from_thermal
from rgbt_tracker_ros.training.styles import StyleConfig, styled
from rgbt_tracker_ros.training.views import Crop, Crops

SCENE_FAULTS: Mapping[str, float] = {
    'smoke': 3.0, 'darkness': 3.0, 'glare': 1.0, 'motion_blur': 1.0, 'defocus': 0.7,
    'gaussian_noise': 1.0, 'gain_drift': 2.0, 'low_contrast': 1.0}
CAMERA_FAULTS: Mapping[str, float] = {
    'gain_drift': 3.0, 'low_contrast': 1.5, 'motion_blur': 1.0, 'defocus': 1.0,
    'gaussian_noise': 1.5, 'fixed_pattern': 1.0}


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """Probabilities of what happens to a sample."""

    drop_rgb: float = 0.15
    drop_thermal: float = 0.15
    drop_one_view: float = 0.08
    rgb_fault: float = 0.45
    thermal_fault: float = 0.4
    occluder: float = 0.12
    misalign: float = 0.25
    mirror: float = 0.5
    style: StyleConfig = field(default_factory=StyleConfig)


def augment(crops: Crops, config: AugmentConfig, rng: np.random.Generator) -> Crops:
    """Return the crops with both modalities settled and faults applied."""
    crops, seen_by = _complete(crops, rng)
    if seen_by == 'both':
        crops = _drop(crops, config, rng)
    crops, seen_by = styled(crops, config.style, rng, seen_by)
    if rng.random() < config.mirror:
        crops = Crops(*(crop.flipped() for crop in crops))
    return Crops(
        _faulty(crops.template, config, rng, seen_by, mild=True),
        _faulty(crops.dynamic, config, rng, seen_by, mild=True),
        _faulty(crops.search, config, rng, seen_by, mild=False))


def _complete(crops: Crops, rng: np.random.Generator) -> tuple[Crops, str]:
    """Give crops of one modality the other: rendered, uninformative, or none.

    The second value says which cameras see the target: `both`, `rgb` or `thermal`.
    """
    choice = rng.random()
    if crops.search.thermal is None:
        if choice < 0.3:
            return crops, 'rgb'
        style = ThermalStyle.random(rng)
        masked = crops.template.mask is not None
        # Without a mask the rendered picture only repeats RGB; it is no more than a hint.
        flat = choice < (0.38 if masked else 0.6)
        completed = Crops(*(_with_thermal(crop, style, flat, rng) for crop in crops))
        return completed, 'rgb' if flat else 'both'
    if crops.search.rgb is None:
        if choice < 0.45:
            return crops, 'thermal'
        curve, tint = random_curve(rng), rng.uniform(0.75, 1.1, 3)
        blind = choice < 0.75
        completed = Crops(*(_with_visual(crop, curve, tint, blind, rng) for crop in crops))
        return completed, 'thermal' if blind else 'both'
    return crops, 'both'


def _with_thermal(
    crop: Crop, style: ThermalStyle, flat: bool, rng: np.random.Generator,
) -> Crop:
    assert crop.rgb is not None
    thermal = style.render(crop.rgb, None if flat else crop.mask)
    if flat:
        thermal = THERMAL_FAULTS['low_contrast'](thermal, rng.uniform(0.6, 1.0), rng)
    return replace(crop, thermal=thermal)


def _with_visual(
    crop: Crop, curve: Image, tint: np.ndarray, blind: bool, rng: np.random.Generator,
) -> Crop:
    assert crop.thermal is not None
    visual = visual_from_thermal(crop.thermal, curve, tint)
    if blind:
        fault = smoke if rng.random() < 0.5 else darkness
        visual = fault(visual, rng.uniform(0.85, 1.0), rng)
    return replace(crop, rgb=visual)


def _drop(crops: Crops, config: AugmentConfig, rng: np.random.Generator) -> Crops:
    """Take a camera away, from all crops or from the search crop alone."""
    chance = rng.random()
    if chance < config.drop_rgb:
        return Crops(*(replace(crop, rgb=None) for crop in crops))
    chance -= config.drop_rgb
    if chance < config.drop_thermal:
        return Crops(*(replace(crop, thermal=None) for crop in crops))
    chance -= config.drop_thermal
    if chance < config.drop_one_view:
        search = crops.search
        blind = replace(search, thermal=None) if rng.random() < 0.5 else replace(search, rgb=None)
        return crops._replace(search=blind)
    return crops


def _faulty(
    crop: Crop, config: AugmentConfig, rng: np.random.Generator, seen_by: str, *, mild: bool,
) -> Crop:
    """Apply faults; a camera is blinded only while the other one sees the target."""
    rgb, thermal = crop.rgb, crop.thermal
    strongest = 0.4 if mild else 1.0
    spare_rgb = seen_by == 'rgb' or thermal is None
    spare_thermal = seen_by == 'thermal' or rgb is None
    if rgb is not None and rng.random() < config.rgb_fault:
        strength = rng.uniform(0.1, 0.45 * strongest if spare_rgb else strongest)
        rgb = RGB_FAULTS[_pick(SCENE_FAULTS, rng)](rgb, strength, rng)
        spare_thermal = spare_thermal or strength > 0.45
    if thermal is not None and rng.random() < config.thermal_fault:
        strength = rng.uniform(0.1, 0.4 * strongest if spare_thermal else strongest)
        thermal = THERMAL_FAULTS[_pick(CAMERA_FAULTS, rng)](thermal, strength, rng)
    if thermal is not None and rgb is not None and rng.random() < config.misalign:
        thermal = misalignment(thermal, rng.uniform(0.0, 0.5), rng)
    if not mild and rng.random() < config.occluder:
        seed, strength = int(rng.integers(2**31)), rng.uniform(0.1, 0.6)
        rgb, thermal = (
            image if image is None
            else RGB_FAULTS['occluder'](image, strength, np.random.default_rng(seed))
            for image in (rgb, thermal))
    return replace(crop, rgb=rgb, thermal=thermal)


def _pick(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    shares = np.fromiter(weights.values(), float)
    return str(rng.choice(list(weights), p=shares / shares.sum()))
