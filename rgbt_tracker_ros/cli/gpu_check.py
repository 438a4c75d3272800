# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker gpu-check`: every run time on this GPU, against the CPU and each other."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.gpu.report import Row
    from rgbt_tracker_ros.benchmark.gpu.tasks import Task

_SAME = ('format', 'machine.versions', 'machine.cpu', 'gpu', 'quick', 'bundle')


def gpu_check(
    output: Annotated[Path, typer.Option(
        metavar='OUT.json', help='The report; beside it comes OUT.md with its tables.')],
    family: Annotated[list[str] | None, typer.Option(
        metavar='NAME', help='Only this family; may be repeated.')] = None,
    bundle: Annotated[Path | None, typer.Option(
        metavar='DIR', help='This bundle in place of networks with random weights.')] = None,
    only: Annotated[list[str] | None, typer.Option(
        metavar='PART', help='Only tasks with this in their names, as in tensorrt or '
        '"model:unified:*"; may be repeated.')] = None,
    seconds: Annotated[float, typer.Option(
        metavar='S', min=1.0, help='All in all; the next run does what is left.')] = 540.0,
    task_seconds: Annotated[float, typer.Option(
        metavar='S', min=1.0, help='For one task, exports and builds included.')] = 240.0,
    work: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Keeps bundles and engines for the next run.',
        show_default='rgbt_tracker_ros/gpu_check in the cache folder')] = None,
    allow_cpu: Annotated[bool, typer.Option(
        '--allow-cpu', help='Without a GPU, run on the CPU what can.')] = False,
    quick: Annotated[bool, typer.Option(
        '--quick', help='Small networks and few calls: tries the command, not the GPU.')] = False,
) -> None:
    """Run all models in TensorRT, TensorRT-RTX, ONNX Runtime and PyTorch, as far as installed.

    Outputs are compared with float32 on the CPU; times come from CUDA events and from the host.
    Each task runs in a process of its own and fails alone. Run the command again to go on.
    """
    from rgbt_tracker_ros.benchmark.files import check_writable
    from rgbt_tracker_ros.benchmark.gpu.check import Budget, check
    from rgbt_tracker_ros.benchmark.gpu.machine import gpu_facts, machine_facts
    from rgbt_tracker_ros.benchmark.gpu.report import FORMAT, find
    from rgbt_tracker_ros.benchmark.gpu.tasks import plan
    from rgbt_tracker_ros.benchmark.gpu.work import Setting
    from rgbt_tracker_ros.cli.console import console, warn

    families = _families(family, bundle)
    check_writable({'--output': output})
    table = output.with_suffix('.md')
    if table == output:
        raise InputError(f'--output {output}: the tables would take its place: give OUT.json')
    check_writable({'tables of --output': table})
    gpu, reason = gpu_facts()
    if gpu is None and not allow_cpu:
        raise InputError(f'there is no GPU to check ({reason}): --allow-cpu runs on the CPU what '
                         'can')
    tasks = plan(families, only or (), networks=bundle is None and 'ainet' in families,
                 cpu=gpu is None)
    if not tasks:
        raise InputError(f'--only {" ".join(only or ())}: that needs a GPU ({reason})')
    report: dict[str, Any] = {
        'format': FORMAT, 'begun': datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
        'gpu': gpu, 'no_gpu': reason, 'machine': machine_facts(), 'quick': quick,
        'bundle': str(bundle or '')}
    report['command'] = report['machine'].pop('command')
    folder = _folder(work, quick)
    rows = _kept(output, report, folder)
    setting = Setting(str(folder), str(bundle.resolve()) if bundle else '', quick, gpu is None)
    if gpu is None:
        warn(f'no GPU: {reason}')
    for task, row in check(tasks, setting, Budget(seconds, task_seconds), rows):
        _say(task, row)
        if row is not None:
            _write(report, rows, output, table)
    _write(report, rows, output, table)
    done = [row['status'] for task in tasks if (row := find(rows, task))]
    console().print(f'{done.count("ok")} of {len(tasks)} tasks done, {done.count("failed")} '
                    f'failed, {done.count("out of time")} out of time: {output}, {table}',
                    soft_wrap=True)


def _families(chosen: Sequence[str] | None, bundle: Path | None) -> tuple[str, ...]:
    from rgbt_tracker_ros.benchmark.gpu.tasks import FAMILIES

    if bundle is not None:
        if chosen:
            raise InputError('--family and --bundle are given: give one of them')
        from rgbt_tracker_ros.inference.bundle import load_bundle

        return (load_bundle(bundle).name,)
    for name in chosen or ():
        if name not in FAMILIES:
            raise InputError(f'--family {name}: give {", ".join(FAMILIES)}')
    return tuple(chosen or FAMILIES)


def _folder(work: Path | None, quick: bool) -> Path:
    """Return where bundles and engines are kept; make it."""
    cache = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    folder = (work or Path(cache) / 'rgbt_tracker_ros' / 'gpu_check').absolute()
    folder = folder / ('quick' if quick else 'full')
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'--work {folder} cannot be made ({error.strerror}): give another '
                         'folder') from error
    return folder


def _kept(output: Path, report: Mapping[str, Any], folder: Path) -> list[Row]:
    """Return the rows of an earlier run on the same machine; exports only while they are there."""
    from rgbt_tracker_ros.cli.console import warn

    try:
        earlier = json.loads(output.read_text(encoding='utf-8'))
        rows: list[Row] = list(earlier['rows'])
        changed = [name for name in _SAME if _entry(earlier, name) != _entry(report, name)]
    except OSError:
        return []
    except (ValueError, LookupError, TypeError):
        raise InputError(f'--output {output} is there, and no report of gpu-check: give another '
                         'file') from None
    if changed:
        warn(f'{output} has another {", ".join(changed)}: all is measured anew')
        return []
    return [row for row in rows if row['kind'] not in ('export', 'reference') or (
        folder / (f'{row["subject"]}-{row["variant"]}' if row['kind'] == 'export'
                  else f'{row["subject"]}.npz')).exists()]


def _entry(report: Mapping[str, Any], name: str) -> Any:
    value: Any = report
    for part in name.split('.'):
        value = value[part]
    return value


def _say(task: Task, row: Row | None) -> None:
    from rgbt_tracker_ros.cli.console import error_console

    if row is None:
        if error_console().is_terminal:
            error_console().print(f'{task.name} ...', markup=False, style='dim')
        return
    times = row.get('gpu_ms') or row.get('host_ms')
    facts = [row['status'], f'p50 {times["p50"]:.3f} ms' if times else '',
             f'box IoU {row["box_iou"]:.3f}' if 'box_iou' in row else '',
             ' '.join(row.get('reason', '').split())]
    error_console().print(f'{task.name}: {", ".join(filter(None, facts))}', markup=False,
                          soft_wrap=True)


def _write(report: Mapping[str, Any], rows: Sequence[Row], output: Path, table: Path) -> None:
    from rgbt_tracker_ros.benchmark.files import replacing, write_json
    from rgbt_tracker_ros.benchmark.gpu.report import decisions, markdown

    bundles = {f'{row["subject"]}-{row["variant"]}': {
        key: row[key] for key in ('name', 'search_mib', 'sha256')}
        for row in rows if row['kind'] in ('export', 'reference') and 'sha256' in row}
    whole = {**report, 'bundles': bundles, 'decisions': decisions(rows), 'rows': list(rows)}
    write_json(output, whole)
    with replacing(table) as part:
        part.write_text(markdown(whole), encoding='utf-8')
