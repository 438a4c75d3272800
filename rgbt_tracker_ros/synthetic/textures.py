# SPDX-License-Identifier: Apache-2.0
"""Noise textures: grain from a bank, smooth fields and multi-octave noise.

Everything is made at low resolution or cut from a bank, so that a texture for a 256 x 256 crop
costs far less than a millisecond.
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Field = NDArray[np.float32]

GRAIN_MEAN = 128.0
GRAIN_SIGMA = 32.0
_BANK_SIZE = 1 << 22
_BANK_SEED = 20240607


@lru_cache(maxsize=1)
def _bank() -> Image:
    """Return a read-only vector of Gaussian noise with GRAIN_MEAN and GRAIN_SIGMA."""
    noise = np.random.default_rng(_BANK_SEED).standard_normal(_BANK_SIZE, np.float32)
    bank: Image = np.clip(np.rint(noise * GRAIN_SIGMA + GRAIN_MEAN), 0, 255).astype(np.uint8)
    bank.setflags(write=False)
    return bank


def grain(shape: tuple[int, ...], rng: np.random.Generator) -> Image:
    """Return white Gaussian noise (mean GRAIN_MEAN, deviation GRAIN_SIGMA) of any shape.

    It is cut from a fixed bank at a random place: some 50 times faster than drawing it anew.
    """
    count = int(np.prod(shape))
    bank = _bank()
    if count > _BANK_SIZE // 2:
        return np.resize(np.roll(bank, int(rng.integers(_BANK_SIZE))), shape)
    start = int(rng.integers(_BANK_SIZE - count))
    return bank[start:start + count].reshape(shape)


def add_grain(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Return the image with Gaussian noise of deviation `sigma` grey levels."""
    weight = sigma / GRAIN_SIGMA
    noisy = cv2.addWeighted(image, 1.0, grain(image.shape, rng), weight, -GRAIN_MEAN * weight)
    return as_image(noisy).reshape(image.shape)


def smooth_noise(
    height: int, width: int, cells: float, rng: np.random.Generator,
) -> Field:
    """Return a smooth random field in 0..1 with about `cells` bumps along the longer side."""
    scale = cells / max(height, width)
    rows, columns = (max(2, round(side * scale) + 1) for side in (height, width))
    grid = rng.random((rows, columns), np.float32)
    field = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(field, 0.0, 1.0), np.float32)


def fractal_noise(
    height: int, width: int, cells: float, octaves: int, rng: np.random.Generator,
    persistence: float = 0.5,
) -> Field:
    """Return multi-octave noise stretched to 0..1; each octave doubles the cells.

    Parameters
    ----------
    height, width
        Size in pixels.
    cells
        Bumps of the coarsest octave along the longer side.
    octaves
        Number of octaves.
    rng
        Source of randomness.
    persistence
        Amplitude of an octave relative to the coarser one before it.

    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        total += persistence**octave * smooth_noise(height, width, cells * 2**octave, rng)
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), np.float32)


def as_image(array: Any) -> Image:
    """Return an OpenCV result as uint8 (no copy when it is uint8 already)."""
    return np.asarray(array, np.uint8)


def enlarge(field: Field, height: int, width: int) -> Field:
    """Return a low-resolution field smoothly resized to height x width."""
    return np.asarray(
        cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
