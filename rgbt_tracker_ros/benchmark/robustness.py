# SPDX-License-Identifier: Apache-2.0
"""The robustness protocol: the same sequences again, with a corruption, and what it costs."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence
from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation
from rgbt_tracker_ros.benchmark.sources import FrameSource
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.synthetic.corruptions import KINDS, Corruption
from rgbt_tracker_ros.synthetic.patterns import Film

CLEAN = 'none'
"""How the sequences as they are count among the corruptions."""


class CorruptedSource:
    """A source whose frames are corrupted as they are read; see `FrameSource`.

    A frame that is missing is None, which `read_frames` passes on.

    Parameters
    ----------
    source
        The recording as it is.
    camera
        `rgb` or `thermal`.
    corruption
        What happens to it.
    film
        Name and length of the sequence.
    first
        Number of the sequence's first frame in the recording.

    """

    def __init__(self, source: FrameSource, camera: str, corruption: Corruption, film: Film,
                 first: int = 0) -> None:
        self.text, self.count, self.rate = source.text, source.count, source.rate
        self._source = source
        self._camera = camera
        self._corruption = corruption
        self._film = film
        self._first = first

    def frames(self, start: int = 0) -> Iterator[Any]:
        """Yield the frames from number `start` on, not before the sequence's first one."""
        frames = self._corruption.stream(self._camera, self._source.frames(self._first),
                                         self._film)
        return islice(frames, start - self._first, None)


def corrupted(dataset: Dataset, corruption: Corruption, seed: int = 0) -> Dataset:
    """Return the dataset with one corruption in all of its sequences."""
    return replace(dataset, sequences=tuple(
        _corrupted(sequence, corruption, seed) for sequence in dataset.sequences))


def robustness_report(results: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Return the scores and what each corruption costs, ready for JSON.

    Parameters
    ----------
    results
        By corruption, NAME:LEVEL, and CLEAN for the sequences as they are.

    Raises
    ------
    InputError
        If no frame is scored.

    """
    clean = _figures(results[CLEAN])
    rows = [{'corruption': CLEAN, 'level': 0.0, 'unit': '', 'text': 'the sequences as they are',
             **clean}]
    for label, result in results.items():
        if label == CLEAN:
            continue
        name, _, level = label.partition(':')
        figures = _figures(result)
        rows.append({'corruption': name, 'level': float(level), 'unit': KINDS[name].unit,
                     'text': KINDS[name].text, **figures,
                     'sr_drop': clean['sr'] - figures['sr'],
                     'pr_drop': clean['pr'] - figures['pr']})
    drops: dict[str, list[float]] = {}
    for row in rows[1:]:
        drops.setdefault(row['corruption'], []).append(row['sr_drop'])
    return {'rows': rows, 'mean_sr_drop': {name: sum(values) / len(values)
                                           for name, values in drops.items()}}


def _corrupted(sequence: Sequence, corruption: Corruption, seed: int) -> Sequence:
    film = Film(sequence.name, len(sequence), seed)

    def wrapped(source: FrameSource | None, camera: str) -> FrameSource | None:
        if source is None or camera not in corruption.kind.cameras:
            return source
        return CorruptedSource(source, camera, corruption, film, sequence.start)

    return replace(sequence, rgb=wrapped(sequence.rgb, 'rgb'),
                   thermal=wrapped(sequence.thermal, 'thermal'))


def mean_figures(result: Evaluation) -> dict[str, Any]:
    """Return the mean scores and the SR of each sequence, ready for JSON.

    Raises
    ------
    InputError
        If no frame is scored.

    """
    convention = result.scores.convention
    mean = result.scores.mean().scores(convention)
    if not mean.frames:
        raise InputError('nothing to compare: the target is hidden or absent in all frames but '
                         'the first of each sequence')
    return {'sr': mean.sr, 'pr': mean.pr, 'npr': mean.npr,
            'sr_by_sequence': {name: curves.scores(convention).sr
                               for name, curves in result.scores.curves.items() if curves.frames}}


def _figures(result: Evaluation) -> dict[str, Any]:
    runs = result.runs.values()
    return {**mean_figures(result), 'lost': sum(run.lost for run in runs) /
            sum(len(run.boxes) for run in runs)}
