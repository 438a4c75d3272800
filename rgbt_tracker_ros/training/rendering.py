# SPDX-License-Identifier: Apache-2.0
"""Rendering of a missing modality: thermal from RGB (and a mask), grey visual from thermal."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.training.images import Image

_LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)


@dataclass(frozen=True, slots=True)
class ThermalStyle:
    """How warm scene and target are; one style serves all views of a sample."""

    background: NDArray[np.uint8]
    level: float
    detail: float
    blur: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> ThermalStyle:
        """Draw a style: mostly a dark scene and a warm target, sometimes a cold one."""
        base = rng.uniform(20.0, 110.0)
        spread = rng.uniform(0.1, 0.5)
        warm = rng.random() < 0.8
        level = base + (rng.uniform(35.0, 130.0) if warm else -rng.uniform(15.0, 60.0))
        return cls(_curve(rng, base, spread), level, rng.uniform(-0.5, 0.6), rng.uniform(0.4, 1.6))

    def render(self, rgb: Image, mask: Image | None) -> Image:
        """Return an H x W thermal-like image; without a mask only the scene's curve is used."""
        luma = np.asarray(cv2.transform(rgb, _LUMA), np.uint8)
        smooth = cv2.GaussianBlur(luma, (0, 0), self.blur)
        scene = np.asarray(cv2.LUT(smooth, self.background), np.uint8)
        if mask is None:
            return scene
        body = np.clip(self.level + self.detail * (smooth.astype(np.float32) - 110.0), 0, 255)
        edge = cv2.GaussianBlur(mask, (0, 0), self.blur).astype(np.float32) / 255.0
        return np.asarray(cv2.blendLinear(body.astype(np.uint8), scene, edge, 1.0 - edge))


def visual_from_thermal(thermal: Image, curve: Image, tint: NDArray[np.float64]) -> Image:
    """Return an H x W x 3 picture whose brightness follows `curve` of the thermal image."""
    grey = cv2.LUT(cv2.GaussianBlur(thermal, (0, 0), 0.8), curve)
    return np.clip(grey[..., None] * tint, 0, 255).astype(np.uint8)


def random_curve(rng: np.random.Generator) -> Image:
    """Draw a smooth tone curve over the whole range, falling as often as rising."""
    return _curve(rng, rng.uniform(60, 150), rng.uniform(0.5, 1.4))


def _curve(rng: np.random.Generator, base: float, spread: float) -> Image:
    knots = np.cumsum(rng.normal(0.0, 1.0, 6))
    knots -= knots.mean()
    knots *= 255.0 * spread / max(float(np.ptp(knots)), 1e-3)
    values = np.interp(np.arange(256), np.linspace(0, 255, 6), knots + base)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
