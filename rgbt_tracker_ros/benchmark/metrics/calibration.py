# SPDX-License-Identifier: Apache-2.0
"""How well a score tells the chance that the box is right, and the fit that mends it.

A score is calibrated when of all frames with a score near p the share p is right (IoU > 0.5). What
is fitted is a line over the log odds, confidence = sigmoid(scale * logit(score) + bias), which is
Platt's scaling: it keeps the order of scores, and a few thousand frames determine its two
numbers well.
"""
from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RIGHT_IOU = 0.5
BINS = 10

LEAST_SCALE, MOST_SCALE = 0.01, 100.0
"""Bounds of the scale: a confidence rises with the score."""

_EDGE = 1e-6
"""A score nearer to 0 or 1 than this is taken as being so near."""

_PULL = 0.1
_STEPS = 100


class Line(NamedTuple):
    """A calibration: confidence = sigmoid(scale * logit(score) + bias)."""

    scale: float = 1.0
    bias: float = 0.0

    def after(self, before: Line) -> Line:
        """Return the one line that does what `before` and then this one do."""
        return Line(self.scale * before.scale, self.scale * before.bias + self.bias)


class Bin(NamedTuple):
    """Frames with scores of `low` to `high`: their mean score, share right, and number."""

    low: float
    high: float
    confidence: float
    right: float
    frames: int


def diagram(confidence: Floats, right: Bools, bins: int = BINS) -> list[Bin]:
    """Return the bars of a reliability diagram, of equal width; bins without frames are left out.

    Parameters
    ----------
    confidence
        N scores, 0..1.
    right
        N booleans.
    bins
        How many.

    """
    which = np.clip((confidence * bins).astype(int), 0, bins - 1)
    return [Bin(index / bins, (index + 1) / bins, float(confidence[inside].mean()),
                float(right[inside].mean()), int(inside.sum()))
            for index in range(bins) if (inside := which == index).any()]


def expected_error(confidence: Floats, right: Bools, bins: int = BINS) -> float:
    """Return the expected calibration error (ECE): mean gap of confidence and share right, 0..1.

    Each bin weighs as many frames as it has; nan without frames.
    """
    bars = diagram(confidence, right, bins)
    if not bars:
        return float('nan')
    return sum(bar.frames * abs(bar.confidence - bar.right) for bar in bars) / len(confidence)


def even_error(confidence: Floats, right: Bools, bins: int = BINS) -> float:
    """Return the calibration error over bins with equally many frames, in the order of scores.

    Most scores of a tracker are over 0.9, in one of the bins of `expected_error`; here they are
    told apart.
    """
    order = np.argsort(confidence, kind='stable')
    parts = [part for part in np.array_split(order, bins) if len(part)]
    if not parts:
        return float('nan')
    return float(sum(abs(confidence[part].mean() - right[part].mean()) * len(part)
                     for part in parts) / len(confidence))


def fit(raw: Floats, right: Bools) -> Line:
    """Return the logistic regression of `right` on logit(raw).

    Newton's method with halved steps and a slight pull towards scale 1 and bias 0, so that few,
    equal or separable scores give finite values too. Where wrong boxes score higher than right
    ones, the scale is LEAST_SCALE.
    """
    features = np.stack([_logit(raw), np.ones(len(raw))], 1)
    start = np.array(Line())
    weights = start.copy()

    def loss(at: Floats) -> float:
        odds = features @ at
        return float((np.logaddexp(0, odds) - right * odds).sum()
                     + _PULL / 2 * ((at - start) ** 2).sum())

    for _ in range(_STEPS):
        chance = _sigmoid(features @ weights)
        slope = features.T @ (chance - right) + _PULL * (weights - start)
        bend = (features * (chance * (1 - chance))[:, None]).T @ features + _PULL * np.eye(2)
        step = np.linalg.solve(bend, slope)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > _EDGE:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() <= _EDGE:
            break
    scale, bias = weights.tolist()
    return Line(min(max(scale, LEAST_SCALE), MOST_SCALE), bias)


def recalibrated(score: Floats, line: Line) -> Floats:
    """Return the scores on another line; a score of 0, which no peak has given, stays 0."""
    return np.where(score > 0, _sigmoid(line.scale * _logit(score) + line.bias), 0.0)


def refit(score: Floats, right: Bools) -> Line:
    """Return the line that calibrates published scores, of which those of 0 stay 0."""
    given = score > 0
    return fit(score[given], right[given])


def held_out(scores: Sequence[Floats], right: Sequence[Bools], tracks: Sequence[Hashable],
             ) -> list[Floats]:
    """Return the scores of each run, calibrated on the runs of all other tracks.

    Parameters
    ----------
    scores, right
        Of each run.
    tracks
        What each run is of: runs of one track are left out together.

    """
    result: list[Floats] = []
    for score, track in zip(scores, tracks, strict=True):
        others = [index for index, other in enumerate(tracks) if other != track]
        line = Line()
        if others:
            line = refit(np.concatenate([scores[index] for index in others]),
                         np.concatenate([right[index] for index in others]))
        result.append(recalibrated(score, line))
    return result


def _sigmoid(odds: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -odds)))


def _logit(score: Floats) -> Floats:
    inside = np.clip(score, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))
