# SPDX-License-Identifier: Apache-2.0
"""Scores by what happens in the frames: each event's frames alone, of all sequences that have any.

The tracker is not started again: what it lost in one event is missed in the next one, too.
"""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence
from rgbt_tracker_ros.benchmark.metrics import mean_curves, track_curves
from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation

AFTER = 'after hiding'
"""Name of the frames that follow when the target is seen again: was it found?"""

AFTER_S = 1.0
_RATE = 25.0
"""Of sequences that do not tell theirs, frames per second."""


def event_scores(dataset: Dataset, result: Evaluation) -> dict[str, dict[str, Any]]:
    """Return mean scores by event, ready for JSON; nothing where no sequence tells its events.

    A frame with two events counts for both. Each sequence counts once, with its frames of that
    event which are scored; those within AFTER_S after hidden ones count as AFTER, too.
    """
    rows: dict[str, dict[str, Any]] = {}
    convention = result.scores.convention
    tracked = [(sequence, _happening(sequence)) for sequence in dataset.sequences
               if sequence.events and sequence.name in result.runs]
    names = {name for _, events in tracked for name in events}
    for name in sorted(names, key=lambda name: (name != 'clear', name == AFTER, name)):
        curves = [track_curves(result.runs[sequence.name].boxes, sequence.truth,
                               sequence.use & events[name], convention)
                  for sequence, events in tracked if name in events]
        mean = mean_curves(curves, convention)
        if mean.frames:
            scores = mean.scores(convention)
            rows[name] = {'sr': scores.sr, 'pr': scores.pr, 'npr': scores.npr,
                          'frames': scores.frames,
                          'sequences': sum(item.frames > 0 for item in curves)}
    return rows


def _happening(sequence: Sequence) -> dict[str, NDArray[np.bool_]]:
    """Return in which frames there is each event, also AFTER."""
    sets = [text.split('+') for text in sequence.events]
    found = {name: np.array([name in each for each in sets])
             for name in {name for each in sets for name in each}}
    if not sequence.use.all():
        reach = max(round(AFTER_S * (sequence.fps or _RATE)), 1)
        hidden = np.concatenate([np.zeros(reach, bool), ~sequence.use])
        windows = np.lib.stride_tricks.sliding_window_view(hidden, reach + 1)
        found[AFTER] = np.asarray(windows.any(axis=1))
    return found
