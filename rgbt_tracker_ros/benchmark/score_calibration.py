# SPDX-License-Identifier: Apache-2.0
"""Calibrates a model's score on what it does while it tracks: whole sequences, judged by frame."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
from rgbt_tracker_ros.benchmark.groundtruth import dataset_truth
from rgbt_tracker_ros.benchmark.judged import Judged, calibration_figures, judge, pooled
from rgbt_tracker_ros.benchmark.metrics import CONVENTIONS, FOLDER, track_curves
from rgbt_tracker_ros.benchmark.metrics.calibration import (
    Line,
    expected_error,
    held_out,
    refit,
)
from rgbt_tracker_ros.benchmark.protocol.executors import Executor
from rgbt_tracker_ros.benchmark.protocol.job import make_job
from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import Settings

GOOD = 0.05
"""Calibration error with which no further round is tried."""

_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Material:
    """Sequences to calibrate on, and the cameras that are used (`Job.modality`)."""

    name: str
    dataset: Dataset
    modality: str

    @property
    def frames(self) -> int:
        """Return how many there are to track."""
        return sum(map(len, self.dataset.sequences))


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """A sequence of a material as it was tracked.

    Attributes
    ----------
    material
        Its name.
    track
        What it is of; the same for all materials that show it.
    judged
        Its frames.
    sr
        Success rate, nan when no frame is scored.

    """

    material: str
    track: tuple[str, str]
    judged: Judged
    sr: float


class Improved(NamedTuple):
    """What was tracked before, what with the best calibration that was tried, and that one."""

    before: Sequence[Tracked]
    after: Sequence[Tracked]
    line: Line


def materials(datasets: Mapping[str, Dataset], modalities: Sequence[str]) -> list[Material]:
    """Return each dataset with all cameras, and where there are two with each one alone.

    Parameters
    ----------
    datasets
        By a name. Generated clips, in which either camera fails anyway, are taken with both.
    modalities
        Of `rgbt`, `rgb` and `thermal`.

    Raises
    ------
    InputError
        If nothing is left.

    """
    found = []
    for name, data in datasets.items():
        for modality in modalities:
            chosen = data.sequences
            if modality != 'rgbt':
                chosen = tuple(sequence for sequence in chosen if data.name != 'generated'
                               and sequence.rgb is not None and sequence.thermal is not None)
            label = name if modality == 'rgbt' else f'{name}, {modality} alone'
            if chosen:
                found.append(Material(label, replace(data, sequences=chosen), modality))
    if not found:
        raise InputError(f'--modality {",".join(modalities)}: there is no sequence for it: give '
                         'rgbt too')
    return found


def track(material: Sequence[Material], model: str | Path, settings: Settings,
          executor: Executor, on_frames: Callable[[int], None]) -> list[Tracked]:
    """Track all sequences of all materials and judge each frame.

    Raises
    ------
    InputError
        If a sequence cannot be tracked.
    ModelError
        If the model cannot be loaded.

    """
    runs: dict[str, SequenceRun] = {}
    for modality in dict.fromkeys(each.modality for each in material):
        waiting = [replace(sequence, name=_unique(each, sequence.name)) for each in material
                   if each.modality == modality for sequence in each.dataset.sequences]
        job = make_job(str(model), settings, modality)
        with closing(executor.run(job, waiting, on_frames)) as finished:
            for run in finished:
                if run.error:
                    raise InputError(f'{run.name}: {run.error}')
                runs[run.name] = run
    found = []
    for each in material:
        convention = CONVENTIONS.get(each.dataset.name, FOLDER)
        for sequence, truth in zip(each.dataset.sequences, dataset_truth(each.dataset),
                                   strict=True):
            run = runs[_unique(each, sequence.name)]
            curves = track_curves(run.boxes, truth.boxes, truth.use, convention)
            found.append(Tracked(
                each.name, (each.name.partition(',')[0], sequence.name),
                judge(truth, run.boxes, run.scores, convention), curves.scores(convention).sr))
    return found


def improve(track_with: Callable[[Line], Sequence[Tracked]], first: Line) -> Improved:
    """Fit a calibration to a tracker's scores, and measure it while it is tracked with.

    A second round follows when the error stays over GOOD: what is tracked depends on the
    calibration, since thresholds do.

    Parameters
    ----------
    track_with
        Tracks everything with a calibration.
    first
        The calibration there is.

    Raises
    ------
    InputError
        If no frame is annotated.

    """
    before = best = runs = track_with(first)
    line = trial = first
    least = _error(runs)
    if math.isnan(least):
        raise InputError('--dataset: no frame of it is annotated: give another one')
    for _ in range(_ROUNDS):
        trial = refit(*pooled(each.judged for each in runs)).after(trial)
        runs = track_with(trial)
        error = _error(runs)
        if error < least:
            best, line, least = runs, trial, error
        if error <= GOOD:
            break
    return Improved(before, best, line)


def held_out_error(tracked: Sequence[Tracked]) -> float:
    """Return the calibration error when each track is calibrated on the others."""
    judged = [each.judged for each in tracked]
    right = [run.right[run.counts] for run in judged]
    scores = held_out([run.scores[run.counts] for run in judged], right,
                      [each.track for each in tracked])
    return expected_error(np.concatenate(scores), np.concatenate(right))


def report(tracked: Sequence[Tracked]) -> dict[str, Any]:
    """Return the calibration of all frames and, by material, that and the mean SR, for JSON."""
    by_material: dict[str, list[Tracked]] = {}
    for each in tracked:
        by_material.setdefault(each.material, []).append(each)
    return {**(calibration_figures(each.judged for each in tracked) or {}), 'materials': {
        name: {**(calibration_figures(each.judged for each in group) or {}),
               'sr': _mean([each.sr for each in group]), 'sequences': len(group)}
        for name, group in by_material.items()}}


def _error(tracked: Sequence[Tracked]) -> float:
    return expected_error(*pooled(each.judged for each in tracked))


def _unique(material: Material, sequence: str) -> str:
    return f'{material.name}: {sequence}'


def _mean(values: list[float]) -> float | None:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else None
