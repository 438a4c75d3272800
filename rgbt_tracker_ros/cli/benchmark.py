# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker benchmark`: how fast a model tracks on this machine."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from rgbt_tracker_ros.cli import options

_RATE = 30.0
_LEAST_SECONDS = 3.0


def benchmark(
    model: options.Model = 'unified_nano',
    backend: options.Backend = 'auto',
    frames: Annotated[int, typer.Option(
        metavar='N', min=1, max=100000, help='Pairs that are timed.')] = 200,
    ros: Annotated[bool, typer.Option(
        '--ros', help='Also time the node over ROS topics (needs rclpy).')] = False,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Figures with hardware, versions and command.')] = None,
    set_: options.Set = None,
) -> None:
    """Time every stage of tracking on generated 640x480 pairs."""
    settings = options.make_settings(set_, model, backend)

    from rgbt_tracker_ros.benchmark.latency import machine, measure, percentiles
    from rgbt_tracker_ros.cli.console import progress
    from rgbt_tracker_ros.cli.score_report import write_report
    from rgbt_tracker_ros.tracking.tracker import Tracker

    if ros:
        options.require_ros('--ros')
    tracker = Tracker.from_model(model, backend, settings)

    def with_progress(numbers: Iterator[int]) -> Iterator[int]:
        return progress(numbers, 'timing', frames)

    report: dict[str, Any] = {
        'model': tracker.bundle.name, 'backend': tracker.backend.name, 'frames': frames,
        'milliseconds': percentiles(measure(tracker, frames, with_progress)), **machine()}
    tracker.close()
    if ros:
        from rgbt_tracker_ros.ros.latency import measure as measure_node

        report['ros'] = measure_node(model, backend, seconds=max(frames / _RATE, _LEAST_SECONDS),
                                     rate=_RATE, settings=options.changed(settings))
    if json_file is not None:
        write_report(json_file, report)
    _show(report)


def _show(report: dict[str, Any]) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    table = Table(title=f'{report["model"]} by {report["backend"]}, {report["frames"]} pairs')
    table.add_column('stage')
    for name in ('mean', 'p50', 'p95', 'p99'):
        table.add_column(f'{name} ms', justify='right')
    for stage, row in report['milliseconds'].items():
        table.add_row(stage.replace('_', ' '), *(f'{value:.2f}' for value in row.values()),
                      style='bold' if stage == 'total' else '')
    console().print(table)
    if 'ros' in report:
        _show_node(report['ros'])
    console().print(f'{report["cpu"]}, {report["usable_cores"]} cores', soft_wrap=True)


def _show_node(node: dict[str, Any]) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    rows = {name: node[name] for name in ('latency_ms', 'backend_ms', 'overhead_ms')}
    table = Table(title=f'node at {node["rate"]:g} Hz: {node["pairs_per_s"]:.1f} pairs/s, '
                  f'{node["frames_dropped"]} of {node["frames_sent"]} dropped')
    table.add_column('from stamp to box')
    for name in next(iter(rows.values())):
        table.add_column(f'{name} ms', justify='right')
    for name, row in rows.items():
        table.add_row(name.removesuffix('_ms'), *(f'{value:.2f}' for value in row.values()))
    console().print(table)
