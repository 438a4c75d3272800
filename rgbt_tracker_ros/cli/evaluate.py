# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker evaluate`: run a tracker over tracks with ground truth and score it."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.evaluation import TrackRun

MODALITIES = ('rgbt', 'rgb', 'thermal')


def evaluate(
    root: Annotated[Path, typer.Option(help='Folder of tracks, <video>_<k>/groundtruth.txt.')],
    dataset: Annotated[str, typer.Option(help='Layout of the data; folder is known.')] = 'folder',
    rgb: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Folder of the RGB videos. Without --rgb and --thermal both are '
        'looked for in videos/ beside --root.')] = None,
    thermal: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Folder of the thermal videos.')] = None,
    modality: Annotated[str, typer.Option(
        metavar='rgbt|rgb|thermal', help='rgb and thermal blank the other camera.')] = 'rgbt',
    model: options.Model = 'unified_nano',
    backend: options.Backend = 'auto',
    output: Annotated[Path | None, typer.Option(
        help='Folder for one box file per track, <track>.txt.')] = None,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Scores per track and their mean.')] = None,
    set_: options.Set = None,
) -> None:
    """Score a model over a folder of tracks: SR, PR@20 and NPR per track and in the mean."""
    if dataset != 'folder':
        raise InputError(f'--dataset {dataset}: this version knows folder')
    if modality not in MODALITIES:
        raise InputError(f'--modality {modality}: give {", ".join(MODALITIES)}')
    settings = options.make_settings(set_, model, backend)

    from rgbt_tracker_ros.benchmark.evaluation import run_track
    from rgbt_tracker_ros.benchmark.tracks import load_tracks
    from rgbt_tracker_ros.cli.console import progress
    from rgbt_tracker_ros.cli.score_report import make_report, show_report, write_report
    from rgbt_tracker_ros.tracking.tracker import Tracker

    if rgb is None and thermal is None:
        rgb, thermal = (_beside(root, kind) for kind in ('rgb', 'thermal'))
    tracks = load_tracks(root, _folder(rgb, 'rgb'), _folder(thermal, 'thermal'))
    tracker = Tracker.from_model(model, backend, settings)
    runs = [run_track(tracker, item, settings, modality)
            for item in progress(tracks, 'tracking')]
    report = make_report({run.track.name: run.scores for run in runs},
                         {'model': model, 'modality': modality},
                         {run.track.name: _extras(run) for run in runs})
    if output is not None:
        _write_boxes(output, runs)
    if json_file is not None:
        write_report(json_file, report)
    show_report(report, f'{model}, {modality}')


def _beside(root: Path, kind: str) -> Path | None:
    folder = root.resolve().parent / 'videos' / kind
    return folder if folder.is_dir() else None


def _folder(folder: Path | None, kind: str) -> Path | None:
    if folder is not None and not folder.is_dir():
        raise InputError(f'--{kind} {folder}: no such folder: give the folder of the videos')
    return folder


def _extras(run: TrackRun) -> dict[str, float]:
    frames = len(run.results)
    return {'mean_score': sum(result.score for result in run.results) / frames,
            'lost_frames': run.lost,
            'ms_per_frame': sum(result.total_ms for result in run.results) / frames}


def _write_boxes(folder: Path, runs: list[TrackRun]) -> None:
    from rgbt_tracker_ros.benchmark.files import replacing
    from rgbt_tracker_ros.benchmark.track_log import box_line

    folder.mkdir(parents=True, exist_ok=True)
    for run in runs:
        with replacing(folder / f'{run.track.name}.txt') as part:
            part.write_text(''.join(box_line(result.box) for result in run.results),
                            encoding='utf-8')
