# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker calibrate`: make a model's score the chance that its box is right."""
from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset

def calibrate(
    model: Annotated[str, typer.Argument(metavar='NAME|DIR', help='Model to calibrate.')],
    dataset: Annotated[list[str], typer.Option(
        metavar='NAME[/SPLIT]:DIR[,rgb=DIR][,thermal=DIR]', help='Tracks to calibrate on, as '
        'folder:TRACKS or generated:CACHE; rgb and thermal are the folders of the videos, as for '
        'evaluate; may be repeated.')],
    modality: Annotated[str, typer.Option(
        metavar='rgbt,rgb,thermal', help='With both cameras, and with each one alone.',
        )] = 'rgbt,rgb,thermal',
    workers: Annotated[int, typer.Option(
        min=0, metavar='N', help='Sequences tracked at once; 0 = one per core.')] = 0,
    wrong_cost: Annotated[float, typer.Option(
        min=0.01, max=100.0, metavar='C', help='What a wrong box costs, in right ones: the LOST '
        'threshold that follows is C / (1 + C).')] = 1.0,
    dry_run: Annotated[bool, typer.Option(
        '--dry-run', help='Leave the model as it is.')] = False,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Calibration errors by dataset, bins and thresholds.',
        )] = None,
    picture: Annotated[Path | None, typer.Option(
        metavar='OUT.png', help='Reliability diagram, before and after; PNG or SVG.')] = None,
    set_: options.Set = None,
) -> None:
    """Fit the score to what the model does while it tracks, and put that into its model.yaml.

    The model tracks all sequences, the calibration is fitted to its scores, and it tracks them
    again with it. What is measured then is told, and only a calibration that is better is kept.
    """
    from rgbt_tracker_ros.benchmark.files import check_writable, write_json
    from rgbt_tracker_ros.benchmark.lost_threshold import lost_threshold, worths
    from rgbt_tracker_ros.benchmark.metrics.calibration import Line
    from rgbt_tracker_ros.benchmark.protocol.executors import Processes, Serial
    from rgbt_tracker_ros.benchmark.protocol.job import package_version
    from rgbt_tracker_ros.benchmark.reliability_diagram import check_diagram, draw_diagram
    from rgbt_tracker_ros.benchmark.score_calibration import (
        Tracked,
        held_out_error,
        improve,
        materials,
        report,
        track,
    )
    from rgbt_tracker_ros.cli.calibrate_report import show
    from rgbt_tracker_ros.cli.console import counting
    from rgbt_tracker_ros.inference.bundle import Calibration, load_bundle
    from rgbt_tracker_ros.inference.model_path import DESCRIPTION
    from rgbt_tracker_ros.inference.processor import usable_cores
    from rgbt_tracker_ros.inference.recalibration import copy_recalibrated, recalibrate

    bundle = load_bundle(model)
    check_writable({'--json': json_file, '--picture': picture,
                    'MODEL': None if dry_run else bundle.folder / DESCRIPTION})
    if picture is not None:
        check_diagram(picture)
    settings = options.make_settings(set_, model, 'auto')
    material = materials(_datasets(dataset), _modalities(modality))
    executor = Serial() if workers == 1 else Processes(workers or usable_cores())
    frames = sum(each.frames for each in material)

    first = Line(bundle.calibration.scale, bundle.calibration.bias)

    with TemporaryDirectory(prefix='rgbt_tracker_') as folder:
        def track_with(line: Line) -> list[Tracked]:
            place = bundle.folder
            if line != first:
                place = copy_recalibrated(bundle, Path(mkdtemp(dir=folder)) / bundle.folder.name,
                                          Calibration(*line))
            with counting(f'scale {line.scale:.2f}, bias {line.bias:.2f}', frames) as advance:
                return track(material, place, settings, executor, advance)

        before, after, line = improve(track_with, first)
    facts: dict[str, Any] = {
        'model': bundle.name, 'search_sha256': bundle.search_graph.sha256,
        'version': package_version(), 'settings': options.changed(settings),
        'calibration': {'before': first._asdict(), 'after': line._asdict()},
        'held_out_ece': held_out_error(before), 'before': report(before), 'after': report(after),
        'lost_threshold': {
            'wrong_cost': wrong_cost, 'threshold': lost_threshold(wrong_cost),
            'in_use': settings.target.lost_threshold,
            'worths': [each._asdict() for each in worths(
                [each.judged for each in after], settings.target, wrong_cost)]}}
    show(facts)
    if json_file is not None:
        write_json(json_file, facts)
    if picture is not None:
        shown = {'before': 'before', 'calibrated': 'after'} if line != first else {
            'as it is': 'after'}
        draw_diagram([(label, facts[when]) for label, when in shown.items()],
                     f'Score of {bundle.name} while tracking', picture)
    if not dry_run and line != first:
        recalibrate(bundle, Calibration(*line))


def _modalities(text: str) -> list[str]:
    from rgbt_tracker_ros.benchmark.protocol.job import MODALITIES

    found = [part.strip() for part in text.split(',')]
    if not set(found) <= set(MODALITIES):
        raise InputError(f'--modality {text}: give one or several of {", ".join(MODALITIES)}')
    return list(dict.fromkeys(found))


def _datasets(texts: list[str]) -> dict[str, Dataset]:
    """Return the datasets of --dataset by their folders' names."""
    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset

    found: dict[str, Dataset] = {}
    for text in texts:
        name, colon, rest = text.partition(':')
        place, *more = rest.split(',')
        name, _, split = name.partition('/')
        places = dict(part.partition('=')[::2] for part in more)
        if not colon or not place or not set(places) <= {'rgb', 'thermal'} \
                or not all(places.values()):
            raise InputError(f'--dataset {text}: give NAME:DIR, or NAME:DIR,thermal=DIR, as '
                             'folder:TRACKS')
        rgb, thermal = (Path(places[camera]).expanduser() if camera in places else None
                        for camera in ('rgb', 'thermal'))
        data = load_dataset(name, Path(place), split or None, rgb=rgb, thermal=thermal)
        label = Path(place).resolve().name if name == 'folder' else name
        if label in found:
            raise InputError(f'--dataset {text}: there are two called {label}: rename a folder')
        found[label] = data
    return found
