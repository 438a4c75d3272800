# SPDX-License-Identifier: Apache-2.0
"""Changes of brightness of a batch: curves, gain, contrast, saturation."""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros.training.batched.fields import COARSE, enlarged, fractal_field, white
from rgbt_tracker_ros.training.batched.subsets import Dice, Floats, column, columns, upload

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness."""

_KNOTS = 6


def luma(rgb: Tensor) -> Tensor:
    """Return the N x 1 x S x S brightness of N x 3 x S x S images."""
    red, green, blue = (share * rgb[:, band:band + 1] for band, share in enumerate(LUMA))
    return red + green + blue


def grey(rgb: Tensor) -> Tensor:
    """Return N x 3 x S x S images without their colours."""
    return luma(rgb).expand(-1, 3, -1, -1)


def curved(images: Tensor, curves: Floats) -> Tensor:
    """Return the images with their grey levels looked up in curves, N x 256."""
    levels = images.round().clamp_(0, 255).flatten(1).long()
    return upload(curves, images.device).gather(1, levels).reshape(images.shape)


def random_curves(base: Floats, spread: Floats, dice: Dice) -> Floats:
    """Draw N x 256 smooth tone curves about `base` whose range is `spread` of the whole one.

    They fall as often as they rise.
    """
    knots = np.cumsum(dice.rng.normal(0.0, 1.0, (len(base), _KNOTS)), 1)
    knots -= knots.mean(1, keepdims=True)
    knots *= 255.0 * spread[:, None] / np.maximum(np.ptp(knots, 1), 1e-3)[:, None]
    place = np.linspace(0, _KNOTS - 1, 256)
    left = np.minimum(place.astype(int), _KNOTS - 2)
    share = place - left
    values = knots[:, left] * (1.0 - share) + knots[:, left + 1] * share
    return np.clip(values + base[:, None], 0, 255)


def gain_drift(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Change gain, offset and gamma as automatic gain control does."""
    count = len(images)
    gain, offset, gamma = columns(
        images, 2.0 ** (strength * dice.uniform(-1.3, 1.0, count)),
        60.0 * strength * dice.uniform(-1, 1, count),
        2.0 ** (0.8 * strength * dice.uniform(-1, 1, count)))
    pivot = images.mean((1, 2, 3), keepdim=True)
    curve = (images / 255.0).clamp_(0, 1).pow(gamma).mul_(255.0)
    return (curve - pivot).mul_(gain).add_(pivot + offset).clamp_(0, 255)


def low_contrast(images: Tensor, strength: Floats, dice: Dice) -> Tensor:
    """Press the grey levels together (fog; thermal crossover), then add a little noise."""
    gain, shift, sigma = columns(
        images, 1.0 - 0.95 * strength, 15.0 * strength * dice.uniform(-1, 1, len(images)),
        3.0 * strength)
    pivot = images.mean((1, 2, 3), keepdim=True) + shift
    # Rounded, since levels that a camera has lost cannot be found again.
    pressed = (images - pivot).mul_(gain).add_(pivot).round_()
    return pressed.add_(white(images, dice).mul_(sigma)).clamp_(0, 255)


def toned(images: Tensor, tone: Floats) -> Tensor:
    """Apply tones of `random_tones`, N x 5, to thermal images."""
    black, white_level, gamma, inverted, top = (
        part.unsqueeze(1) for part in column(tone, images).unbind(1))
    curve = (images / 255.0 - black).div_(white_level - black).clamp_(0, 1).pow_(gamma)
    return torch.lerp(curve, 1.0 - curve, inverted).mul_(255.0 * top)


def heated(thermal: Tensor, heat: Floats, dice: Dice) -> Tensor:
    """Warm the ground in patches by up to `heat` levels; what is warm already gains less."""
    patches = fractal_field(COARSE, dice.uniform(1.0, 4.0, len(thermal)), 3, dice)
    warmer = enlarged(0.4 + 0.6 * patches, thermal.shape[-1]) * column(heat, thermal)
    return thermal + warmer * (1.0 - thermal / 255.0)


def random_tones(count: int, inverted: float, dice: Dice) -> Floats:
    """Draw tones of a thermal camera: black and white level, gamma, inverted or not, top level.

    Bright parts are often saturated; `inverted` is the chance of black for hot.
    """
    return np.stack([
        dice.uniform(-0.1, 0.25, count), dice.uniform(0.55, 1.15, count),
        np.exp(dice.rng.normal(0.0, 0.3, count)), dice.hits(inverted, count).astype(float),
        dice.uniform(0.7, 1.0, count)], 1)
