# SPDX-License-Identifier: Apache-2.0
"""Curves and scores of tracks, and their mean over a benchmark."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rgbt_tracker_ros.benchmark.metrics.conventions import (
    FOLDER,
    NORMALIZED_THRESHOLDS,
    SUCCESS_THRESHOLDS,
    Convention,
)
from rgbt_tracker_ros.benchmark.metrics.frames import (
    Floats,
    center_errors_of,
    cleaned,
    overlaps_of,
    paired,
    separate_errors_of,
)
from rgbt_tracker_ros.errors import InputError

Truths = ArrayLike | Mapping[str, ArrayLike]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one track, each in 0..1 (nan without frames), and the frames they are over."""

    sr: float
    pr: float
    npr: float
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Shares of frames over the thresholds, of one track or in the mean of several.

    Attributes
    ----------
    success
        With an IoU above each of SUCCESS_THRESHOLDS.
    precision
        With a centre error within each of `Convention.pixel_thresholds`.
    normalized
        With a normalised centre error within each of NORMALIZED_THRESHOLDS.
    frames
        How many there are; without any, the shares are nan.

    """

    success: Floats
    precision: Floats
    normalized: Floats
    frames: int

    @property
    def npr_area(self) -> float:
        """Return the mean normalised precision over 0 .. 0.5, TrackingNet's figure."""
        return float(self.normalized.mean())

    def scores(self, convention: Convention = FOLDER) -> Scores:
        """Return the points and areas that a benchmark reports."""
        sr = float(self.success.mean())
        if convention.trapezoid:
            sr = float((self.success[1:] + self.success[:-1]).sum() / 2 * SUCCESS_THRESHOLDS[1])
        npr = self.npr_area
        if convention.npr_at is not None:
            npr = float(self.normalized[_index(NORMALIZED_THRESHOLDS, convention.npr_at)])
        pr = float(self.precision[_index(convention.pixel_thresholds, convention.pixels)])
        return Scores(sr, pr, npr, self.frames)


def success_curve(ious: Floats) -> Floats:
    """Return the share of frames with IoU > t at each of the 21 thresholds."""
    return _share(ious[None, :] > SUCCESS_THRESHOLDS[:, None])


def precision_curve(errors: Floats, thresholds: Floats, below: bool = False) -> Floats:
    """Return the share of frames with an error <= t (or < t) at each threshold."""
    if below:
        return _share(errors[None, :] < thresholds[:, None])
    return _share(errors[None, :] <= thresholds[:, None])


def score_track(results: ArrayLike, truth: Truths, use: ArrayLike | None = None,
                convention: Convention = FOLDER) -> Scores:
    """Score one track; parameters and errors are those of `track_curves`."""
    return track_curves(results, truth, use, convention).scores(convention)


def track_curves(results: ArrayLike, truth: Truths, use: ArrayLike | None = None,
                 convention: Convention = FOLDER) -> Curves:
    """Measure one track.

    Parameters
    ----------
    results
        N x 4 boxes x, y, w, h in pixels, frame by frame, the first frame being the initial one.
    truth
        The same of the ground truth, or by camera: `rgb` and `thermal`, or `both`. Unless the
        convention takes the better one of each frame, `both` counts, else `rgb`.
    use
        N booleans: False leaves a frame out (occluded, absent). Frames without a finite truth are
        always left out.
    convention
        Rules of the benchmark.

    Raises
    ------
    InputError
        If the lengths differ or an array is not N x 4.

    """
    pairs = [_prepared(results, one, convention) for one in _counting(truth, convention)]
    ious, pixels, sides = (np.stack(measured) for measured in zip(
        *(_measured(*pair, convention) for pair in pairs), strict=True))
    keep = _kept(ious, use, convention)
    if not keep.any():
        return _no_curves()
    # A camera whose truth is missing in a frame leaves that frame to the other.
    best = np.fmax.reduce(ious)[keep], np.fmin.reduce(pixels)[keep], np.fmin.reduce(sides)[keep]
    return Curves(success_curve(best[0]),
                  precision_curve(best[1], convention.pixel_thresholds, convention.below),
                  precision_curve(best[2], NORMALIZED_THRESHOLDS, convention.below),
                  int(keep.sum()))


