# SPDX-License-Identifier: Apache-2.0
"""Estimates how a thermal view lies in an RGB view, and says when the answer is not to be had."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.alignment_refine import Views, refine
from rgbt_tracker_ros.imaging.alignment_search import evidence_by_shift, search
from rgbt_tracker_ros.imaging.registration import scaled_view

Grey = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_STARTS = 6
"""Places from which the map is refined."""

_SEARCHED = 3
"""Pairs looked at while searching; the others count when the map is refined."""

_JUDGED_SIDE = 320
"""Longer side of the RGB image on which a map is judged, pixels."""

_CLEAR = 7.0
"""Standard deviations by which the map must beat the same map shifted anywhere else."""

_BETTER = 1.05
"""Factor by which the edges must agree better than in the scaled view."""

_NOTICEABLE = 0.003
"""Least move of a corner, on average, that is worth a homography; in image widths."""

_BINS = 32


@dataclass(frozen=True, slots=True)
class Fit:
    """How well two views fit under a map.

    Attributes
    ----------
    edges
        Agreement of edge directions where both views are, -1..1.
    information
        Normalised mutual information of the grey levels there, 1..2.
    overlap
        Share of the RGB image that thermal covers.

    """

    edges: float
    information: float
    overlap: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """A map from thermal to RGB pixels, and what speaks for it.

    Attributes
    ----------
    matrix
        3 x 3 homography with its last element 1.
    before, after
        Fit of the scaled view and of the map.
    clearness
        Standard deviations by which it beats the same map with other shifts.
    objection
        Why it must not be used; empty when it may.

    """

    matrix: Matrix
    before: Fit
    after: Fit
    clearness: float
    objection: str


def align(rgb: Sequence[Grey], thermal: Sequence[Grey], model: str = 'homography') -> Alignment:
    """Estimate the map from thermal to RGB pixels from one or more pairs of one rig.

    Parameters
    ----------
    rgb, thermal
        Grey images, H x W uint8, pair by pair; all of a camera have one size.
    model
        Most freedom that the map may have: one of `alignment_refine.MODELS`.

    """
    thermal_size = thermal[0].shape[1], thermal[0].shape[0]
    rgb_size = rgb[0].shape[1], rgb[0].shape[0]
    scaled = scaled_view(thermal_size, rgb_size)
    starts = [scaled] if model == 'translation' else \
        [scaled, *_searched(rgb, thermal)]
    matrix = refine(rgb, thermal, starts, model)
    views = Views.at(rgb, thermal, _JUDGED_SIDE)
    before, after, clearness = _fit(views, scaled), _fit(views, matrix), _clearness(views, matrix)
    objection = _implausible(matrix, thermal_size, rgb_size)
    if not objection and clearness < _CLEAR:
        objection = (f'the images agree in no place clearly ({clearness:.1f} standard deviations, '
                     f'{_CLEAR:g} are needed): give more pairs, with contours that both cameras '
                     'see')
    moved = _corners(matrix, thermal_size) - _corners(scaled, thermal_size)
    step = float(np.linalg.norm(moved, axis=1).mean())
    if not objection and (step < _NOTICEABLE * rgb_size[0]
                          or _worth(after) < _BETTER * _worth(before)):
        objection = (f'the scaled view fits as well (edges agree by {before.edges:.3f}, with the '
                     f'best map by {after.edges:.3f}): leave registration.homography empty')
    return Alignment(matrix, before, after, clearness, objection)


def _searched(rgb: Sequence[Grey], thermal: Sequence[Grey]) -> list[Matrix]:
    step = -(-len(rgb) // _SEARCHED)
    return [found.matrix for found in search(rgb[::step], thermal[::step], _STARTS)]


def _worth(fit: Fit) -> float:
    return fit.edges * math.sqrt(fit.overlap)


def _fit(views: Views, matrix: Matrix) -> Fit:
    edges, overlap = views.fit(matrix)
    place = views.to_level @ matrix
    size = views.rgb[0].shape[1], views.rgb[0].shape[0]
    counts = np.zeros((_BINS, _BINS))
    for first, second in zip(views.rgb, views.thermal, strict=True):
        shown = cv2.warpPerspective(np.full(second.shape, 255, np.uint8), place, size) > 254
        moved = cv2.warpPerspective(second, place, size)
        counts += np.histogram2d(first[shown], moved[shown], _BINS, ((0, 256), (0, 256)))[0]
    return Fit(edges, _information(counts), overlap)


def _information(counts: Matrix) -> float:
    """Return (H(a) + H(b)) / H(a, b) of a joint histogram; 1 = one tells nothing of the other."""
    if not counts.any():
        return 1.0
    joint = counts / counts.sum()
    first, second, both = (
        -float(np.sum(part[part > 0] * np.log(part[part > 0])))
        for part in (joint.sum(axis=0), joint.sum(axis=1), joint))
    return (first + second) / both if both > 0 else 1.0


def _clearness(views: Views, matrix: Matrix) -> float:
    strength = evidence_by_shift(views.targets, views.moved(matrix))
    found = strength[0, 0]
    others = strength[np.isfinite(strength)]
    if not np.isfinite(found) or others.size < 2:
        return 0.0
    return float((found - others.mean()) / max(others.std(), 1e-9))


def _implausible(matrix: Matrix, thermal: tuple[int, int], rgb: tuple[int, int]) -> str:
    """Return why a map can be none of two cameras side by side; empty when it can."""
    width, height = thermal
    points = np.array([[x, y, 1.0] for x in (0, width / 2, width)
                       for y in (0, height / 2, height)])
    depths = points @ matrix[2]
    if depths.min() <= 0.2 * depths.max():
        return 'the map found tilts the view too far: give more pairs, or --map affine'
    even = scaled_view(thermal, rgb)
    areas = np.linalg.det(matrix) / depths ** 3 / (even[0, 0] * even[1, 1])
    if areas.min() < 1 / 30 or areas.max() > 30:
        return f'the map found scales thermal by {math.sqrt(abs(areas.mean())):.2f}, which no ' \
               'pair of lenses does: give more pairs'
    if areas.max() > 4 * areas.min():
        return 'the map found scales one side of the view more than twice as much as the other: ' \
               'give more pairs, or --map affine'
    turn = math.degrees(math.atan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1]))
    if abs(turn) > 30:
        return f'the map found turns thermal by {turn:.0f} degrees: turn the images first'
    return ''


def _corners(matrix: Matrix, size: tuple[int, int]) -> Matrix:
    width, height = size
    corners = np.array([[[0, 0]], [[width - 1, 0]], [[width - 1, height - 1]], [[0, height - 1]]],
                       np.float64)
    return np.asarray(cv2.perspectiveTransform(corners, matrix)[:, 0], np.float64)
