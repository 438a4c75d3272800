# SPDX-License-Identifier: Apache-2.0
"""Where, how large and how turned the thermal view lies in the RGB view: a search over all."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.registration import scaled_view
from rgbt_tracker_ros.imaging.structure import Structure, moved_structure, structure

Grey = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_SIDE = 128
"""Longer side of the RGB image while searching, pixels."""

_SCALES = tuple(2.0 ** (step / 8) for step in range(-10, 11))
_ANGLES = tuple(math.radians(degrees) for degrees in (-6, -3, 0, 3, 6))

_LEAST_OVERLAP = 0.25
"""Share of the smaller view that must lie in the other."""

_SAME_ASPECT = 0.02


@dataclass(frozen=True)
class Candidate:
    """A place for the thermal view: its map to RGB pixels, and how much speaks for it."""

    matrix: Matrix
    evidence: float


def search(rgb: Sequence[Grey], thermal: Sequence[Grey], count: int) -> list[Candidate]:
    """Return the best places of the thermal view, best first.

    Parameters
    ----------
    rgb, thermal
        Grey images of both cameras, pair by pair; what speaks for a place is summed over them.
    count
        Candidates wanted; each has another scale or angle.

    """
    height, width = rgb[0].shape
    shrink = _SIDE / max(height, width)
    size = max(round(width * shrink), 8), max(round(height * shrink), 8)
    targets = [structure(_shrunk(image, size)) for image in rgb]
    # No pose needs more pixels of thermal than this.
    rows, columns = thermal[0].shape
    shrink = min(2 * _SIDE / max(rows, columns), 1.0)
    moving = [_shrunk(image, (max(round(columns * shrink), 8), max(round(rows * shrink), 8)))
              for image in thermal]
    found = [_best_place(targets, moving, pose) for pose in _poses(moving[0], size)]
    found.sort(key=lambda candidate: -candidate.evidence)
    before = scaled_view((columns, rows), (moving[0].shape[1], moving[0].shape[0]))
    after = scaled_view(size, (width, height))
    return [Candidate(after @ place.matrix @ before, place.evidence) for place in found[:count]]


def _poses(thermal: Grey, size: tuple[int, int]) -> Iterator[Matrix]:
    """Yield 2 x 2 matrices of scale and rotation from thermal to small RGB pixels."""
    height, width = thermal.shape
    stretched = size[0] / width, size[1] / height
    even = math.sqrt(stretched[0] * stretched[1])
    aspects = [(even, even)]
    if abs(stretched[0] / stretched[1] - 1) > _SAME_ASPECT:
        aspects.append(stretched)
    for x, y in aspects:
        for scale in _SCALES:
            for angle in _ANGLES:
                cos, sin = math.cos(angle), math.sin(angle)
                yield scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag((x, y))


def _best_place(targets: Sequence[Structure], thermal: Sequence[Grey], pose: Matrix) -> Candidate:
    """Return the best shift of thermal views that are scaled and turned by `pose`."""
    height, width = thermal[0].shape
    corners = pose @ np.array([[0, width, width, 0], [0, 0, height, height]], float)
    canvas = np.ceil(np.ptp(corners, axis=1)).astype(int)
    matrix = np.eye(3)
    matrix[:2] = np.column_stack((pose, -corners.min(axis=1)))
    size = int(canvas[0]), int(canvas[1])
    strength = evidence_by_shift(
        targets, [moved_structure(image, matrix, size) for image in thermal])
    rows, columns = targets[0].valid.shape
    row, column = np.unravel_index(int(np.argmax(strength)), strength.shape)
    shift = (int(column) - (strength.shape[1] if column >= columns else 0),
             int(row) - (strength.shape[0] if row >= rows else 0))
    matrix[:2, 2] += shift
    return Candidate(matrix, float(strength[row, column]))


def evidence_by_shift(targets: Sequence[Structure], moving: Sequence[Structure]) -> Matrix:
    """Return what speaks for each shift of the moving views, summed over all pairs.

    Shifts to the left and up are at the far end; -inf where the views hardly overlap.
    """
    (rows, columns), (height, width) = targets[0].valid.shape, moving[0].valid.shape
    shape = cv2.getOptimalDFTSize(rows + height), cv2.getOptimalDFTSize(columns + width)
    sums = np.zeros((4, *shape))
    for target, moved in zip(targets, moving, strict=True):
        sums += _correlations(target, moved, shape)
    product, energy, other, overlap = sums
    # The sum of n random agreements grows with the root of n: more overlap, more evidence.
    counted = overlap.clip(1)
    spread = np.sqrt((energy.clip(0) + _typical(targets) * counted)
                     * (other.clip(0) + _typical(moving) * counted))
    strength = np.asarray(product * np.sqrt(counted) / spread, np.float64)
    strength[overlap < _LEAST_OVERLAP * len(targets) * min(rows * columns, height * width)] = \
        -np.inf
    return strength


def _typical(structures: Sequence[Structure]) -> float:
    """Return the energy of a pixel: where there is next to none, chance looks like agreement."""
    return float(np.mean([np.square(item.vectors).sum() / max(item.valid.sum(), 1)
                          for item in structures]))


def _correlations(target: Structure, moving: Structure, shape: tuple[int, int]) -> NDArray[
        np.float64]:
    """Return, for each shift of the moving view: products, both energies, and the overlap."""
    first = target.vectors[..., 0] + 1j * target.vectors[..., 1]
    second = moving.vectors[..., 0] + 1j * moving.vectors[..., 1]
    vectors = np.fft.ifft2(
        np.fft.fft2(first, shape) * np.conj(np.fft.fft2(second, shape))).real
    valid, moved = np.fft.rfft2(target.valid, shape), np.fft.rfft2(moving.valid, shape).conj()
    energy = np.fft.rfft2(np.abs(first) ** 2, shape)
    other = np.fft.rfft2(np.abs(second) ** 2, shape).conj()
    return np.stack((vectors, np.fft.irfft2(energy * moved, shape),
                     np.fft.irfft2(valid * other, shape), np.fft.irfft2(valid * moved, shape)))


def _shrunk(image: Grey, size: tuple[int, int]) -> Grey:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
