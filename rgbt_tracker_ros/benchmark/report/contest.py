# SPDX-License-Identifier: Apache-2.0
"""Trackers over one benchmark, scored on the same sequences and ranked."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rgbt_tracker_ros.benchmark.benchmark_scores import BenchmarkScores, score_benchmark
from rgbt_tracker_ros.benchmark.groundtruth import Truth
from rgbt_tracker_ros.benchmark.logged_scores import logged_calibration
from rgbt_tracker_ros.benchmark.metrics import Convention, Curves, Scores
from rgbt_tracker_ros.benchmark.results import open_results
from rgbt_tracker_ros.errors import InputError

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One tracker.

    Attributes
    ----------
    name
        As the user calls it, printable.
    place
        Folder or archive of its box files.
    scores
        Over the sequences that all trackers have.
    fps
        Frames per second it was measured at, None when nobody tells.
    calibration
        How well its scores tell whether a box is right, over all sequences that have logs; see
        `judged.calibration_figures`. None without logs.

    """

    name: str
    place: str
    scores: BenchmarkScores
    fps: float | None = None
    calibration: Mapping[str, Any] | None = None

    @property
    def curves(self) -> Curves:
        """Return the mean curves over the sequences."""
        return self.scores.mean()

    @property
    def mean(self) -> Scores:
        """Return the mean scores over the sequences."""
        return self.curves.scores(self.scores.convention)

    @property
    def speed(self) -> str:
        """Return the frames per second in words, - when nobody tells."""
        if self.fps is None:
            return '-'
        return f'{self.fps:.1f}' if self.fps < 100 else f'{self.fps:.0f}'

    def over(self, sequences: Sequence[str]) -> Scores:
        """Return the mean scores over some sequences."""
        return self.scores.mean(sequences).scores(self.scores.convention)


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """Trackers over one benchmark.

    Attributes
    ----------
    dataset
        Name of the benchmark.
    convention
        Its rules.
    entries
        The trackers, the one with the highest SR first.
    sequences
        What they are scored on, in the dataset's order.
    attributes
        Names of the sequences that have an attribute, by attribute.
    left_out
        Why a sequence is not scored, by sequence.
    notes
        What else the reader should know.

    """

    dataset: str
    convention: Convention
    entries: tuple[Entry, ...]
    sequences: tuple[str, ...]
    attributes: Mapping[str, Sequence[str]]
    left_out: Mapping[str, str]
    notes: tuple[str, ...] = ()


def hold_contest(dataset: str, places: Mapping[str, Path], truths: Sequence[Truth],
                 convention: Convention, allow_missing: bool = False,
                 speeds: Mapping[str, float] | None = None) -> Contest:
    """Score trackers on the same sequences and rank them.

    Parameters
    ----------
    dataset
        Name of the benchmark.
    places
        Folder or archive of the box files, by tracker.
    truths
        Ground truth of all sequences.
    convention
        Rules of the benchmark.
    allow_missing
        Leave out, for all trackers, what one of them lacks.
    speeds
        Frames per second by tracker; without, the times beside the box files tell.

    Raises
    ------
    InputError
        If results do not fit, trackers share no sequence, a speed is of no tracker, or a log is
        torn.

    """
    given = dict(speeds or {})
    for name in given:
        if name not in places:
            raise InputError(f'--fps {name}: no such tracker: give one of {", ".join(places)}')
    scored: dict[str, BenchmarkScores] = {}
    found: dict[str, float | None] = {}
    folders: dict[str, Path] = {}
    left_out: dict[str, str] = {}
    notes: list[str] = []
    for name, path in places.items():
        files = open_results(path)
        scored[name] = score_benchmark(files, truths, convention, allow_missing=allow_missing)
        notes += [note for note in scored[name].notes if note not in notes]
        for sequence, fault in scored[name].left_out.items():
            left_out.setdefault(sequence, f'{name}: {fault}')
        for sequence, curves in scored[name].curves.items():
            if not curves.frames:
                left_out.setdefault(sequence, f'{sequence}: no frame of it counts')
        folders[name] = Path(files.place)
        found[name] = given.get(name) or measured_speed(folders[name])
    common = tuple(truth.name for truth in truths if truth.name not in left_out)
    if not common:
        raise InputError('--results: there is no sequence for which all trackers have boxes: '
                         'give fewer trackers')
    shared = [truth for truth in truths if truth.name not in left_out]
    entries = tuple(Entry(name, str(places[name]), _only(scores, common), found[name],
                          logged_calibration(folders[name], shared, convention))
                    for name, scores in scored.items())
    return Contest(dataset, convention, tuple(sorted(entries, key=_rank)), common,
                   entries[0].scores.attributes, left_out, tuple(notes))


def measured_speed(folder: Path) -> float | None:
    """Return the frames per second that `times/*_time.txt` beside box files tell.

    That is where `evaluate` and GOT-10k's tool kit write the seconds of each frame.

    Raises
    ------
    InputError
        If such a file does not hold seconds.

    """
    frames, seconds = 0, 0.0
    for path in sorted(folder.glob('times/*_time.txt')):
        try:
            times = np.array(path.read_text(encoding='utf-8').replace(',', ' ').split(),
                             np.float64)
        except (OSError, ValueError) as error:
            raise InputError(f'{path}: one line of seconds per frame is needed: mend or remove '
                             'it') from error
        if not (np.isfinite(times).all() and (times >= 0).all()):
            raise InputError(f'{path}: seconds must be finite and not negative: mend or remove '
                             'it')
        frames += len(times)
        seconds += float(times.sum())
    return frames / seconds if seconds > 0 else None


def printable(text: str) -> str:
    """Return a name of a file as one line that can be shown anywhere."""
    shown = ''.join(letter if letter.isprintable() else '\N{REPLACEMENT CHARACTER}'
                    for letter in text)
    return shown if len(shown) <= LONGEST_NAME else shown[:LONGEST_NAME - 3] + '...'


def _only(scores: BenchmarkScores, sequences: Sequence[str]) -> BenchmarkScores:
    chosen = set(sequences)
    attributes = {name: [item for item in having if item in chosen]
                  for name, having in scores.attributes.items()}
    return replace(scores, curves={name: scores.curves[name] for name in sequences},
                   attributes={name: having for name, having in attributes.items() if having})


def _rank(entry: Entry) -> tuple[float, str]:
    return -entry.mean.sr, entry.name
