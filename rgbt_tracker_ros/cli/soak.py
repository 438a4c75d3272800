# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker soak`: the node under every fault of a robot, for as long as wanted."""
from __future__ import annotations

import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.cli import options

if TYPE_CHECKING:
    from rgbt_tracker_ros.ros.soak.history import History

_FAILED = 1
_INTERRUPTED = 130
_PLAIN_PERIOD_S = 30.0

_DOMAINS = range(215, 231) if sys.platform == 'linux' else range(71, 101)
"""ROS domains that nobody else uses during a long test; every port they need is free."""


def soak(
    minutes: Annotated[float, typer.Option(
        metavar='N', min=0.0, max=10000.0,
        help='How long; at least until each fault was there once, about two minutes.')] = 30.0,
    seed: Annotated[int, typer.Option(
        min=0, help='Another seed, another order of faults and another world.')] = 0,
    rate: Annotated[float, typer.Option(
        metavar='HZ', min=10.0, max=120.0, help='Frames per second of each camera.')] = 30.0,
    output: Annotated[Path, typer.Option(
        metavar='DIR', help='Folder for soak.json, soak.md, soak.png and logs/.')] = Path(
            'build/soak'),
    model: options.Model = 'unified_nano',
) -> None:
    """Let one fault after the other befall the node, and check every answer.

    Exit status 0 when all was as it must be, 1 when not: the report says what was not.
    """
    options.require_ros('soak')

    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.benchmark.latency import machine
    from rgbt_tracker_ros.inference.model_path import resolve
    from rgbt_tracker_ros.ros.processes import ros_environment

    name = resolve(model).name
    logs = output / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    environment = {**ros_environment(_DOMAINS[os.getpid() % len(_DOMAINS)]),
                   'ROS_LOG_DIR': str(logs.resolve() / 'ros')}
    # This process's own part of DDS lives in it, too.
    os.environ.update(environment)

    from rgbt_tracker_ros.ros.soak.report import in_words, make_report
    from rgbt_tracker_ros.ros.soak.session import soak as run
    from rgbt_tracker_ros.ros.soak.timeline import draw_timeline

    with _Display(60 * minutes) as display:
        history = run(environment, logs.resolve(), seconds=60 * minutes, seed=seed, rate=rate,
                      model=model, progress=display.show)
    report = make_report(history, {
        'rate': rate, 'seed': seed, **machine(), 'model': name,
        'command': f'rgbt-tracker soak --minutes {minutes:g} --seed {seed} --rate {rate:g}'})
    write_json(output / 'soak.json', report)
    draw_timeline(output / 'soak.png', history)
    (output / 'soak.md').write_text(in_words(report, 'soak.png'), encoding='utf-8')
    _print(report, output)
    if not report['passed']:
        raise typer.Exit(_INTERRUPTED if report['interrupted'] else _FAILED)


class _Display:
    """A progress bar on a terminal, else a line now and then."""

    def __init__(self, seconds: float) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from rgbt_tracker_ros.cli.console import error_console

        self._console = error_console()
        self._bar = Progress(
            BarColumn(), TimeElapsedColumn(), TextColumn('{task.description}'),
            console=self._console, disable=not self._console.is_terminal, transient=True)
        self._task = self._bar.add_task('starting', total=max(seconds, 1.0))
        self._due = 0.0
        self._told = 0

    def __enter__(self) -> _Display:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, history: History, seconds: float, what: str) -> None:
        """Show how far it is, and what is wrong as soon as it is."""
        from rgbt_tracker_ros.cli.console import warn

        for item in history.violations[self._told:]:
            warn(f'{item.at - history.begin:.1f} s, after {item.fault}: {item.text}')
        self._told = len(history.violations)
        text = f'fault {len(history.events) + 1}: {what}; {self._told} violations'
        self._bar.update(self._task, completed=seconds, description=text)
        if not self._console.is_terminal and seconds >= self._due:
            self._due = seconds + _PLAIN_PERIOD_S
            self._console.print(f'{seconds:.0f} s, {text}', soft_wrap=True)


def _print(report: dict[str, Any], output: Path) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console
    from rgbt_tracker_ros.ros.soak.report import figures

    table = Table(title=f'{report["seconds"] / 60:.1f} minutes, {len(report["events"])} faults',
                  show_header=False, title_justify='left')
    for name, value in figures(report):
        table.add_row(name, value)
    console().print(table)
    for item in report['violations']:
        console().print(f'{item["second"]:.1f} s, after {item["after"] or "the start"}: '
                        f'{item["what"]}', style='red', soft_wrap=True, markup=False)
    verdict = 'interrupted' if report['interrupted'] else \
        'passed' if report['passed'] else 'failed'
    console().print(f'{verdict}; in {output}/: soak.json, soak.md, soak.png, logs/',
                    soft_wrap=True)
