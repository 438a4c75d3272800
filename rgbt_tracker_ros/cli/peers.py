# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker evaluate --peers`: the model and OpenCV's trackers in one table."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation


def report_peers(results: Mapping[str, Evaluation], facts: Mapping[str, Any],
                 json_file: Path | None) -> None:
    """Show the scores and the speed of several trackers, and write them where asked.

    Parameters
    ----------
    results
        By tracker.
    facts
        What was run, for example the dataset.
    json_file
        The file to write.

    """
    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.benchmark.latency import machine
    from rgbt_tracker_ros.benchmark.peers import figures
    from rgbt_tracker_ros.cli.console import warn

    for note in dict.fromkeys(note for item in results.values() for note in item.scores.notes):
        warn(note)
    rows = {name: figures(item) for name, item in results.items()}
    _show(rows, str(facts['dataset']))
    if json_file is not None:
        write_json(json_file, {**facts, 'trackers': rows, **machine()})


def _show(rows: Mapping[str, Mapping[str, Any]], title: str) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    table = Table(title=title)
    table.add_column('tracker', no_wrap=True)
    for name in ('SR', 'PR', 'NPR', 'ms', 'in all'):
        table.add_column(name, justify='right')
    for name, row in sorted(rows.items(), key=lambda item: -float(item[1]['sr'])):
        table.add_row(name, *(f'{row[key]:.3f}' for key in ('sr', 'pr', 'npr')),
                      f'{row["track_ms"]:.1f}', f'{row["frame_ms"]:.1f}')
    console().print(table)
    console().print('ms: median time of a frame in the tracker, one thread; in all: with camera '
                    'checks, thermal normalisation and registration', soft_wrap=True)
