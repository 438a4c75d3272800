# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker build-engine`: have the engines ready before the robot drives."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rgbt_tracker_ros.errors import InputError


def build_engine(
    model: Annotated[str, typer.Argument(
        metavar='NAME|DIR', help='Shipped model, or the folder of a model bundle.')],
    precision: Annotated[str, typer.Option(
        metavar='fp32|fp16', help='As model.precision.')] = 'fp32',
    cache: Annotated[Path | None, typer.Option(
        metavar='DIR', help='As model.engine_cache.', show_default='that of this user')] = None,
) -> None:
    """Build the TensorRT engines of a model, on the machine that will run them, and try them."""
    from rgbt_tracker_ros.cli.console import console
    from rgbt_tracker_ros.cli.loading import watching
    from rgbt_tracker_ros.inference.bundle import load_bundle
    from rgbt_tracker_ros.inference.engines.files import cache_folder
    from rgbt_tracker_ros.inference.engines.identity import graph_name
    from rgbt_tracker_ros.inference.engines.listing import list_engines
    from rgbt_tracker_ros.inference.engines.tools import EngineError
    from rgbt_tracker_ros.inference.tensorrt.backend import TensorRtBackend
    from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools
    from rgbt_tracker_ros.settings import Settings

    settings = Settings().updated({
        'model.precision': precision, 'model.engine_cache': str(cache or '')}).model
    bundle = load_bundle(model)
    folder = cache_folder(settings.engine_cache)
    try:
        platform = TensorRtTools.installed().platform()
    except EngineError as error:
        raise EngineError(
            f'{error}; engines are built on the machine that will run them') from error
    before = [item.kept for item in list_engines(folder, platform)]
    with watching(f'engines of {bundle.name}') as monitor:
        TensorRtBackend(bundle, settings, monitor).close()
    kept = {(item.kept.identity.onnx, item.kept.identity.precision): item.kept
            for item in list_engines(folder, platform)
            if item.kept.identity is not None and not item.useless}
    for graph in (bundle.template_graph, bundle.search_graph):
        engine = kept.get((graph.sha256, precision))
        if engine is None:
            raise InputError(f'the engine of {graph_name(graph)} works, but was not kept in '
                             f'{folder}: see the note above')
        how = 'was there' if engine in before else 'was built'
        console().print(f'{engine.path}: {engine.size / 1e6:.1f} MB, {how}', soft_wrap=True)
