# SPDX-License-Identifier: Apache-2.0
"""Which frames of a tracked sequence were right, beside the scores that the tracker gave them."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.groundtruth import Truth
from rgbt_tracker_ros.benchmark.metrics import FOLDER, Convention, overlaps
from rgbt_tracker_ros.benchmark.metrics.calibration import (
    RIGHT_IOU,
    Bools,
    Floats,
    diagram,
    even_error,
    expected_error,
)
from rgbt_tracker_ros.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One tracked sequence, frame by frame.

    Attributes
    ----------
    name
        Of the sequence.
    scores
        N scores, 0..1, as published.
    right
        N booleans: the target was seen, and the box had an IoU over 0.5 with it.
    counts
        N booleans: it is known whether the box was right, and the box was not given.

    """

    name: str
    scores: Floats
    right: Bools
    counts: Bools


def judge(truth: Truth, boxes: NDArray[np.float64], scores: Floats,
          convention: Convention = FOLDER) -> Judged:
    """Judge each frame but the first, whose box was given.

    Frames in which the target is hidden (flagged) or absent (no box, or one without sides) count:
    no box is right there, and a calibrated score says so. Frames that a benchmark has not
    annotated (nan) do not count.

    Parameters
    ----------
    truth
        Of the sequence.
    boxes, scores
        The tracker's, frame by frame.
    convention
        Of the benchmark; with several truths the best one counts.

    Raises
    ------
    InputError
        If there is not one score for each box, or a score is not in 0..1.

    """
    if len(scores) != len(boxes) or not ((scores >= 0) & (scores <= 1)).all():
        raise InputError(f'{truth.name}: a score in 0..1 is needed for each box, found '
                         f'{len(scores)} for {len(boxes)}: evaluate it again')
    truth = truth.first(len(boxes))
    cameras = list(truth.boxes.values())
    if not convention.best_of_truths:
        cameras = [next(truth.boxes[camera] for camera in ('both', 'rgb', 'thermal')
                        if camera in truth.boxes)]
    ious = np.array([overlaps(boxes, one) for one in cameras])
    known = np.isfinite(ious).any(axis=0)
    sized = np.any([(one[:, 2:] > 0).all(axis=1) for one in cameras], axis=0)
    seen = known & sized & (True if truth.use is None else truth.use)
    # Own recordings and clips mark absence by nan, benchmarks what nobody has looked at.
    counts = known | (convention.name in (FOLDER.name, 'generated'))
    counts[:1] = False
    right = seen & (np.where(np.isfinite(ious), ious, 0.0).max(axis=0) > RIGHT_IOU)
    return Judged(truth.name, scores, right, counts)


def calibration_figures(runs: Iterable[Judged]) -> dict[str, Any] | None:
    """Return how well scores tell the chance to be right, ready for JSON; None without frames."""
    scores, right = pooled(runs)
    if not len(scores):
        return None
    return {'ece': expected_error(scores, right), 'ece_even': even_error(scores, right),
            'frames': len(scores),
            'mean_score': float(scores.mean()), 'right': float(right.mean()),
            'bins': [bar._asdict() for bar in diagram(scores, right)]}


def pooled(runs: Iterable[Judged]) -> tuple[Floats, Bools]:
    """Return the scores of all frames that count, and which of them were right."""
    found = [(run.scores[run.counts], run.right[run.counts]) for run in runs]
    return (np.concatenate([np.zeros(0), *(scores for scores, _ in found)]),
            np.concatenate([np.zeros(0, bool), *(right for _, right in found)]))
