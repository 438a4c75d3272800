# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker evaluate --peers`: models and OpenCV's trackers in one table."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
    from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation
    from rgbt_tracker_ros.benchmark.protocol.job import Job
    from rgbt_tracker_ros.settings import Settings


def report_peers(results: Mapping[Job, Evaluation], data: Dataset, facts: Mapping[str, Any],
                 settings: Settings, json_file: Path | None, picture: Path | None,
                 weights: Path | None) -> None:
    """Show the scores and the speed of several trackers, and write and draw them where asked.

    Parameters
    ----------
    results
        By what was run.
    data
        What was tracked.
    facts
        More of what was run.
    settings
        Those of the preparation of frames.
    json_file, picture
        The files to write.
    weights
        Folder of the graphs of networks among the peers.

    """
    from rgbt_tracker_ros.benchmark.event_scores import event_scores
    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.benchmark.latency import machine
    from rgbt_tracker_ros.benchmark.peers import PREFIX, missing_peers
    from rgbt_tracker_ros.benchmark.robustness import mean_figures
    from rgbt_tracker_ros.benchmark.turns import times_in_turns
    from rgbt_tracker_ros.cli.console import warn

    for note in dict.fromkeys(note for item in results.values() for note in item.scores.notes):
        warn(note)
    for kind, remedy in missing_peers(weights).items():
        warn(f'{PREFIX}{kind} is left out, it needs: {remedy}')
    times = times_in_turns(list(results), data, settings)
    rows = []
    for job, result in results.items():
        events = event_scores(data, result)
        rows.append({'tracker': Path(job.model).name, 'view': job.modality,
                     **mean_figures(result), 'ms': times.get(job),
                     **({'events': events} if events else {})})
    rows.sort(key=lambda row: -float(row['sr']))
    count = len(data.sequences)
    what = f'{count} sequence{"s" * (count > 1)}' if data.name == 'folder' else data.name
    title = ', '.join(filter(None, (what, str(facts.get('variation', '')))))
    _show(rows, title)
    if json_file is not None:
        kept = ('dataset', 'split', 'variation')
        write_json(json_file, {**{key: facts[key] for key in kept if key in facts},
                               'trackers': rows, **machine()})
    if picture is not None:
        from rgbt_tracker_ros.benchmark.peers_picture import draw_success

        draw_success({(Path(job.model).name, job.modality): result
                      for job, result in results.items()}, title, picture)


def _show(rows: list[dict[str, Any]], title: str) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    table = Table(title=title)
    for name in ('tracker', 'sees'):
        table.add_column(name, no_wrap=True)
    for name in ('SR', 'PR', 'NPR', 'ms'):
        table.add_column(name, justify='right')
    for row in rows:
        table.add_row(row['tracker'], row['view'],
                      *(f'{row[key]:.3f}' for key in ('sr', 'pr', 'npr')),
                      '' if row['ms'] is None else f'{row["ms"]:.1f}')
    console().print(table)
    console().print('ms: median time of a frame in the tracker, one thread; all took turns on the '
                    'same frames', soft_wrap=True)
