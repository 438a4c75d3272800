# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker export`: make a model bundle of a training checkpoint."""
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rgbt_tracker_ros.cli.console import console
from rgbt_tracker_ros.errors import InputError


def export(
    output: Annotated[Path, typer.Option(help='Folder of the bundle.')],
    checkpoint: Annotated[Path, typer.Option(help='Checkpoint that `train` wrote.')],
    model: Annotated[str, typer.Option(help='Family of the network; unified is known.')] = (
        'unified'),
    name: Annotated[str | None, typer.Option(
        help='Name of the model.', show_default='that of the recipe')] = None,
    precision: Annotated[str, typer.Option(help='Precision of the graphs; fp32 is known.')] = (
        'fp32'),
    calibrate: Annotated[int, typer.Option(
        min=0, metavar='N', help='Calibrate the score on N fresh samples of the recipe\'s data; '
        '0 = leave it raw.')] = 0,
) -> None:
    """Write template.onnx, search.onnx and model.yaml; run the graphs once to check them."""
    if model != 'unified':
        raise InputError(f'--model {model}: this version exports unified')
    if precision != 'fp32':
        raise InputError(f'--precision {precision}: this version exports fp32')
    if not checkpoint.is_file():
        raise InputError(f'--checkpoint {checkpoint}: no such file: give one that train wrote')
    try:
        from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
        from rgbt_tracker_ros.training.trainer import averaged_network, training_data
    except ModuleNotFoundError as error:
        raise InputError(
            f'exporting needs {error.name}: pip install -e ".[train]" in the repository'
        ) from error
    from rgbt_tracker_ros.inference.bundle import load_bundle
    from rgbt_tracker_ros.inference.factory import load_backend
    from rgbt_tracker_ros.settings import ModelSettings

    network, recipe = averaged_network(checkpoint)
    scale, bias = 1.0, 0.0
    if calibrate:
        from rgbt_tracker_ros.training.calibration import calibrate as fit_score
        from rgbt_tracker_ros.training.dataset import PairDataset

        fitted = fit_score(network, PairDataset(recipe), calibrate)
        scale, bias = fitted.scale, fitted.bias
        console().print(f'calibration: scale {scale:.3f}, bias {bias:.3f}, '
                        f'expected error {fitted.error:.3f} on {fitted.samples} samples')
    facts = ModelFacts(name or recipe.name, training_data(recipe), (scale, bias))
    export_bundle(network, facts, output)
    load_backend(load_bundle(output), ModelSettings(backend='onnxruntime')).close()
    console().print(f'model bundle: {output}')
