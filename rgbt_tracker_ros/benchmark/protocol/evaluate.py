# SPDX-License-Identifier: Apache-2.0
"""Evaluates a tracker over a dataset: tracks what is not done yet, keeps it, and scores all."""
from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from rgbt_tracker_ros.benchmark.benchmark_scores import BenchmarkScores, by_attribute
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
from rgbt_tracker_ros.benchmark.groundtruth import dataset_truth
from rgbt_tracker_ros.benchmark.judged import calibration_figures, judge
from rgbt_tracker_ros.benchmark.metrics import CONVENTIONS, FOLDER, track_curves
from rgbt_tracker_ros.benchmark.protocol.executors import Executor
from rgbt_tracker_ros.benchmark.protocol.job import Job
from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun
from rgbt_tracker_ros.benchmark.protocol.store import ResultStore
from rgbt_tracker_ros.errors import InputError

_LISTED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """A tracker's results on a dataset.

    Attributes
    ----------
    runs
        By sequence, in the dataset's order.
    scores
        Of these, with the notes on what was left out or done again.
    calibration
        How well the tracker's scores tell whether a box is right; see
        `judged.calibration_figures`.

    """

    runs: dict[str, SequenceRun]
    scores: BenchmarkScores
    calibration: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """Is told how an evaluation goes on.

    Attributes
    ----------
    begin
        Called once with the number of sequences and frames that are to be tracked, and of those
        that are finished already.
    frames
        Called with the number of frames that were tracked since the last call.
    sequence
        Called when a sequence is done.

    """

    begin: Callable[[int, int, int], None] = lambda sequences, frames, finished: None
    frames: Callable[[int], None] = lambda count: None
    sequence: Callable[[SequenceRun], None] = lambda run: None


def evaluate(dataset: Dataset, job: Job, store: ResultStore, executor: Executor,
             allow_missing: bool = False, watch: Watch | None = None) -> Evaluation:
    """Evaluate a tracker.

    Parameters
    ----------
    dataset
        What to track.
    job
        The tracker.
    store
        Keeps results; sequences that are finished there are not tracked again.
    executor
        Tracks the others.
    allow_missing
        Leave out sequences whose data are damaged, and say so.
    watch
        Is told the progress.

    Raises
    ------
    InputError
        If data are damaged; all other sequences are finished then.
    ModelError
        If the model cannot be loaded.

    """
    watch = watch or Watch()
    runs = {sequence.name: store.load(sequence) for sequence in dataset.sequences}
    waiting = [sequence for sequence in dataset.sequences if runs[sequence.name] is None]
    watch.begin(len(waiting), sum(map(len, waiting)), len(runs) - len(waiting))
    failed: dict[str, str] = {}
    # Closed also when a result cannot be written: no worker goes on then.
    with closing(executor.run(job, waiting, watch.frames)) as finished:
        for run in finished:
            if run.error:
                failed[run.name] = run.error
            else:
                store.save(run)
                runs[run.name] = run
            watch.sequence(run)
    if failed and (not allow_missing or len(failed) == len(runs)):
        raise InputError(_refusal(failed))
    done = {name: run for name, run in runs.items() if run is not None}
    truths = dataset_truth(dataset)
    convention = CONVENTIONS.get(dataset.name, FOLDER)
    notes = [*dataset.notes, *store.notes]
    if convention.name != dataset.name:
        notes.append(f'{dataset.name} has no rules of its own here: it is scored as a folder is')
    curves = {truth.name: track_curves(done[truth.name].boxes, truth.boxes, truth.use, convention)
              for truth in truths if truth.name in done}
    return Evaluation(done, BenchmarkScores(
        convention, curves, by_attribute(truths, curves),
        {**dataset.left_out, **failed}, notes), calibration_figures(
            judge(truth, done[truth.name].boxes, done[truth.name].scores, convention)
            for truth in truths if truth.name in done))


def _refusal(failed: dict[str, str]) -> str:
    told = [f'{name} ({error})' for name, error in sorted(failed.items())]
    more = f' and {len(told) - _LISTED} more' if len(told) > _LISTED else ''
    return (f'{len(told)} sequences could not be tracked: {"; ".join(told[:_LISTED])}{more}: the '
            'others are finished; mend the data and start again, or leave them out by '
            '--allow-missing')
