# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker evaluate --corrupt`: what each corruption costs, as table, JSON and picture."""
from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation


def report_robustness(results: Mapping[str, Evaluation], facts: Mapping[str, Any],
                      json_file: Path | None, picture: Path | None) -> None:
    """Show the robustness of a tracker, and write and draw it where asked.

    Parameters
    ----------
    results
        See `robustness.robustness_report`.
    facts
        What was run, for example model and modality.
    json_file, picture
        Files to write.

    """
    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.benchmark.robustness import CLEAN, robustness_report
    from rgbt_tracker_ros.cli.console import warn

    for note in results[CLEAN].scores.notes:
        warn(note)
    for label, result in results.items():
        for fault in result.scores.left_out.values():
            warn(f'{label}: left out: {fault}')
    report = {**facts, **robustness_report(results)}
    _show(report)
    if json_file is not None:
        write_json(json_file, report)
    if picture is not None:
        from rgbt_tracker_ros.benchmark.robustness_picture import draw

        draw(report, picture)


def _show(report: Mapping[str, Any]) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    clean, *rows = report['rows']
    table = Table(title=f'{report["dataset"]}, {report["model"]}, {report["modality"]}, seed '
                  f'{report["seed"]}')
    table.add_column('corruption', no_wrap=True)
    for name in ('level', 'SR', 'drop', 'PR', 'NPR', 'lost %'):
        table.add_column(name, justify='right')
    table.add_row(clean['corruption'], '', *_cells(clean), style='bold')
    for name, group in groupby(rows, lambda row: str(row['corruption'])):
        table.add_section()
        for number, row in enumerate(group):
            table.add_row('' if number else name, f'{row["level"]:g} {row["unit"]}', *_cells(row))
    console().print(table)


def _cells(row: Mapping[str, Any]) -> list[str]:
    drop = f'{row["sr_drop"]:+.3f}' if 'sr_drop' in row else ''
    return [f'{row["sr"]:.3f}', drop, f'{row["pr"]:.3f}', f'{row["npr"]:.3f}',
            f'{100 * row["lost"]:.1f}']
