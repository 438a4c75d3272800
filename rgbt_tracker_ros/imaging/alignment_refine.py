# SPDX-License-Identifier: Apache-2.0
"""From a rough place of the thermal view to a map that fits to a fraction of a pixel."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.registration import scaled_view
from rgbt_tracker_ros.imaging.structure import Structure, agreement, moved_structure, structure

Grey = NDArray[np.uint8]
Matrix = NDArray[np.float64]

MODELS = ('translation', 'similarity', 'affine', 'homography')
"""Kinds of map, each with more freedom than those before."""

_LEVELS = ((80, 12), (160, 8), (320, 6), (640, 3))
"""Longer side of the RGB image at each level, pixels, and most steps there."""

_GAIN = 1.02
"""More freedom must raise the agreement so much, or it only fits to noise."""

_LARGEST_STEP = 4.0
"""Most that a step may move a corner, pixels of the level."""

_SMALLEST_STEP = 0.02

_ELEMENTS = ((0, 2), (1, 2), (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1))
"""Free elements of a homography: those of a shift, of an affine map, of all."""

_FADED = 0.05
"""Least agreement that a step counts on: from less, steps would be wild."""


@dataclass
class Views:
    """Pairs of grey images at one resolution of the RGB image.

    Attributes
    ----------
    rgb, thermal
        Images of each pair: RGB at this resolution, thermal as it is.
    to_level
        Map from full RGB pixels to those of this level.

    """

    rgb: Sequence[Grey]
    thermal: Sequence[Grey]
    to_level: Matrix

    @classmethod
    def at(cls, rgb: Sequence[Grey], thermal: Sequence[Grey], side: int) -> Views:
        """Make a level whose longer side has `side` pixels, or as many as there are."""
        height, width = rgb[0].shape
        shrink = min(side / max(height, width), 1.0)
        size = max(round(width * shrink), 8), max(round(height * shrink), 8)
        to_level = scaled_view((width, height), size)
        return cls([np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
                    for image in rgb], thermal, to_level)

    @cached_property
    def targets(self) -> list[Structure]:
        """Return the structure of each RGB image."""
        return [structure(image) for image in self.rgb]

    def moved(self, matrix: Matrix) -> list[Structure]:
        """Return the structure of each thermal image under a map to full RGB pixels."""
        place = self.to_level @ matrix
        size = self.rgb[0].shape[1], self.rgb[0].shape[0]
        return [moved_structure(image, place, size) for image in self.thermal]

    def evidence(self, matrix: Matrix) -> float:
        """Return how well a map fits: mean agreement, times the root of the overlap."""
        fit, share = self.fit(matrix)
        return fit * math.sqrt(share)

    def fit(self, matrix: Matrix) -> tuple[float, float]:
        """Return the mean agreement under a map, and the share of the RGB image it is about."""
        found = [agreement(target, moved)
                 for target, moved in zip(self.targets, self.moved(matrix), strict=True)]
        return float(np.mean([fit for fit, _ in found])), found[0][1]


def refine(rgb: Sequence[Grey], thermal: Sequence[Grey], starts: Sequence[Matrix], model: str,
           ) -> Matrix:
    """Return the map from thermal to RGB pixels that fits best.

    The agreement of the edges, summed over all pairs, is climbed by Gauss-Newton steps (as in
    ECC, on two channels), from coarse to fine images. More freedom than that of a similarity is
    used only when it makes a clear difference.

    Parameters
    ----------
    rgb, thermal
        Grey images of both cameras, pair by pair.
    starts
        Rough maps; the one from which most is reached wins.
    model
        One of `MODELS`.

    """
    levels = [(Views.at(rgb, thermal, side), steps) for side, steps in _LEVELS]
    kinds = MODELS[:MODELS.index(model) + 1]
    first, coarse = kinds[:2][-1], levels[1][0]
    best = max((_through(levels[:2], start, first) for start in starts), key=coarse.evidence)
    best, used = _through(levels[2:3], best, first), first
    fine = levels[2][0]
    for kind in kinds[2:]:
        found = _through(levels[1:3], best, kind)
        if fine.evidence(found) > _GAIN * fine.evidence(best):
            best, used = found, kind
    return _through(levels[3:], best, used)


def _through(levels: Sequence[tuple[Views, int]], start: Matrix, kind: str) -> Matrix:
    for views, steps in levels:
        start = _climbed(views, start, kind, steps)
    return start


def _climbed(views: Views, start: Matrix, kind: str, steps: int) -> Matrix:
    best, height = start, views.evidence(start)
    share = 1.0
    for _ in range(steps):
        step = _step(views, best, kind)
        if step is None:
            break
        while share > 0.1:
            found = _moved(views, best, step, share)
            now = views.evidence(found)
            if now > height:
                break
            share /= 2
        else:
            break
        best, height = found, now
        share = min(2 * share, 1.0)
    return best


def _step(views: Views, matrix: Matrix, kind: str) -> Matrix | None:
    """Return the change of the map that promises most agreement; None where nothing is seen."""
    rows, columns = views.rgb[0].shape
    flows = _flows(rows, columns, kind)
    normal, wanted = np.zeros((len(flows), len(flows))), np.zeros(len(flows))
    fit = []
    for target, moved in zip(views.targets, views.moved(matrix), strict=True):
        both = (target.valid * moved.valid)[..., None]
        dx, dy = (np.gradient(moved.vectors, axis=axis) * both for axis in (1, 0))
        change = [-(dx * flow[..., :1] + dy * flow[..., 1:]).ravel() for flow in flows]
        jacobian = np.stack(change)
        normal += jacobian @ jacobian.T
        wanted += jacobian @ (target.vectors * both).ravel()
        energy = float(np.square(moved.vectors * both).sum())
        fit.append(float((target.vectors * moved.vectors * both).sum()) / max(energy, 1e-9))
    # Only a share of the edges is in both images: the peak is lower by it, but not wider.
    share = max(float(np.mean(fit)), _FADED)
    damping = 1e-3 * np.diag(np.diag(normal)) + 1e-9 * np.eye(len(flows))
    weights = np.linalg.solve(normal + damping, wanted / share)
    reach = max(float(np.abs(np.tensordot(weights, flows, 1)).max()), 1e-9)
    if reach < _SMALLEST_STEP:
        return None
    weights *= min(_LARGEST_STEP / reach, 1.0)
    return np.asarray(np.tensordot(weights, _generators(kind), 1))


def _generators(kind: str) -> NDArray[np.float64]:
    """Return the 3 x 3 matrices of the small changes which a kind of map may make."""
    count = {'translation': 2, 'affine': 6, 'homography': 8}
    if kind == 'similarity':
        turn, grow = np.zeros((3, 3)), np.diag((1.0, 1.0, 0.0))
        turn[0, 1], turn[1, 0] = -1, 1
        return np.concatenate((_generators('translation'), [grow, turn]))
    made = np.zeros((count[kind], 3, 3))
    for item, place in zip(made, _ELEMENTS, strict=False):
        item[place] = 1
    return made


@lru_cache(maxsize=16)
def _flows(rows: int, columns: int, kind: str) -> NDArray[np.float32]:
    """Return where each pixel moves under each small change: K x rows x columns x 2."""
    unit = _unit(rows, columns)
    y, x = np.mgrid[:rows, :columns]
    points = np.stack((x, y, np.ones_like(x)), axis=-1) @ unit.T
    flows = []
    for generator in _generators(kind):
        moved = points @ generator.T
        # Of a perspective point (X, Y, W) with W = 1: dx = dX - x dW.
        flows.append((moved[..., :2] - points[..., :2] * moved[..., 2:]) / unit[0, 0])
    return np.asarray(flows, np.float32)


def _unit(rows: int, columns: int) -> Matrix:
    """Return the map from pixels to coordinates of about -1..1, so that all changes compare."""
    half = max(rows, columns) / 2
    return np.array([[1 / half, 0, -(columns - 1) / 2 / half],
                     [0, 1 / half, -(rows - 1) / 2 / half], [0, 0, 1]])


def _moved(views: Views, matrix: Matrix, step: Matrix, share: float) -> Matrix:
    unit = _unit(*views.rgb[0].shape)
    change = np.linalg.inv(unit) @ (np.eye(3) + share * step) @ unit
    whole = np.linalg.inv(views.to_level) @ change @ views.to_level @ matrix
    return np.asarray(whole / whole[2, 2], np.float64)
