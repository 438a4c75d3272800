# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker benchmark --sync`: our synchroniser beside those of message_filters."""
from __future__ import annotations

from importlib.util import find_spec
import os
from pathlib import Path
from typing import Any

from rgbt_tracker_ros.settings import SyncSettings

_SEED = 0
_SECONDS = 20.0
_RIVALS_NEED = ('message_filters', 'rclpy', 'std_msgs', 'builtin_interfaces')


def benchmark_sync(settings: SyncSettings, json_file: Path | None,
                   picture: Path | None) -> None:
    """Compare synchronisers on the same stamps; show the figures, write and draw them."""
    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.benchmark.latency import machine
    from rgbt_tracker_ros.benchmark.sync_benchmark import Nearest, compare
    from rgbt_tracker_ros.benchmark.sync_scenarios import scenarios
    from rgbt_tracker_ros.cli.console import progress, warn

    makers: dict[str, Any] = {'nearest': Nearest}
    missing = [name for name in _RIVALS_NEED if find_spec(name) is None]
    if missing:
        warn(f'{", ".join(missing)} not installed: only our own synchroniser is measured; source '
             'a ROS 2 installation for the others')
    else:
        from rgbt_tracker_ros.ros.sync_rivals import RIVALS

        makers |= RIVALS
    cases = scenarios(_SEED, _SECONDS)
    report = {
        'seed': _SEED, 'seconds': _SECONDS, 'ros_distro': os.environ.get('ROS_DISTRO', ''),
        'settings': {'slop': settings.slop, 'queue': settings.queue, 'timeout': settings.timeout,
                     'unpaired': settings.unpaired, 'jump': settings.jump},
        'scenarios': compare(makers, settings, progress(cases, 'synchronising', len(cases))),
        **machine()}
    if json_file is not None:
        write_json(json_file, report)
    if picture is not None:
        from rgbt_tracker_ros.benchmark.sync_picture import draw

        draw(report, picture)
    _show(report)


def _show(report: dict[str, Any]) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    table = Table(title=f'{report["seconds"]:g} s of stamps each, seed {report["seed"]}, slop '
                  f'{1000 * report["settings"]["slop"]:g} ms')
    table.add_column('scenario', no_wrap=True)
    for name in ('pairs', 'wrong', 'alone', '|dt| mean', 'max', 'back ms', 'wait', 'us'):
        table.add_column(name, justify='right')
    for row in report['scenarios']:
        best = row['possible']
        table.add_section()
        table.add_row(row['scenario'], _number(best['pairs']), '', '', _number(best['mean_dt_ms']),
                      _number(best['max_dt_ms']), style='bold')
        for name, figures in row['synchronizers'].items():
            table.add_row(f'  {name}', *(_number(figures[key]) for key in (
                'pairs', 'wrong', 'alone', 'mean_dt_ms', 'max_dt_ms', 'recovery_ms',
                'mean_wait_frames', 'us_per_frame')))
    console().print(table)
    console().print('bold: what knowing all frames beforehand could give; wrong: frames of '
                    'different moments; back: time to the first pair after a fault; wait: frames '
                    'that a pair is held back; us: processor time per frame')
    console().print(f'{report["cpu"]}, {report["usable_cores"]} cores', soft_wrap=True)


def _number(value: float | None) -> str:
    if value is None:
        return ''
    return str(value) if isinstance(value, int) else f'{value:.1f}'
