# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker evaluate`: run a tracker over a dataset and score it."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
    from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation, Watch
    from rgbt_tracker_ros.benchmark.protocol.executors import Executor
    from rgbt_tracker_ros.benchmark.protocol.job import Job
    from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun

DATASETS = 'folder|gtot|rgbt210|rgbt234|lasher|vtuav|...'


def evaluate(
    root: Annotated[Path, typer.Option(
        help='Folder of the dataset; docs/datasets.md tells what must be in it.')],
    dataset: Annotated[str, typer.Option(
        metavar=DATASETS, help='Benchmark; folder is for own recordings and tracks.')] = 'folder',
    split: Annotated[str | None, typer.Option(
        help='Part of the dataset; by default the one for testing.')] = None,
    sequences: Annotated[str | None, typer.Option(
        metavar='A,B', help='Only these sequences.')] = None,
    allow_missing: Annotated[bool, typer.Option(
        '--allow-missing', help='Leave out sequences that are missing or damaged, and name them.'),
    ] = False,
    rgb: Annotated[Path | None, typer.Option(
        metavar='DIR', help='For tracks: folder of the RGB videos. Without --rgb and --thermal '
        'both are looked for in videos/ beside --root.')] = None,
    thermal: Annotated[Path | None, typer.Option(
        metavar='DIR', help='For tracks: folder of the thermal videos.')] = None,
    modality: Annotated[str, typer.Option(
        metavar='rgbt|rgb|thermal', help='rgb and thermal blank the other camera.')] = 'rgbt',
    model: options.Model = 'unified_nano',
    backend: options.Backend = 'auto',
    workers: Annotated[int, typer.Option(
        min=0, metavar='N', help='Sequences tracked at once, each in a process with one thread; '
        '0 = one per core. The boxes do not depend on it.')] = 1,
    ray: Annotated[str | None, typer.Option(
        metavar='ADDRESS', help='Track on the machines of a Ray cluster: its address, auto, or '
        'local to start one here with --workers.')] = None,
    output: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Keeps DIR/<tracker>/<sequence>.txt; started again, evaluate goes on '
        'where it was stopped.')] = None,
    name: Annotated[str | None, typer.Option(
        help='Of the tracker\'s folder; by default the model\'s name and the modality.')] = None,
    overwrite: Annotated[bool, typer.Option(
        '--overwrite', help='Replace results of another model or other settings.')] = False,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Scores per sequence and attribute, their mean and the '
        'curves.')] = None,
    set_: options.Set = None,
) -> None:
    """Track a dataset, one pass from the first box, and score it by the benchmark's own rules."""
    settings = options.make_settings(set_, model, backend)

    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
    from rgbt_tracker_ros.benchmark.protocol.evaluate import evaluate as run
    from rgbt_tracker_ros.benchmark.protocol.job import make_job
    from rgbt_tracker_ros.benchmark.protocol.store import ResultStore

    job = make_job(model, settings, modality)
    data = load_dataset(dataset, root, split, allow_missing, _names(sequences), rgb, thermal)
    with _folder(output) as folder:
        tracker = name or _tracker_name(job)
        if not tracker.strip('.') or Path(tracker).name != tracker:
            raise InputError(f'--name {tracker}: give the name of a folder')
        # The names of own recordings say nothing about what is in them.
        place = str(root.resolve()) if dataset == 'folder' else ''
        store = ResultStore(folder / tracker, {
            'dataset': data.name, 'split': data.split, 'root': place, **job.record()}, overwrite)
        with _progress() as watch:
            done = run(data, job, store, _executor(workers, ray), allow_missing, watch)
    _report(done, data, job, output, json_file)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or '').split(',') if part.strip())


def _tracker_name(job: Job) -> str:
    return Path(job.model).name + ('' if job.modality == 'rgbt' else f'-{job.modality}')


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    """Give the folder of the results, one that is deleted if nobody wants them."""
    if output is not None:
        yield output
        return
    with TemporaryDirectory(prefix='rgbt_tracker_') as folder:
        yield Path(folder)


def _executor(workers: int, ray: str | None) -> Executor:
    from rgbt_tracker_ros.benchmark.protocol.executors import Processes, Ray, Serial
    from rgbt_tracker_ros.inference.onnxruntime_backend import usable_cores

    workers = workers or usable_cores()
    if ray is not None:
        return Ray(ray, workers)
    return Serial() if workers == 1 else Processes(workers)


@contextmanager
def _progress() -> Iterator[Watch]:
    """Show how far it is, in frames, and when it will be done; on a terminal only."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from rgbt_tracker_ros.benchmark.protocol.evaluate import Watch
    from rgbt_tracker_ros.cli.console import error_console, warn

    console = error_console()
    with Progress(TextColumn('{task.description}'), BarColumn(),
                  TextColumn('{task.fields[done]}/{task.fields[all]} sequences'),
                  TimeRemainingColumn(), TextColumn('left'), console=console, transient=True,
                  disable=not console.is_terminal) as bar:
        task = bar.add_task('tracking', total=None, done=0, all=0)
        count = [0]

        def begin(sequences: int, frames: int, finished: int) -> None:
            bar.update(task, total=frames, all=sequences)
            if finished:
                warn(f'{finished} sequences were finished before, {sequences} are left')

        def sequence(run: SequenceRun) -> None:
            count[0] += 1
            bar.update(task, done=count[0])
            if run.error:
                warn(f'{run.name}: {run.error}')

        yield Watch(begin, lambda frames: bar.advance(task, frames), sequence)


def _report(done: Evaluation, data: Dataset, job: Job, output: Path | None,
            json_file: Path | None) -> None:
    from rgbt_tracker_ros.cli.console import warn
    from rgbt_tracker_ros.cli.score_report import (
        benchmark_report,
        show_benchmark,
        show_report,
        write_report,
    )

    for note in done.scores.notes:
        warn(note)
    report = benchmark_report(done.scores, {
        'model': job.model, 'modality': job.modality, 'dataset': data.name, 'split': data.split,
        'output': None if output is None else str(output)})
    for name, row in report['tracks'].items():
        row.update(_extras(done.runs[name]))
    if json_file is not None:
        write_report(json_file, report)
    if data.name == 'folder':
        show_report(report, f'{job.model}, {job.modality}')
    else:
        show_benchmark(done.scores, f'{data.name} {data.split}, {job.model}, {job.modality}')


def _extras(run: SequenceRun) -> dict[str, Any]:
    return {'mean_score': float(run.scores.mean()), 'lost_frames': run.lost,
            'ms_per_frame': 1e3 * float(run.seconds.mean())}
