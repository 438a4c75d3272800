# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker compare-backends`: how far other backends and precisions move the boxes."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

_FAILED = 1
_OF_CANDIDATES = ('model.backend', 'model.precision')
DATASETS = 'folder|gtot|rgbt210|rgbt234|lasher|vtuav|...'


def compare_backends(
    root: Annotated[Path, typer.Option(
        help='Folder of the dataset, as for evaluate.')],
    dataset: Annotated[str, typer.Option(
        metavar=DATASETS, help='Benchmark; folder is for own recordings and tracks.')] = 'folder',
    sequences: Annotated[str | None, typer.Option(
        metavar='A,B', help='Only these sequences.')] = None,
    modality: Annotated[str, typer.Option(
        metavar='rgbt|rgb|thermal', help='rgb and thermal blank the other camera.')] = 'rgbt',
    model: options.Model = 'unified_nano',
    with_: Annotated[list[str] | None, typer.Option(
        '--with', metavar='BACKEND[:fp16][@MODEL]', show_default='openvino and tensorrt, in both '
        'precisions, as far as they are there', help='What is compared with the model on ONNX '
        'Runtime, as openvino:fp16, or onnxruntime@DIR for another bundle of the same network '
        '(fp16, int8); may be repeated.')] = None,
    least: Annotated[float, typer.Option(
        min=0.0, max=1.0, help='Mean box IoU under which a candidate fails.')] = 0.98,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='All figures, with hardware and versions.')] = None,
    picture: Annotated[Path | None, typer.Option(
        metavar='OUT.png', help='The frames in which the boxes differ most.')] = None,
    set_: options.Set = None,
) -> None:
    """Compare backends and precisions with ONNX Runtime in fp32; status 1 if one is too far off.

    All are shown the reference's search regions and templates, in turns (boxes, maps and times are
    then the backends' own matter); after that each tracks by itself.
    """
    for name, value in options.parse_assignments(set_).items():
        if name in _OF_CANDIDATES:
            raise InputError(f'--set {name}={value}: leave it out, backends and precisions are '
                             'named by --with, as --with openvino:fp16')
    settings = options.make_settings(set_, model, 'onnxruntime')

    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
    from rgbt_tracker_ros.benchmark.drift import candidates
    from rgbt_tracker_ros.benchmark.drift.measure import measure
    from rgbt_tracker_ros.benchmark.drift.picture import check_name, draw_worst
    from rgbt_tracker_ros.benchmark.drift.report import drift_report
    from rgbt_tracker_ros.benchmark.files import check_writable, write_json
    from rgbt_tracker_ros.benchmark.latency import machine
    from rgbt_tracker_ros.benchmark.protocol.job import MODALITIES
    from rgbt_tracker_ros.cli.console import counting
    from rgbt_tracker_ros.cli.loading import watching

    check_writable({'--json': json_file, '--picture': picture})
    if picture is not None:
        check_name(picture)
    if modality not in MODALITIES:
        raise InputError(f'--modality {modality}: give {", ".join(MODALITIES)}')
    named = [candidates.parse(text) for text in with_ or ()] or candidates.usual()
    if not named:
        raise InputError('--with: nothing is installed that could be compared: pip install '
                         'openvino, or give another bundle as onnxruntime@DIR')
    data = load_dataset(dataset, root, only=options.names(sequences))
    with watching('loading') as watch:
        reference = candidates.reference(settings.model)
        rivals = [candidates.load(each, settings.model, reference.bundle, watch)
                  for each in dict.fromkeys(named)]
    frames = sum(map(len, data.sequences)) * (1 + len(rivals))
    with counting('comparing', frames) as advance:
        drifts = measure(reference, rivals, data.sequences, settings, modality, advance)
    report = {
        'model': reference.bundle.name, 'dataset': dataset, 'modality': modality,
        'sequences': len(data.sequences), **drift_report(drifts, least), **machine()}
    if json_file is not None:
        write_json(json_file, report)
    if picture is not None:
        draw_worst(picture, drifts, reference.bundle)
    _show(report)
    if not report['passed']:
        raise typer.Exit(_FAILED)


def _show(report: Mapping[str, Any]) -> None:
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console, warn

    table = Table(title=f'{report["model"]}, {report["sequences"]} sequences of '
                  f'{report["dataset"]}: IoU with the boxes of ONNX Runtime fp32')
    table.add_column('', overflow='fold')
    for name in ('IoU', 'p5', 'least', 'ms', 'speed', 'own', 'SR'):
        table.add_column(name, justify='right', no_wrap=True)
    rows = {name: row for name, row in report['candidates'].items() if 'overlap' in row}
    for row in list(rows.values())[:1]:
        table.add_row('reference', '', '', '', f'{row["search_ms"]["reference"]["p50"]:.1f}', '',
                      '', f'{row["track"]["reference_sr"]:.3f}')
    for name, row in rows.items():
        overlap, times, track = row['overlap'], row['search_ms'], row['track']
        table.add_row(
            name, f'{overlap["mean"]:.4f}', f'{overlap["p5"]:.3f}', f'{overlap["least"]:.3f}',
            f'{times["own"]["p50"]:.1f}', f'x{times["speed_up"]:.2f}',
            f'{track["overlap"]:.3f}', f'{track["sr"]:.3f}')
    console().print(table)
    for name, row in report['candidates'].items():
        if not row['passed']:
            warn(f'{name} is not fit to be used in the place of the reference: {row["reason"]}')
