# SPDX-License-Identifier: Apache-2.0
"""What air and light do to a batch of images: smoke, darkness, glare.

Strengths are N numbers on the host and mean what they do in `synthetic.faults`; images with one
channel are thermal ones.
"""
from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros.synthetic.faults import THERMAL_SMOKE
from rgbt_tracker_ros.training.batched.fields import (
    COARSE,
    enlarged,
    fractal_field,
    grain,
    smooth_field,
)
from rgbt_tracker_ros.training.batched.subsets import Dice, Floats, column, columns

_SHADING = 0.3
"""How unevenly smoke is lit, at the most."""
_WARMTH = 25.0
"""Deviation in grey levels of how much warmer than the scene smoke is, if it is."""


def smoke(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Lay drifting smoke over the view; at 1 RGB sees almost nothing, thermal nearly all.

    Its plumes are drawn out along the wind and lit unevenly, so that the smoke itself has texture
    where it hides everything.
    """
    count, channels, side = images.shape[:3]
    wind = dice.uniform(0.0, math.pi, count)
    plumes = fractal_field(
        COARSE, dice.uniform(2.0, 4.5, count), 4, dice, 0.55, wind, stretch=1.6)
    density, shading, warmth, colour = columns(
        images, strength, dice.uniform(0.0, _SHADING, count),
        np.maximum(dice.rng.normal(0.0, _WARMTH, count), 0.0),
        dice.uniform(120, 225, count, 1) + dice.uniform(-8, 8, count, 3))
    depth = (1.2 + 4.3 * plumes) * density
    if channels == 1:
        medium = images.mean((1, 2, 3), keepdim=True) + warmth
        return torch.lerp(medium, images, enlarged(torch.exp(-THERMAL_SMOKE * depth), side))
    shades = smooth_field(COARSE, dice.uniform(1.5, 4.0, count), dice) + 0.5 * plumes
    medium = colour * enlarged(1.0 + shading * (shades - 0.75), side)
    return torch.lerp(medium, images, enlarged(torch.exp(-depth), side)).round_().clamp_(0, 255)


def darkness(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Take the light away: low gain, sensor noise, a colour cast; thermal does not notice."""
    count, channels = images.shape[:2]
    if channels == 1:
        return images
    cast = (1.0 + 0.25 * dice.uniform(-1, 1, count, 3)) ** strength[:, None]
    light = (1.0 - strength) ** 2 + 0.03 * strength
    gain, offset, sigma, softness = columns(
        images, light[:, None] * cast, 4.0 * strength, strength * dice.uniform(2.0, 9.0, count),
        dice.uniform(0.0, 0.8, count))
    noise = grain(images, softness, dice).mul_(sigma)
    return (images * gain).add_(offset).round_().add_(noise).clamp_(0, 255)


def lifted(images: Tensor, gain: Floats) -> Tensor:
    """Multiply what a dark image holds, noise too, as a camera does that exposes by itself."""
    return (images * column(gain, images)).clamp_(0, 255)


def glare(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Add a blinding lamp or sun with a streak; in thermal it is a small warm spot."""
    count, channels, side = images.shape[:3]
    angle = dice.uniform(0.0, math.pi, count)
    radius = dice.uniform(0.08, 0.3, count) * (0.4 + strength)
    left, top, spread, width, cosine, sine, brightness, tint = columns(
        images, dice.uniform(0.0, 1.0, count), dice.uniform(0.0, 1.0, count), 2.0 * radius**2,
        dice.uniform(0.02, 0.06, count), np.cos(angle), np.sin(angle), strength,
        dice.uniform(0.8, 1.0, count, 3))
    ticks = (torch.arange(COARSE, device=images.device) + 0.5) / COARSE
    x = ticks.view(1, 1, 1, -1) - left
    y = ticks.view(1, 1, -1, 1) - top
    blob = torch.exp(-(x * x + y * y) / spread)
    if channels == 1:
        light = blob**4 * (90.0 * brightness)
    else:
        along, across = x * cosine + y * sine, y * cosine - x * sine
        streak = torch.exp(-along.abs() / 0.5 - (across / width) ** 2)
        light = (blob + 0.6 * streak + 0.1) * (330.0 * brightness * tint)
    return (images + enlarged(light.clamp_(0, 255), side)).clamp_(0, 255)
