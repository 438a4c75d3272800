# SPDX-License-Identifier: Apache-2.0
"""The LOST threshold out of what a wrong box costs, and what it is worth on judged frames.

A published box is worth 1 when it is right and costs c when it is wrong; the box of a LOST target
is not published, which is worth 0. With a score p that is the chance to be right, publishing is
worth p - c (1 - p), which is over 0 from p = c / (1 + c) on.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.judged import Judged
from rgbt_tracker_ros.settings import TargetSettings
from rgbt_tracker_ros.tracking.result import State
from rgbt_tracker_ros.tracking.target_state import TargetState

THRESHOLDS = tuple(number / 20 for number in range(1, 20))


class Worth(NamedTuple):
    """What a threshold is worth: shares of all frames that count, and their worth in the mean."""

    threshold: float
    worth: float
    published_wrong: float
    withheld_right: float


def lost_threshold(wrong_cost: float) -> float:
    """Return the chance to be right under which a box costs more than it is worth."""
    return wrong_cost / (1.0 + wrong_cost)


def worths(runs: Sequence[Judged], settings: TargetSettings, wrong_cost: float) -> list[Worth]:
    """Return what each of THRESHOLDS is worth on frames that were tracked with one of them.

    The scores are taken as they are: that a tracker which believes its target lost looks
    elsewhere for it is not part of this.

    Parameters
    ----------
    runs
        With calibrated scores.
    settings
        Of the target state, but for the two thresholds: a target is found again at the same
        score, or at `found_threshold` where that is higher.
    wrong_cost
        What a wrong box costs, in right ones.

    """
    counts = np.concatenate([run.counts for run in runs])
    right = np.concatenate([run.right for run in runs])[counts]
    found = []
    for threshold in THRESHOLDS:
        one = replace(settings, lost_threshold=threshold,
                      found_threshold=max(threshold, settings.found_threshold))
        shown = np.concatenate([_published(run.scores, one) for run in runs])[counts]
        wrong = float((shown & ~right).mean())
        found.append(Worth(threshold, float((shown & right).mean()) - wrong_cost * wrong, wrong,
                           float((~shown & right).mean())))
    return found


def _published(scores: NDArray[np.float64], settings: TargetSettings) -> NDArray[np.bool_]:
    state = TargetState(settings)
    state.start()
    return np.array([state.update(score) is State.TRACKING for score in scores.tolist()], bool)
