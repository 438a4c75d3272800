# SPDX-License-Identifier: Apache-2.0
"""The figures of a report as CSV files, one row for each tracker and what it is scored on."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
import csv
import io

from rgbt_tracker_ros.benchmark.metrics import Scores
from rgbt_tracker_ros.benchmark.report.contest import Contest

_SCORES = ('sr', 'pr', 'npr', 'frames')


def csv_tables(contest: Contest) -> dict[str, str]:
    """Return `trackers`, `sequences` and `attributes` (if there are some); shares of 1."""
    rules, entries = contest.convention, contest.entries
    tables = {
        'trackers': _csv(('tracker', *_SCORES, 'fps', 'ece'), (
            (entry.name, *_cells(entry.mean), '' if entry.fps is None else f'{entry.fps:.3f}',
             '' if entry.calibration is None else f'{entry.calibration["ece"]:.6f}')
            for entry in entries)),
        'sequences': _csv(('sequence', 'tracker', *_SCORES), (
            (name, entry.name, *_cells(entry.scores.curves[name].scores(rules)))
            for name in contest.sequences for entry in entries))}
    if contest.attributes:
        tables['attributes'] = _csv(('attribute', 'sequences', 'tracker', *_SCORES), (
            (name, len(having), entry.name, *_cells(entry.over(having)))
            for name, having in sorted(contest.attributes.items()) for entry in entries))
    return tables


def _cells(scores: Scores) -> list[str]:
    return [*(f'{value:.6f}' for value in (scores.sr, scores.pr, scores.npr)), str(scores.frames)]


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator='\n')
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()
