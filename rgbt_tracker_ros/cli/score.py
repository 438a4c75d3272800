# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker score`: score box files against ground truth."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rgbt_tracker_ros.errors import InputError


def score(
    results: Annotated[Path, typer.Option(
        metavar='DIR', help='Folder of box files <prefix><track>.txt, one x,y,w,h per line.')],
    groundtruth: Annotated[Path, typer.Option(
        metavar='DIR', help='Folder of tracks, <track>/groundtruth.txt and flags.csv.')],
    dataset: Annotated[str, typer.Option(help='Layout of the data; folder is known.')] = 'folder',
    prefix: Annotated[str, typer.Option(
        metavar='P', help='What stands before the track in the names of the box files.')] = '',
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Scores per track and their mean.')] = None,
) -> None:
    """Score box files: SR, PR@20 and NPR per track and in the mean."""
    if dataset != 'folder':
        raise InputError(f'--dataset {dataset}: this version knows folder')

    from rgbt_tracker_ros.benchmark.metrics import Scores, score_track
    from rgbt_tracker_ros.benchmark.tracks import load_tracks, read_boxes
    from rgbt_tracker_ros.cli.score_report import make_report, show_report, write_report

    scores: dict[str, Scores] = {}
    for track in load_tracks(groundtruth, None, None):
        boxes = read_boxes(results / f'{prefix}{track.name}.txt')
        try:
            scores[track.name] = score_track(boxes, track.truth, track.use)
        except InputError as error:
            raise InputError(f'--results: track {track.name}: {error}') from error
    report = make_report(scores, {'results': str(results), 'prefix': prefix})
    if json_file is not None:
        write_report(json_file, report)
    show_report(report, f'{results}')
