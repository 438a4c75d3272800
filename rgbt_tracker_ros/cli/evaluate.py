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
    from rgbt_tracker_ros.settings import Settings
    from rgbt_tracker_ros.synthetic.corruptions import Corruption

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
    modality: Annotated[str | None, typer.Option(
        metavar='rgbt|rgb|thermal|average', help='rgbt (default) uses both cameras, rgb and '
        'thermal blank the other one; average is for OpenCV\'s trackers.', show_default=False),
    ] = None,
    model: options.Model = 'unified_nano',
    backend: options.Backend = 'auto',
    peer: Annotated[str | None, typer.Option(
        '--tracker', metavar='opencv:mil|nano|csrt|kcf', help='A tracker of OpenCV in the place '
        'of the model; by default on RGB.')] = None,
    peers: Annotated[bool, typer.Option(
        '--peers', help='One table: the model on both cameras and on each alone, and all trackers '
        'of OpenCV that are there, on each camera and on the average of both.')] = False,
    weights: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Of opencv:nano: folder of *backbone*.onnx and *head*.onnx.')] = None,
    corrupt: Annotated[list[str] | None, typer.Option(
        metavar='NAME[:LEVEL]', help='Track once more with this corruption, as smoke:70, or smoke '
        'at its usual levels, or all; may be repeated. docs/robustness.md has the list.')] = None,
    seed: Annotated[int, typer.Option(
        min=0, help='Of what is random in corruptions.')] = 0,
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
        'curves; with --corrupt what each corruption costs.')] = None,
    picture: Annotated[Path | None, typer.Option(
        metavar='OUT.png', help='With --corrupt: a picture of the table.')] = None,
    set_: options.Set = None,
) -> None:
    """Track a dataset, one pass from the first box, and score it by the benchmark's own rules."""
    settings = options.make_settings(set_, model, backend)
    if picture is not None and not corrupt:
        raise InputError(f'--picture {picture}: there is one with --corrupt only')
    if peers and (corrupt or peer or modality or name):
        raise InputError('--peers goes over all trackers: leave out --corrupt, --tracker, '
                         '--modality and --name')

    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
    from rgbt_tracker_ros.benchmark.files import check_writable
    from rgbt_tracker_ros.benchmark.protocol.evaluate import evaluate as run
    from rgbt_tracker_ros.benchmark.protocol.store import ResultStore
    from rgbt_tracker_ros.benchmark.robustness import CLEAN, corrupted

    corruptions = _corruptions(corrupt)
    check_writable({'--json': json_file, '--picture': picture})
    only = options.names(sequences)
    data = load_dataset(dataset, root, split, allow_missing, only, rgb, thermal)
    if peers:
        from rgbt_tracker_ros.benchmark.peers import contenders

        jobs = contenders(model, settings, data, weights)
    else:
        jobs = [_job(model, peer, settings, modality, weights)]
    # The names of own recordings say nothing about what is in them.
    place = str(root.resolve()) if dataset == 'folder' else ''
    executor = _executor(workers, ray)
    with _folder(output) as folder:
        def track(job: Job, each: Corruption | None = None) -> Evaluation:
            tracker = _tracker_name(job) if name is None else name
            if not tracker.strip('.') or Path(tracker).name != tracker:
                raise InputError(f'--name {tracker}: give the name of a folder')
            record = {'dataset': data.name, 'split': data.split, 'root': place, **job.record()}
            if each is not None:
                tracker += f'+{each.name}-{each.level:g}'
                record |= {'corruption': str(each), 'corruption_seed': seed}
            store = ResultStore(folder / tracker, record, overwrite)
            frames = data if each is None else corrupted(data, each, seed)
            with _progress(tracker) as watch:
                return run(frames, job, store, executor, allow_missing, watch)

        results = {_tracker_name(job): track(job) for job in jobs}
        robust = {str(each): track(jobs[0], each) for each in corruptions}
    facts = _facts(data, jobs[0], output)
    done = results[_tracker_name(jobs[0])]
    if peers:
        from rgbt_tracker_ros.cli.peers import report_peers

        report_peers(results, {'dataset': data.name, 'split': data.split}, json_file)
    elif corruptions:
        from rgbt_tracker_ros.cli.robustness import report_robustness

        report_robustness({CLEAN: done, **robust}, {**facts, 'seed': seed}, json_file, picture)
    else:
        _report(done, facts, json_file)


