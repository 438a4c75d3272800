# SPDX-License-Identifier: Apache-2.0
"""Scores as a table on the screen and as a JSON file."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rgbt_tracker_ros.benchmark.benchmark_scores import BenchmarkScores
    from rgbt_tracker_ros.benchmark.metrics import Curves, Scores

Report = dict[str, Any]
_COLUMNS = {'mean_score': ('score', '.2f'), 'lost_frames': ('lost', 'd'),
            'ms_per_frame': ('ms', '.1f')}


def make_report(scores: Mapping[str, Scores], facts: Mapping[str, Any] | None = None,
                extras: Mapping[str, Mapping[str, float]] | None = None) -> Report:
    """Return scores per track and their mean, ready for JSON.

    Parameters
    ----------
    scores
        Per track name.
    facts
        What was run, for example model and modality.
    extras
        Further figures per track name.

    """
    from rgbt_tracker_ros.benchmark.metrics import mean_scores

    extras = extras or {}
    return {
        **(facts or {}),
        'tracks': {name: _finite(asdict(item)) | dict(extras.get(name, {}))
                   for name, item in scores.items()},
        'mean': _finite(asdict(mean_scores(list(scores.values()))))}


def benchmark_report(scores: BenchmarkScores, facts: Mapping[str, Any]) -> Report:
    """Return the scores over a benchmark, ready for JSON: shares of 1, and the curves.

    Parameters
    ----------
    scores
        What was measured.
    facts
        What was scored, for example dataset and results.

    """
    from rgbt_tracker_ros.benchmark.metrics import NORMALIZED_THRESHOLDS, SUCCESS_THRESHOLDS

    convention, mean = scores.convention, scores.mean()

    def figures(curves: Curves) -> dict[str, Any]:
        return _finite({**asdict(curves.scores(convention)), 'npr_area': curves.npr_area})

    return {
        **facts, 'convention': asdict(convention), 'mean': figures(mean),
        'sequences': len(scores.curves), 'left_out': dict(scores.left_out),
        'notes': list(scores.notes),
        'attributes': {name: figures(scores.mean(having)) | {'sequences': len(having)}
                       for name, having in sorted(scores.attributes.items())},
        'tracks': {name: figures(curves) for name, curves in scores.curves.items()},
        'curves': {
            'overlap': SUCCESS_THRESHOLDS.tolist(), 'success': _listed(mean.success),
            'pixels': convention.pixel_thresholds.tolist(), 'precision': _listed(mean.precision),
            'sides': NORMALIZED_THRESHOLDS.tolist(), 'normalized': _listed(mean.normalized)}}


def show_report(report: Report, title: str) -> None:
    """Print a report as a table."""
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    rows = report['tracks']
    extras = [key for key in _COLUMNS if any(key in row for row in rows.values())]
    table = Table(title=title)
    table.add_column('track')
    for name in ('SR', 'PR@20', 'NPR', 'frames', *(_COLUMNS[key][0] for key in extras)):
        table.add_column(name, justify='right')
    for name, row in rows.items():
        table.add_row(name, *_cells(row), *(format(row[key], _COLUMNS[key][1]) for key in extras))
    table.add_section()
    table.add_row('mean', *_cells(report['mean']), style='bold')
    console().print(table)


def show_events(rows: Mapping[str, Mapping[str, Any]], title: str) -> None:
    """Print scores by event; see `event_scores`."""
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    table = Table(title=f'{title}, by event')
    table.add_column('event')
    for name in ('SR', 'PR@20', 'NPR', 'frames', 'sequences'):
        table.add_column(name, justify='right')
    for name, row in rows.items():
        table.add_row(name, *(f'{row[key]:.3f}' for key in ('sr', 'pr', 'npr')),
                      str(row['frames']), str(row['sequences']))
    console().print(table)


def show_benchmark(scores: BenchmarkScores, title: str, attributes: bool = False) -> None:
    """Print the mean over a benchmark in per cent, as papers do, and those by attribute."""
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    total = len(scores.curves) + len(scores.left_out)
    table = Table(title=title if not scores.left_out else
                  f'{title}: ONLY {len(scores.curves)} OF {total} SEQUENCES')
    table.add_column('sequences')
    for name in (*scores.convention.labels, 'frames'):
        table.add_column(name, justify='right')
    rows = {'all': list(scores.curves)}
    if attributes:
        rows |= {name: list(scores.attributes[name]) for name in sorted(scores.attributes)}
    for name, having in rows.items():
        mean = scores.mean(having).scores(scores.convention)
        table.add_row(f'{name} ({len(having)})', *(
            f'{100 * value:.1f}' for value in (mean.pr, mean.npr, mean.sr)), str(mean.frames))
    console().print(table)


def _listed(curve: NDArray[np.float64]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in curve.tolist()]


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with None for nan, which JSON does not know."""
    return {name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in values.items()}


def _cells(row: Mapping[str, Any]) -> list[str]:
    shown = ['-' if row[name] is None else f'{row[name]:.3f}' for name in ('sr', 'pr', 'npr')]
    return [*shown, str(row['frames'])]
