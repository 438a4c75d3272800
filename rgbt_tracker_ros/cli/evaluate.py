# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker evaluate`: run a tracker over a dataset and score it."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
    from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation
    from rgbt_tracker_ros.benchmark.protocol.job import Job
    from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun
    from rgbt_tracker_ros.settings import Settings
    from rgbt_tracker_ros.synthetic.corruptions import Corruption

DATASETS = 'folder|generated|gtot|rgbt210|rgbt234|lasher|vtuav|...'


def evaluate(
    root: Annotated[Path, typer.Option(
        help='Folder of the dataset; docs/datasets.md tells what must be in it. Of generated: '
        'where its clips are kept; missing ones are made.')],
    dataset: Annotated[str, typer.Option(
        metavar=DATASETS, help='Benchmark; folder is for own recordings and tracks, generated '
        'are seeded clips with a score per event.')] = 'folder',
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
        'of the model; by default on RGB. nano-v3 is a version of nano.')] = None,
    peers: Annotated[bool, typer.Option(
        '--peers', help='One table: the model on both cameras and on each alone, and all trackers '
        'of OpenCV that are there, on each camera and on the average of both.')] = False,
    beside: Annotated[list[str] | None, typer.Option(
        '--with', metavar='NAME|DIR', help='With --peers: one more model in the same table; may '
        'be repeated.')] = None,
    weights: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Of opencv:nano: folder of *backbone*.onnx and *head*.onnx, of one '
        'version or several.')] = None,
    every: Annotated[int, typer.Option(
        metavar='N', help='See every Nth frame only, as from slow cameras.')] = 1,
    scale: Annotated[float, typer.Option(
        metavar='FACTOR', help='Resize images (and boxes), as from far targets.')] = 1.0,
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
        metavar='OUT.png', help='With --corrupt a picture of the table, with --peers the success '
        'curves.')] = None,
    failures: Annotated[Path | None, typer.Option(
        metavar='OUT.jpg', help='A picture of the moments at which the target is first lost, of '
        'the four worst sequences.')] = None,
    set_: options.Set = None,
) -> None:
    """Track a dataset, one pass from the first box, and score it by the benchmark's own rules."""
    settings = options.make_settings(set_, model, backend)
    if picture is not None and not (corrupt or peers):
        raise InputError(f'--picture {picture}: there is one with --corrupt or --peers only')
    if peers and (corrupt or peer or modality or name or failures):
        raise InputError('--peers goes over all trackers: leave out --corrupt, --tracker, '
                         '--modality, --name and --failures')
    if beside and not peers:
        raise InputError(f'--with {beside[0]}: models stand side by side with --peers only')

    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
    from rgbt_tracker_ros.benchmark.files import check_writable
    from rgbt_tracker_ros.benchmark.protocol.evaluate import evaluate as run
    from rgbt_tracker_ros.benchmark.protocol.store import ResultStore
    from rgbt_tracker_ros.benchmark.robustness import CLEAN, corrupted
    from rgbt_tracker_ros.benchmark.variation import Variation
    from rgbt_tracker_ros.cli.evaluation_run import make_executor, result_folder, watching

    corruptions = _corruptions(corrupt)
    variation = Variation(every, scale)
    check_writable({'--json': json_file, '--picture': picture, '--failures': failures})
    data = variation.of(load_dataset(dataset, root, split, allow_missing,
                                     options.names(sequences), rgb, thermal))
    if peers:
        from rgbt_tracker_ros.benchmark.peers import contenders

        jobs = contenders([model, *(beside or ())], settings, data, weights)
    else:
        jobs = [_job(model, peer, settings, modality, weights)]
    names = [_tracker_name(job) for job in jobs]
    if len(set(names)) < len(names):
        raise InputError(f'--with {", ".join(beside or ())}: two models are called alike: rename '
                         'the folder of one')
    # The names of own recordings say nothing about what is in them.
    place = str(root.resolve()) if dataset == 'folder' else ''
    executor = make_executor(workers, ray)
    with result_folder(output) as folder:
        def track(job: Job, each: Corruption | None = None) -> Evaluation:
            tracker = _tracker_name(job) if name is None else name
            if not tracker.strip('.') or Path(tracker).name != tracker:
                raise InputError(f'--name {tracker}: give the name of a folder')
            record = {'dataset': data.name, 'split': data.split, 'root': place, **job.record()}
            if str(variation):
                tracker += f'+{variation}'
                record |= {'variation': str(variation)}
            if each is not None:
                tracker += f'+{each.name}-{each.level:g}'
                record |= {'corruption': str(each), 'corruption_seed': seed}
            store = ResultStore(folder / tracker, record, overwrite)
            frames = data if each is None else corrupted(data, each, seed)
            with watching(tracker) as watch:
                return run(frames, job, store, executor, allow_missing, watch)

        results = {job: track(job) for job in jobs}
        robust = {str(each): track(jobs[0], each) for each in corruptions}
    facts = {**_facts(data, jobs[0], output), **({'variation': str(variation)}
                                                if str(variation) else {})}
    if peers:
        from rgbt_tracker_ros.cli.peers import report_peers

        report_peers(results, data, facts, settings, json_file, picture, weights)
        return
    done = results[jobs[0]]
    if corruptions:
        from rgbt_tracker_ros.cli.robustness import report_robustness

        report_robustness({CLEAN: done, **robust}, {**facts, 'seed': seed}, json_file, picture)
    else:
        _report(done, data, facts, json_file)
    if failures is not None:
        _draw_failures(data, done, settings, failures)


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


def _draw_failures(data: Dataset, done: Evaluation, settings: Settings, path: Path) -> None:
    from rgbt_tracker_ros.benchmark.failures import find_failures
    from rgbt_tracker_ros.benchmark.failures_picture import draw_failures
    from rgbt_tracker_ros.cli.console import warn

    failures = find_failures(data, done, settings)
    if failures:
        draw_failures(failures, path)
    else:
        warn(f'--failures {path}: no target is lost: no picture is made')


def _report(done: Evaluation, data: Dataset, facts: dict[str, Any],
            json_file: Path | None) -> None:
    from rgbt_tracker_ros.benchmark.event_scores import event_scores
    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.cli.console import console, warn
    from rgbt_tracker_ros.cli.score_report import (
        benchmark_report,
        show_benchmark,
        show_events,
        show_report,
    )

    for note in done.scores.notes:
        warn(note)
    report = benchmark_report(done.scores, {**facts, 'calibration': done.calibration})
    for name, row in report['tracks'].items():
        row.update(_extras(done.runs[name]))
    events = event_scores(data, done)
    if events:
        report['events'] = events
    if json_file is not None:
        write_json(json_file, report)
    what = ', '.join(str(facts[key]) for key in ('model', 'modality', 'variation')
                     if key in facts)
    if facts['dataset'] in ('folder', 'generated'):
        show_report(report, what)
    else:
        label = f'{facts["dataset"]} {facts["split"]}'.strip()
        show_benchmark(done.scores, f'{label}, {what}')
    if events:
        show_events(events, what)
    if done.calibration is not None:
        console().print(f'score: calibration error (ECE) {done.calibration["ece"]:.3f}')


def _facts(data: Dataset, job: Job, output: Path | None) -> dict[str, Any]:
    return {'model': job.model, 'modality': job.modality, 'dataset': data.name,
            'split': data.split, 'output': None if output is None else str(output)}


def _extras(run: SequenceRun) -> dict[str, Any]:
    return {'mean_score': float(run.scores.mean()), 'lost_frames': run.lost,
            'ms_per_frame': 1e3 * float(run.seconds.mean())}
