# SPDX-License-Identifier: Apache-2.0
"""What is measured in each frame: the overlap and the distance of two boxes x, y, w, h.

The tool kits convert to last pixels (x + w - 1) and back before they intersect, and put centres at
x + (w - 1) / 2; in both the ones cancel, so that continuous coordinates give the same numbers.
"""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rgbt_tracker_ros.errors import InputError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# No camera has so many pixels; squares of it are still finite in single precision.
_FAR = 1e15


class Pairs(NamedTuple):
    """Results and truth, N boxes each, as they can be computed with.

    Attributes
    ----------
    got, true
        Boxes; zeros for those that are not finite or beyond all images.
    there, counts
        Where the result, and where the truth is none of those.

    """

    got: Floats
    true: Floats
    there: Bools
    counts: Bools


def overlaps(results: ArrayLike, truth: ArrayLike) -> Floats:
    """Return the IoU per frame of two N x 4 arrays of x, y, w, h; nan where the truth is nan."""
    return overlaps_of(cleaned(*paired(results, truth)))


def center_errors(results: ArrayLike, truth: ArrayLike, normalized: bool = False) -> Floats:
    """Return the distance of the centres per frame, in pixels or in sides of the true box.

    It is infinite where the result is not finite, and nan where the truth is nan.
    """
    return center_errors_of(cleaned(*paired(results, truth)), normalized)


def paired(results: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    """Return both as N x 4 arrays.

    Raises
    ------
    InputError
        If the lengths differ or an array is not N x 4.

    """
    got, true = (np.asarray(boxes, np.float64) for boxes in (results, truth))
    for name, boxes in (('results', got), ('ground truth', true)):
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise InputError(f'{name} have shape {boxes.shape}: N x 4 (x, y, w, h) is needed')
    if len(got) != len(true):
        raise InputError(f'results have {len(got)} frames, the ground truth has {len(true)}: '
                         'give one box for each line of the ground truth')
    return got, true


def cleaned(got: Floats, true: Floats) -> Pairs:
    """Return two arrays of N x 4 boxes as they can be computed with."""
    there, counts = (np.asarray((np.abs(boxes) < _FAR).all(axis=1)) for boxes in (got, true))
    if not there.all():
        got = np.where(there[:, None], got, 0)
    if not counts.all():
        true = np.where(counts[:, None], true, 0)
    return Pairs(got, true, there, counts)


def overlaps_of(pairs: Pairs) -> Floats:
    """Return the IoU per frame, in the arithmetic (single or double) of the arrays."""
    got, true = pairs.got, pairs.true
    low = np.maximum(got[:, :2], true[:, :2])
    high = np.minimum(got[:, :2] + got[:, 2:], true[:, :2] + true[:, 2:])
    inside = _area(high - low)
    union = _area(got[:, 2:]) + _area(true[:, 2:]) - inside
    iou = np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)
    # Rounding must not make an overlap of more than all: no IoU is above the last threshold.
    return _marked(np.minimum(iou, 1), pairs, miss=0.0)


def center_errors_of(pairs: Pairs, normalized: bool = False) -> Floats:
    """Return the distance of the centres per frame, in the arithmetic of the arrays."""
    got, true = pairs.got, pairs.true
    offset = (got[:, :2] + got[:, 2:] / 2) - (true[:, :2] + true[:, 2:] / 2)
    if normalized:
        offset = _per_side(offset, true)
    return _marked(_length(offset), pairs, miss=np.inf)


def separate_errors_of(pairs: Pairs) -> Floats:
    """Return the normalised distance of the centres as tool kits compute it.

    They divide both centres, x + (w - 1) / 2, before they subtract. In exact arithmetic that is
    the same as `center_errors_of`; rounded, it decides about frames that are just on a threshold.
    """
    first, second = (_per_side(boxes[:, :2] + (boxes[:, 2:] - 1) / 2, pairs.true)
                     for boxes in (pairs.got, pairs.true))
    with np.errstate(invalid='ignore'):  # of a box without sides, which is at infinity
        offset = np.where(np.isinf(second), np.inf, first - second)
    return _marked(_length(offset), pairs, miss=np.inf)


def _per_side(values: Floats, true: Floats) -> Floats:
    sides = true[:, 2:]
    with np.errstate(over='ignore'):
        return np.divide(values, sides, out=np.full_like(values, np.inf), where=sides > 0)


def _length(offset: Floats) -> Floats:
    with np.errstate(over='ignore'):
        return np.asarray(np.sqrt(offset[:, 0] ** 2 + offset[:, 1] ** 2))


def _area(sides: Floats) -> Floats:
    # Several times faster than prod(axis=1), which loops over rows of two.
    return np.asarray(np.maximum(sides[:, 0], 0) * np.maximum(sides[:, 1], 0))


def _marked(values: Floats, pairs: Pairs, miss: float) -> Floats:
    return np.where(pairs.counts, np.where(pairs.there, values, miss), np.nan)
