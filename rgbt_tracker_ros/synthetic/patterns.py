# SPDX-License-Identifier: Apache-2.0
"""Which frames of a recording a corruption befalls, and by how much cameras are misaligned.

Missing and frozen cameras follow the patterns of the modality-missing benchmarks (LasHeR-Miss,
RGBT234-Miss): one long gap, gaps that switch between the cameras, single frames at random.
"""
from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_pair import CAMERAS

Flags = NDArray[np.bool_]
Homography = NDArray[np.float64]

SWITCHES = 6
"""Gaps of a recording in which the missing camera switches."""


@dataclass(frozen=True, slots=True)
class Film:
    """Which recording a corruption befalls.

    Attributes
    ----------
    name
        Of the sequence; the same for both cameras.
    length
        Number of frames; None when nobody knows.
    seed
        Another seed, other random choices.

    """

    name: str
    length: int | None
    seed: int = 0

    def random(self, *more: object) -> np.random.Generator:
        """Return a generator that depends on seed, name and what else is given, nothing else."""
        key = '\0'.join(map(str, (self.seed, self.name, *more)))
        digest = blake2b(key.encode(), digest_size=16).digest()
        return np.random.default_rng(int.from_bytes(digest, 'little'))


def gap(percent: float, film: Film) -> Flags:
    """Flag one long gap of that share of all frames but the first, somewhere."""
    count, length = _share(percent, film)
    start = 1 + int(film.random('gap').random() * (length - count))
    flags = np.zeros(length, bool)
    flags[start:start + count] = True
    return flags


def switched(camera: str, percent: float, film: Film) -> Flags:
    """Flag every other of SWITCHES gaps at equal distances; the rest is for the other camera.

    Of both cameras together that share of all frames but the first is missing, never both at once.
    """
    count, length = _share(percent, film)
    turn = CAMERAS.index(camera) ^ int(film.random('switched').integers(2))
    ends = np.linspace(1, length, SWITCHES + 1).round().astype(int)[1:]
    sizes = np.diff(np.linspace(0, count, SWITCHES + 1).round().astype(int))
    flags = np.zeros(length, bool)
    for end, size in list(zip(ends, sizes, strict=True))[turn::2]:
        flags[end - size:end] = True
    return flags


def scattered(camera: str, percent: float, film: Film) -> Flags:
    """Flag single frames at random, each in one camera or the other.

    Of both cameras together that share of all frames but the first is missing, never both at once.
    """
    count, length = _share(percent, film)
    rng = film.random('scattered')
    flags = np.zeros(length, bool)
    flags[1 + rng.permutation(length - 1)[:count]] = True
    return np.asarray(flags & (rng.integers(0, 2, length) == CAMERAS.index(camera)))


def shift(pixels: float, film: Film) -> Homography:
    """Return the homography that moves an image by so many pixels, in a random direction."""
    angle = film.random('shift').uniform(0, 2 * pi)
    return np.array([[1, 0, pixels * cos(angle)], [0, 1, pixels * sin(angle)], [0, 0, 1]])


def turn(degrees: float, film: Film, width: int, height: int) -> Homography:
    """Return the homography that turns an image about its middle, to either side."""
    angle = degrees * pi / 180 * (1 if film.random('turn').random() < 0.5 else -1)
    x, y, c, s = (width - 1) / 2, (height - 1) / 2, cos(angle), sin(angle)
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0, 0, 1]])


def _share(percent: float, film: Film) -> tuple[int, int]:
    if film.length is None:
        raise InputError('a share of the frames is to be missing or frozen, but the recording '
                         'does not tell how many it has: give a folder of images, or another '
                         'corruption')
    return round(percent / 100 * (film.length - 1)), film.length
