# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker compare`: where two trackers differ, as a table and as a video."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.cli.report import named_places
from rgbt_tracker_ros.cli.score import DATASETS

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.report.duel import Difference, Duel

SHOWN = 10


def compare(
    a: Annotated[str, typer.Argument(
        metavar='[NAME=]A', help='Box files of a tracker, as score takes them.')],
    b: Annotated[str, typer.Argument(metavar='[NAME=]B', help='Those of another one.')],
    root: Annotated[Path, typer.Option(metavar='DIR', help='The dataset, with its images.')],
    dataset: Annotated[str, typer.Option(
        metavar=DATASETS, help='Benchmark; folder is for own recordings and tracks.')] = 'folder',
    split: Annotated[str | None, typer.Option(
        help='Part of the dataset; by default the one for testing.')] = None,
    rgb: Annotated[Path | None, typer.Option(
        metavar='DIR', help='For tracks: folder of the RGB videos. Without --rgb and --thermal '
        'both are looked for in videos/ beside --root.')] = None,
    thermal: Annotated[Path | None, typer.Option(
        metavar='DIR', help='For tracks: folder of the thermal videos.')] = None,
    sequences: Annotated[int, typer.Option(
        min=1, metavar='N', help='Show so many sequences, those that differ most in SR.')] = 4,
    seconds: Annotated[float, typer.Option(
        min=0.1, max=600, help='Show so much of each, where the IoU differs most.')] = 8.0,
    video: Annotated[Path, typer.Option(metavar='OUT.mp4', help='The video.')] = Path(
        'compare.mp4'),
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='The scores of both in each sequence, and what is '
        'shown.')] = None,
    allow_missing: Annotated[bool, typer.Option(
        '--allow-missing', help='Leave out sequences that are missing in the dataset or in one of '
        'the results, and name them.')] = False,
) -> None:
    """Show where two trackers differ most: both boxes, the truth, and the IoU over time."""
    places = named_places([a, b])

    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
    from rgbt_tracker_ros.benchmark.files import check_writable, write_json
    from rgbt_tracker_ros.benchmark.groundtruth import dataset_truth
    from rgbt_tracker_ros.benchmark.metrics import convention_of
    from rgbt_tracker_ros.benchmark.recording import DEFAULT_RATE
    from rgbt_tracker_ros.benchmark.report.contest import hold_contest
    from rgbt_tracker_ros.benchmark.report.duel import differences, stage
    from rgbt_tracker_ros.cli.console import console, warn
    from rgbt_tracker_ros.cli.track_outputs import check_distinct

    outputs = {'--video': video, '--json': json_file}
    check_distinct(outputs)
    check_writable(outputs)
    convention = convention_of(dataset)
    data = load_dataset(dataset, root, split, allow_missing, (), rgb, thermal)
    contest = hold_contest(dataset, places, dataset_truth(data), convention, allow_missing)
    for note in (*data.notes, *contest.notes):
        warn(note)
    for fault in contest.left_out.values():
        warn(f'left out: {fault}')
    first, second = names = _pair(places)
    found, mean = differences(contest, names)
    recorded = {sequence.name: sequence for sequence in data.sequences}
    duels = [stage(recorded[item.name], item, (places[first], places[second]), recorded,
                   round(seconds * (recorded[item.name].fps or DEFAULT_RATE)))
             for item in found[:sequences] if item.gap]
    _show(names, found, mean)
    if duels:
        _write_video(video, duels, names)
        console().print(f'{video}', markup=False, soft_wrap=True)
    else:
        warn('both have the same SR in every sequence: no video is written')
    if json_file is not None:
        write_json(json_file, {
            'dataset': dataset, 'trackers': {name: str(place) for name, place in places.items()},
            'left_out': dict(contest.left_out), 'mean': _row(names, mean),
            'sequences': {item.name: _row(names, item) for item in found},
            'shown': {duel.sequence.name: list(duel.span) for duel in duels}})


def _pair(places: Mapping[str, Path]) -> tuple[str, str]:
    first, second = places
    return first, second


def _write_video(path: Path, duels: Sequence[Duel], names: tuple[str, str]) -> None:
    from rgbt_tracker_ros.benchmark.files import replacing
    from rgbt_tracker_ros.benchmark.recording import DEFAULT_RATE
    from rgbt_tracker_ros.benchmark.report.duel_video import draw_duel
    from rgbt_tracker_ros.benchmark.video import VideoWriter
    from rgbt_tracker_ros.cli.console import progress

    total = sum(duel.span[1] - duel.span[0] for duel in duels)
    rate = duels[0].sequence.fps or DEFAULT_RATE
    with replacing(path) as part, VideoWriter(part, rate) as writer:
        pictures = (picture for duel in duels for picture in draw_duel(duel, names))
        for picture in progress(pictures, 'drawing', total):
            writer.write(picture)


def _row(names: tuple[str, str], item: Difference) -> dict[str, Any]:
    return {names[0]: asdict(item.first), names[1]: asdict(item.second), 'sr_difference': item.gap}


def _show(names: tuple[str, str], found: Sequence[Difference], mean: Difference) -> None:
    """Print the SR in per cent where the trackers differ most, and the mean."""
    from rich.markup import escape
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    table = Table(title='SR where they differ most')
    table.add_column('sequence')
    for name in (*map(escape, names), 'difference'):
        table.add_column(name, justify='right')

    def add(item: Difference, style: str | None = None) -> None:
        table.add_row(escape(item.name), f'{100 * item.first.sr:.1f}',
                      f'{100 * item.second.sr:.1f}', f'{100 * item.gap:+.1f}', style=style)

    for item in found[:SHOWN]:
        add(item)
    table.add_section()
    add(mean, 'bold')
    console().print(table)