def mean_curves(curves: Iterable[Curves], convention: Convention = FOLDER) -> Curves:
    """Return the mean over tracks, each counting once, or as often as it has frames if pooled.

    Tracks without frames do not count.
    """
    counted = [item for item in curves if item.frames]
    if not counted:
        return _no_curves()
    weights = [item.frames if convention.pooled else 1 for item in counted]
    success, precision, normalized = (
        np.average([getattr(item, name) for item in counted], axis=0, weights=weights)
        for name in ('success', 'precision', 'normalized'))
    return Curves(success, precision, normalized, sum(item.frames for item in counted))


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Return the mean over tracks, each counting once; tracks without frames do not count."""
    counted = [item for item in scores if item.frames]
    if not counted:
        return Scores(np.nan, np.nan, np.nan, 0)
    table = np.array([(item.sr, item.pr, item.npr) for item in counted])
    sr, pr, npr = table.mean(axis=0).tolist()
    return Scores(sr, pr, npr, sum(item.frames for item in counted))


def _counting(truth: Truths, convention: Convention) -> list[ArrayLike]:
    if not isinstance(truth, Mapping):
        return [truth]
    if convention.best_of_truths and truth:
        return list(truth.values())
    for camera in ('both', 'rgb', 'thermal'):
        if camera in truth:
            return [truth[camera]]
    raise InputError(f'ground truth of {", ".join(truth) or "nothing"}: boxes of both, rgb or '
                     'thermal are needed')


def _prepared(results: ArrayLike, truth: ArrayLike, convention: Convention,
              ) -> tuple[Floats, Floats]:
    got, true = (boxes.copy() for boxes in paired(results, truth))
    if convention.like_rgbt:
        with np.errstate(over='ignore'):
            got, true = got.round().astype(np.float32), true.astype(np.float32)
    if convention.first_frame == 'given':
        got[:1] = true[:1]
    if convention.repeat_invalid:
        valid = (got[:, 2:] > 0).all(axis=1) & np.isfinite(got).all(axis=1)
        valid[:1] = True
        got = got[np.maximum.accumulate(np.where(valid, np.arange(len(got)), 0))]
    return got, true


def _measured(got: Floats, true: Floats, convention: Convention) -> tuple[Floats, Floats, Floats]:
    pairs = cleaned(got, true)
    ious = overlaps_of(pairs)
    pixels = center_errors_of(pairs)
    sides = (separate_errors_of(pairs) if convention.like_rgbt
             else center_errors_of(pairs, normalized=True))
    if convention.zero_is_absent:
        absent = (true <= 0).any(axis=1)
        for values in (ious, pixels, sides):
            values[absent] = -1
    return ious, pixels, sides


def _kept(ious: Floats, use: ArrayLike | None, convention: Convention) -> NDArray[np.bool_]:
    keep: NDArray[np.bool_] = np.asarray(np.isfinite(ious).any(axis=0))
    if convention.first_frame == 'left out':
        keep[:1] = False
    if use is not None:
        mask = np.asarray(use, bool)
        if mask.shape != keep.shape:
            raise InputError(f'flags have {mask.size} frames, the ground truth has {keep.size}')
        keep &= mask
    return keep


def _no_curves() -> Curves:
    return Curves(np.full(21, np.nan), np.full(51, np.nan), np.full(51, np.nan), 0)


def _index(thresholds: Floats, value: float) -> int:
    return int(np.abs(thresholds - value).argmin())


def _share(hits: NDArray[np.bool_]) -> Floats:
    return np.asarray(hits.mean(axis=1), np.float64)
