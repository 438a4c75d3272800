# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker inspect`: what the graphs of model bundles hold and cost."""
from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rgbt_tracker_ros.cli.console import console
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.inference.bundle import GraphSpec

_COLUMNS = ('model', 'graph', 'nodes', 'GMACs', 'parameters', 'weights', 'activations')
_BUILT = 'TensorRT-RTX'


def inspect(
    models: Annotated[list[str], typer.Argument(
        metavar='NAME|DIR...', help='Shipped models, or folders of model bundles.')],
    build: Annotated[bool, typer.Option(
        '--build', help='Also let TensorRT-RTX parse and build each graph; no GPU is needed.',
    )] = False,
    operators: Annotated[bool, typer.Option(
        '--operators', help='Also count the operators of each kind.')] = False,
    rounds: Annotated[int, typer.Option(
        '--time', min=0, metavar='N', help='Also time N frames by ONNX Runtime beside the network '
        'in PyTorch, in turns (bundles with random weights).')] = 0,
    threads: Annotated[int, typer.Option(min=1, help='Threads of both, for --time.')] = 2,
    json_file: Annotated[Path | None, typer.Option(
        '--json', metavar='FILE', help='Write the times.')] = None,
    markdown: Annotated[bool, typer.Option(
        '--markdown', help='Print the table as Markdown.')] = False,
) -> None:
    """Count nodes, multiply-adds, parameters and memory of the graphs of model bundles.

    MACs are those of matrix products and convolutions, attention included. Activations: the most
    that tensors take at once, node by node; run times that fuse operators need less.
    """
    if json_file is not None and not rounds:
        raise InputError(f'--json {json_file}: it takes the times: add --time N')
    from rgbt_tracker_ros.benchmark.files import check_writable

    check_writable({'--json': json_file})
    try:
        from rgbt_tracker_ros.networks.graph_statistics import graph_statistics
    except ModuleNotFoundError as error:
        raise InputError(
            f'inspecting needs {error.name}: pip install -e ".[train]" in the repository'
        ) from error
    from rgbt_tracker_ros.inference.bundle import load_bundle

    rows: list[list[str]] = []
    counts: list[str] = []
    for model in models:
        bundle = load_bundle(model)
        for graph in (bundle.template_graph, bundle.search_graph):
            found = graph_statistics(graph.file)
            rows.append([
                bundle.folder.name, graph.file.stem, str(found.nodes), f'{found.macs / 1e9:.2f}',
                _size(found.parameters, ''), _size(found.weight_bytes, 'B'),
                _size(found.peak_bytes, 'B'), *([_built(graph)] if build else [])])
            counts.append(f'{bundle.folder.name} {graph.file.stem}: ' + ', '.join(
                f'{kind} {count}' for kind, count in sorted(found.operators.items())))
    _show([*_COLUMNS, *([_BUILT] if build else [])], rows, markdown)
    for line in counts if operators else []:
        console().print(line, soft_wrap=True)
    if rounds:
        _time([load_bundle(model).folder for model in models], rounds, threads, markdown,
              json_file)


def _time(folders: Sequence[Path], rounds: int, threads: int, markdown: bool,
          json_file: Path | None) -> None:
    """Show how long ONNX Runtime and PyTorch take for a search graph."""
    from rgbt_tracker_ros.benchmark.files import write_json
    from rgbt_tracker_ros.benchmark.latency import machine
    from rgbt_tracker_ros.benchmark.network_speed import network_speeds

    before = os.getloadavg()[0]
    speeds = network_speeds(folders, rounds, threads)
    _show(('model', 'median of', 'ONNX Runtime ms', 'PyTorch ms', 'ratio', 'difference'), [
        [name, f'{rounds} frames', f'{found["onnxruntime_ms"]:.0f}',
         f'{found["pytorch_ms"]:.0f}', f'{found["ratio"]:.2f}', f'{found["difference"]:.1e}']
        for name, found in speeds.items()], markdown)
    if json_file is not None:
        write_json(json_file, {
            'networks': speeds, 'rounds': rounds, 'threads': threads, 'load_before': before,
            **machine()})


def _size(amount: int, unit: str) -> str:
    return f'{amount / 1e6:.1f} M{unit}'


def _built(graph: GraphSpec) -> str:
    """Build a graph by TensorRT-RTX, which takes no GPU; return how large the engine is."""
    from rgbt_tracker_ros.inference.engines.tools import BuildRequest, EngineError
    from rgbt_tracker_ros.inference.tensorrt.compiler import Compiler
    from rgbt_tracker_ros.inference.tensorrt.library import RTX, imported

    try:
        library = imported(RTX)
    except EngineError as error:
        raise InputError(f'--build needs TensorRT-RTX: pip install -e ".[rtx]" ({error})'
                         ) from error
    try:
        result = Compiler(library, BuildRequest(graph, 'fp32')).compile(
            lambda text, share: None, lambda: False)
    except EngineError as error:
        return f'fails: {error}'
    return _size(len(result.plan), 'B')


def _show(columns: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> None:
    if markdown:
        lines = [columns, ['---'] * 2 + ['---:'] * (len(columns) - 2), *rows]
        for line in lines:
            console().print(f'| {" | ".join(line)} |', soft_wrap=True, markup=False)
        return
    from rich.table import Table

    table: Any = Table()
    for index, name in enumerate(columns):
        table.add_column(name, justify='left' if index < 2 else 'right')
    for row in rows:
        table.add_row(*row)
    console().print(table)
