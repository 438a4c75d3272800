# SPDX-License-Identifier: Apache-2.0
"""Success, precision and normalised precision of single-target tracking.

Conventions, those of the OTB and LasHeR tool kits: a frame is a success when IoU > threshold
(strict) at the 21 thresholds 0, 0.05 .. 1; precise when the centre error <= threshold (inclusive),
in pixels at 20 px; for normalised precision x and y errors are divided by the true width and
height, at the 51 thresholds 0, 0.01 .. 0.5. SR and NPR are the means over their thresholds. A
result that is not finite counts as a miss, and a frame whose truth is not finite does not count.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rgbt_tracker_ros.errors import InputError

SUCCESS_THRESHOLDS = np.arange(21) / 20
NORMALIZED_THRESHOLDS = np.arange(51) / 100
PRECISION_PIXELS = 20.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one track, each in 0..1 (nan without frames), and the frames they are over."""

    sr: float
    pr: float
    npr: float
    frames: int


def overlaps(results: ArrayLike, truth: ArrayLike) -> Floats:
    """Return the IoU per frame of two N x 4 arrays of x, y, w, h; nan where the truth is nan."""
    got, true = _boxes(results, truth)
    low = np.maximum(got[:, :2], true[:, :2])
    high = np.minimum(got[:, :2] + got[:, 2:], true[:, :2] + true[:, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=1)
    union = _area(got) + _area(true) - inside
    iou = np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)
    return _marked(iou, got, true, miss=0.0)


def center_errors(results: ArrayLike, truth: ArrayLike, normalized: bool = False) -> Floats:
    """Return the distance of the centres per frame, in pixels or in sides of the true box.

    It is infinite where the result is not finite, and nan where the truth is nan.
    """
    got, true = _boxes(results, truth)
    offset = (got[:, :2] + got[:, 2:] / 2) - (true[:, :2] + true[:, 2:] / 2)
    if normalized:
        offset = offset / np.maximum(true[:, 2:], np.finfo(float).tiny)
    return _marked(np.hypot(offset[:, 0], offset[:, 1]), got, true, miss=np.inf)


def success_curve(ious: Floats) -> Floats:
    """Return the share of frames with IoU > t at each of the 21 thresholds."""
    return _share(ious[None, :] > SUCCESS_THRESHOLDS[:, None])


def precision_curve(errors: Floats, thresholds: Floats) -> Floats:
    """Return the share of frames with an error <= t at each threshold."""
    return _share(errors[None, :] <= thresholds[:, None])


def score_track(results: ArrayLike, truth: ArrayLike, use: ArrayLike | None = None) -> Scores:
    """Score one track.

    Parameters
    ----------
    results, truth
        N x 4 boxes x, y, w, h in pixels, frame by frame, the first frame being the initial one.
    use
        N booleans: False leaves a frame out (occluded, absent). The initial frame and frames
        without a finite truth are always left out.

    Raises
    ------
    InputError
        If the lengths differ or an array is not N x 4.

    """
    got, true = _boxes(results, truth)
    keep: NDArray[np.bool_] = np.asarray(np.isfinite(true).all(axis=1))
    keep[:1] = False
    if use is not None:
        mask = np.asarray(use, bool)
        if mask.shape != keep.shape:
            raise InputError(f'flags have {mask.size} frames, the ground truth has {keep.size}')
        keep &= mask
    got, true = got[keep], true[keep]
    if not len(true):
        return Scores(np.nan, np.nan, np.nan, 0)
    pixels = center_errors(got, true)
    sides = center_errors(got, true, normalized=True)
    return Scores(
        sr=float(success_curve(overlaps(got, true)).mean()),
        pr=float(np.mean(pixels <= PRECISION_PIXELS)),
        npr=float(precision_curve(sides, NORMALIZED_THRESHOLDS).mean()),
        frames=len(true))


def mean_scores(scores: list[Scores]) -> Scores:
    """Return the mean over tracks, each counting once; tracks without frames do not count."""
    counted = [item for item in scores if item.frames]
    if not counted:
        return Scores(np.nan, np.nan, np.nan, 0)
    table = np.array([(item.sr, item.pr, item.npr) for item in counted])
    sr, pr, npr = table.mean(axis=0).tolist()
    return Scores(sr, pr, npr, sum(item.frames for item in counted))


def _boxes(results: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    got, true = (np.asarray(boxes, np.float64) for boxes in (results, truth))
    for name, boxes in (('results', got), ('ground truth', true)):
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise InputError(f'{name} have shape {boxes.shape}: N x 4 (x, y, w, h) is needed')
    if len(got) != len(true):
        raise InputError(f'results have {len(got)} frames, the ground truth has {len(true)}: '
                         'give one box for each line of the ground truth')
    return got, true


def _area(boxes: Floats) -> Floats:
    return np.asarray(np.clip(boxes[:, 2:], 0, None).prod(axis=1))


def _marked(values: Floats, got: Floats, true: Floats, miss: float) -> Floats:
    values = np.where(np.isfinite(got).all(axis=1), values, miss)
    return np.where(np.isfinite(true).all(axis=1), values, np.nan)


def _share(hits: NDArray[np.bool_]) -> Floats:
    return np.asarray(hits.mean(axis=1), np.float64)
