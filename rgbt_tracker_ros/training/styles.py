# SPDX-License-Identifier: Apache-2.0
"""What befalls all crops of a sample alike: a camera's tone, a far target, lasting smoke."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
import math

import cv2
import numpy as np

from rgbt_tracker_ros.networks.inputs import TEMPLATE_FACTOR
from rgbt_tracker_ros.synthetic.faults import darkness, smoke
from rgbt_tracker_ros.synthetic.textures import add_grain, as_image
from rgbt_tracker_ros.training.images import Image
from rgbt_tracker_ros.training.views import Crop, Crops

Change = Callable[[Image], Image]
_LUMA = np.array([[0.299, 0.587, 0.114]] * 3, np.float32)


@dataclass(frozen=True, slots=True)
class StyleConfig:
    """Probabilities of the styles."""

    thermal_tone: float = 0.35
    inverted: float = 0.15
    grey_visual: float = 0.2
    far: float = 0.2
    veiled: float = 0.12


def styled(
    crops: Crops, config: StyleConfig, rng: np.random.Generator, seen_by: str,
) -> tuple[Crops, str]:
    """Return the crops in one style, and which cameras see the target in it."""
    if rng.random() < config.thermal_tone:
        tone = _tone(rng, inverted=rng.random() < config.inverted)
        crops = _changed(crops, thermal=lambda image: as_image(cv2.LUT(image, tone)))
    if rng.random() < config.grey_visual:
        crops = _changed(crops, rgb=lambda image: as_image(cv2.transform(image, _LUMA)))
    veiled = rng.random() < config.veiled
    if veiled and seen_by != 'rgb' and all(crop.thermal is not None for crop in crops):
        fault, strength = (smoke if rng.random() < 0.6 else darkness), rng.uniform(0.6, 1.0)
        crops = _changed(crops, rgb=lambda image: fault(image, strength, rng))
        seen_by = 'thermal'
    if rng.random() < config.far:
        # In pixels of the camera, sqrt(w * h).
        size = math.exp(rng.uniform(math.log(9.0), math.log(40.0)))
        grain = rng.uniform(0.0, 4.0)
        scale = size * TEMPLATE_FACTOR / _template_side(crops)
        crops = _changed(crops, *(2 * [lambda image: _coarse(image, scale, grain, rng)]))
    return crops, seen_by


def _template_side(crops: Crops) -> int:
    return next(image.shape[0] for image in (crops.template.thermal, crops.template.rgb)
                if image is not None)


def _coarse(image: Image, scale: float, grain: float, rng: np.random.Generator) -> Image:
    side = max(4, round(image.shape[0] * scale))
    if side >= image.shape[0]:
        return image
    small = np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    noisy = add_grain(small, grain, rng)
    return np.asarray(cv2.resize(noisy, image.shape[1::-1]), np.uint8)


def _tone(rng: np.random.Generator, *, inverted: bool) -> Image:
    """Draw a tone curve: gain and gamma of a camera, often with saturated bright parts."""
    levels = np.arange(256) / 255.0
    black, white = rng.uniform(-0.1, 0.25), rng.uniform(0.55, 1.15)
    curve = np.clip((levels - black) / (white - black), 0, 1) ** math.exp(rng.normal(0.0, 0.3))
    if inverted:
        curve = 1.0 - curve
    return np.rint(255 * (curve * rng.uniform(0.7, 1.0))).astype(np.uint8)


def _changed(crops: Crops, rgb: Change | None = None, thermal: Change | None = None) -> Crops:
    def one(crop: Crop) -> Crop:
        return replace(
            crop, rgb=crop.rgb if rgb is None or crop.rgb is None else rgb(crop.rgb),
            thermal=crop.thermal if thermal is None or crop.thermal is None
            else thermal(crop.thermal))
    return Crops(*map(one, crops))