def _job(model: str, peer: str | None, settings: Settings, modality: str | None,
         weights: Path | None) -> Job:
    if peer is None:
        from rgbt_tracker_ros.benchmark.protocol.job import make_job

        return make_job(model, settings, modality or 'rgbt')
    from rgbt_tracker_ros.benchmark.peers import make_peer_job

    return make_peer_job(peer, settings, modality or 'rgb', weights)


def _corruptions(texts: list[str] | None) -> list[Corruption]:
    from rgbt_tracker_ros.synthetic.corruptions import parse_corruptions

    try:
        found = [each for text in texts or () for each in parse_corruptions(text)]
    except InputError as error:
        raise InputError(f'--corrupt: {error}') from error
    return list(dict.fromkeys(found))


def _tracker_name(job: Job) -> str:
    plain = Path(job.model).name.replace(':', '-')
    return plain if job.modality == 'rgbt' else f'{plain}-{job.modality}'


@contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    """Give the folder of the results, one that is deleted if nobody wants them."""
    if output is not None:
        yield output
        return
    with TemporaryDirectory(prefix='rgbt_tracker_') as folder:
        yield Path(folder)


def _executor(workers: int, ray: str | None) -> Executor:
    from rgbt_tracker_ros.benchmark.protocol.executors import Processes, Serial
    from rgbt_tracker_ros.benchmark.protocol.ray_cluster import Ray
    from rgbt_tracker_ros.inference.processor import usable_cores

    workers = workers or usable_cores()
    if ray is not None:
        return Ray(ray, workers)
    return Serial() if workers == 1 else Processes(workers)


@contextmanager
def _progress(label: str) -> Iterator[Watch]:
    """Show how far it is, in frames, and when it will be done; on a terminal only."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from rgbt_tracker_ros.benchmark.protocol.evaluate import Watch
    from rgbt_tracker_ros.cli.console import error_console, warn

    console = error_console()
    with Progress(TextColumn('{task.description}'), BarColumn(),
                  TextColumn('{task.fields[done]}/{task.fields[all]} sequences'),
                  TimeRemainingColumn(), TextColumn('left'), console=console, transient=True,
                  disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None, done=0, all=0)
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


def _report(done: Evaluation, facts: dict[str, Any], json_file: Path | None) -> None:
    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.cli.console import warn
    from rgbt_tracker_ros.cli.score_report import (
        benchmark_report,
        show_benchmark,
        show_report,
    )

    for note in done.scores.notes:
        warn(note)
    report = benchmark_report(done.scores, facts)
    for name, row in report['tracks'].items():
        row.update(_extras(done.runs[name]))
    if json_file is not None:
        write_json(json_file, report)
    what = f'{facts["model"]}, {facts["modality"]}'
    if facts['dataset'] == 'folder':
        show_report(report, what)
    else:
        label = f'{facts["dataset"]} {facts["split"]}'.strip()
        show_benchmark(done.scores, f'{label}, {what}')


def _facts(data: Dataset, job: Job, output: Path | None) -> dict[str, Any]:
    return {'model': job.model, 'modality': job.modality, 'dataset': data.name,
            'split': data.split, 'output': None if output is None else str(output)}


def _extras(run: SequenceRun) -> dict[str, Any]:
    return {'mean_score': float(run.scores.mean()), 'lost_frames': run.lost,
            'ms_per_frame': 1e3 * float(run.seconds.mean())}
