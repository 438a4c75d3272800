# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker quantize`: make an int8 bundle, if its boxes stay where they were."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import hashlib
from pathlib import Path
import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.cli import options
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence as Recording
    from rgbt_tracker_ros.inference.backend import SearchMaps
    from rgbt_tracker_ros.inference.bundle import ModelBundle
    from rgbt_tracker_ros.networks.quantization import Feed, Int8Graph, Outputs

_REFUSED = 1
_MARGIN = 0.01
_RANGED, _WEIGHED = 0.6, 0.1
"""Shares of the samples that ranges are learnt from, and that single nodes are tried on."""

_FEWEST = 10


def quantize(
    model: Annotated[str, typer.Argument(
        metavar='NAME|DIR', help='Model in single precision.')],
    output: Annotated[Path, typer.Option(help='Folder of the int8 bundle.')],
    root: Annotated[Path, typer.Option(
        help='Folder of real pairs with a first box each, as for evaluate.')],
    dataset: Annotated[str, typer.Option(
        metavar='folder|gtot|...', help='Benchmark; folder is for own recordings.')] = 'folder',
    sequences: Annotated[str | None, typer.Option(
        metavar='A,B', show_default='the first half', help='Sequences to learn ranges from; the '
        'others, of which there must be some, are to check the boxes.')] = None,
    samples: Annotated[int, typer.Option(
        min=_FEWEST, max=10000, metavar='N', help='Search regions to learn from.')] = 100,
    least: Annotated[float, typer.Option(
        min=0.0, max=1.0, help='Mean box IoU under which the bundle is refused.')] = 0.98,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='OUT.json', help='Figures of the check.')] = None,
) -> None:
    """Quantize the search graph to int8: as many nodes as the boxes allow, others stay in float.

    The template graph, which runs rarely, stays as it is. The result tracks beside the model on
    the sequences that it has not seen: status 1, and no bundle, if the boxes overlap too little.
    """
    try:
        from rgbt_tracker_ros.networks.quantization import Int8Graph
    except ModuleNotFoundError as error:
        raise InputError(f'quantizing needs {error.name}: pip install onnx') from error
    from rgbt_tracker_ros.benchmark.calibration_inputs import record_inputs
    from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
    from rgbt_tracker_ros.benchmark.drift import candidates
    from rgbt_tracker_ros.benchmark.drift.measure import measure
    from rgbt_tracker_ros.benchmark.drift.report import drift_report
    from rgbt_tracker_ros.benchmark.files import check_writable, write_json
    from rgbt_tracker_ros.benchmark.latency import machine
    from rgbt_tracker_ros.cli.console import console, counting, progress
    from rgbt_tracker_ros.inference.new_bundle import check_folder, new_bundle

    check_writable({'--json': json_file})
    check_folder(output)
    settings = options.make_settings(None, model, 'onnxruntime')
    learnt, checked = _split(load_dataset(dataset, root).sequences, options.names(sequences))
    reference = candidates.reference(settings.model)
    if reference.bundle.precision != candidates.PRECISIONS[0]:
        raise InputError(f'{model} is {reference.bundle.precision} already: give a model in '
                         'single precision')
    with counting('tracking', sum(map(len, learnt))) as advance:
        feeds = record_inputs(reference.bundle, reference.backend, learnt, settings, samples,
                              advance)
    if len(feeds) < _FEWEST:
        raise InputError(f'--sequences: they show {len(feeds)} search regions, {_FEWEST} are '
                         'needed: give more')
    ranged, weighed = (round(len(feeds) * share) for share in (_RANGED, _WEIGHED))
    graph = Int8Graph(reference.bundle.search_graph.file, feeds[:ranged],
                      ['score_map', 'size_map', 'offset_map'])
    order = graph.by_worth(
        feeds[ranged:ranged + weighed],
        lambda names: progress(names, 'trying nodes', len(graph.nodes)))
    nodes, made = graph.most(order, _judge(graph, feeds[ranged + weighed:], least + _MARGIN))
    if not nodes:
        console().print('refused: not even one node in int8 leaves the boxes where they were')
        raise typer.Exit(_REFUSED)
    with new_bundle(output) as work:
        _write(work, reference.bundle, made.SerializeToString())
        rival = candidates.load(candidates.parse(f'onnxruntime@{work}'), settings.model)
        with counting('checking', 2 * sum(map(len, checked))) as advance:
            drifts = measure(reference, [rival], checked, settings, on_frame=advance)
        report = drift_report({'int8': drifts[rival.name]}, least)
        row: Mapping[str, Any] = report['candidates']['int8']
        if json_file is not None:
            write_json(json_file, {
                'model': reference.bundle.name, 'nodes': nodes,
                'left_in_float': [name for name in graph.nodes if name not in nodes],
                'checked': [sequence.name for sequence in checked], **report, **machine()})
        if not row['passed']:
            console().print(f'refused: {row["reason"]}: no bundle was written', soft_wrap=True)
            raise typer.Exit(_REFUSED)
    console().print(
        f'{output}: {len(nodes)} of {len(graph.nodes)} nodes in int8, mean box IoU '
        f'{row["overlap"]["mean"]:.4f} on {row["frames"]} frames, '
        f'{row["search_ms"]["speed_up"]:.2f} times as fast on ONNX Runtime', soft_wrap=True)


def _split(sequences: Sequence[Recording], names: tuple[str, ...],
           ) -> tuple[list[Recording], list[Recording]]:
    """Return the sequences to learn from and those to check on.

    Raises
    ------
    InputError
        If a name is not known, or none is left to check on.

    """
    known = [sequence.name for sequence in sequences]
    for name in names:
        if name not in known:
            raise InputError(f'--sequences {name}: there is no such sequence: give some of '
                             f'{", ".join(known)}')
    chosen = names or known[:max(len(known) // 2, 1)]
    learnt, checked = ([sequence for sequence in sequences if (sequence.name in chosen) is wanted]
                       for wanted in (True, False))
    if not checked:
        raise InputError(f'--sequences {",".join(chosen)}: none is left to check the boxes on '
                         f'(of {len(known)} in --root): leave one out, or give a folder of more')
    return learnt, checked


def _judge(graph: Int8Graph, feeds: Sequence[Feed], least: float) -> Callable[[Any], bool]:
    """Return what says whether a variant's boxes are near enough to those in float."""
    from rgbt_tracker_ros.inference.agreement import mean_overlap

    exact = _maps(graph.run(graph.quantized(()), feeds))
    return lambda model: mean_overlap(exact, _maps(graph.run(model, feeds))) >= least


def _maps(outputs: Sequence[Outputs]) -> list[SearchMaps]:
    from rgbt_tracker_ros.inference.backend import SearchMaps

    return [SearchMaps(score[0, 0], size[0], offset[0]) for score, size, offset in outputs]


def _write(work: Path, bundle: ModelBundle, search: bytes) -> None:
    """Write the bundle's files with another search graph."""
    import yaml

    from rgbt_tracker_ros.inference.model_path import DESCRIPTION

    shutil.copyfile(bundle.template_graph.file, work / 'template.onnx')
    (work / 'search.onnx').write_bytes(search)
    description = yaml.safe_load((bundle.folder / DESCRIPTION).read_text(encoding='utf-8'))
    description['name'] = f'{bundle.name}_int8'
    description['precision'] = 'int8'
    graphs = description['graphs']
    graphs['template']['file'] = 'template.onnx'
    graphs['search'].update(file='search.onnx', sha256=hashlib.sha256(search).hexdigest())
    (work / DESCRIPTION).write_text(yaml.safe_dump(description, sort_keys=False), encoding='utf-8')
