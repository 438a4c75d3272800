# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker export`: make a model bundle of a network."""
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from rgbt_tracker_ros.cli.console import console, warn
from rgbt_tracker_ros.errors import InputError


def export(
    output: Annotated[Path, typer.Option(help='Folder of the bundle.')],
    checkpoint: Annotated[Path | None, typer.Option(
        help='What `train` or `import-checkpoint` wrote.', show_default='random weights')] = None,
    model: Annotated[str, typer.Option(
        help='Family of the network: unified, tpf, ckd, ...')] = 'unified',
    name: Annotated[str | None, typer.Option(
        help='Name of the model.', show_default='that of the recipe, else the family')] = None,
    precision: Annotated[str, typer.Option(
        metavar='fp32|fp16', help='What the graphs compute in; fp16 is for GPUs.')] = 'fp32',
    compact: Annotated[bool, typer.Option(
        '--compact', help='Store the weights in half precision: files half as large. The graphs '
        'compute in fp32 as before.')] = False,
    opset: Annotated[int, typer.Option(
        min=16, max=17, help='Operators of the graphs; 16 is for TensorRT 8.5, which has no '
        'LayerNormalization.')] = 17,
    eliminate: Annotated[bool, typer.Option(
        '--eliminate', help='Drop unlikely search tokens on the way (ckd): faster.')] = False,
    short_scans: Annotated[bool, typer.Option(
        '--short-scans', help='Scan in more, shorter chunks (ainet): fewer nodes, which TensorRT '
        'builds sooner; more memory at once.')] = False,
    licence: Annotated[str | None, typer.Option(
        help='Licence of the weights.', show_default='what the checkpoint says')] = None,
    start_share: Annotated[float, typer.Option(
        min=0, max=1, help='Share of the weights that the training started from in those that '
        'are exported.')] = 0.0,
    calibrate: Annotated[int, typer.Option(
        min=0, metavar='N', help='Calibrate the score on N fresh samples of the recipe\'s data; '
        '0 = leave it raw.')] = 0,
) -> None:
    """Write template.onnx, search.onnx and model.yaml; run the graphs once to check them."""
    if precision not in ('fp32', 'fp16'):
        raise InputError(f'--precision {precision}: give fp32 or fp16')
    if checkpoint is not None and not checkpoint.is_file():
        trouble = 'it is a folder' if checkpoint.is_dir() else 'no such file'
        raise InputError(f'--checkpoint {checkpoint}: {trouble}: give the file that train or '
                         'import-checkpoint wrote')
    try:
        from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
    except ModuleNotFoundError as error:
        raise InputError(
            f'exporting needs {error.name}: pip install -e ".[train]" in the repository'
        ) from error
    from rgbt_tracker_ros.inference.bundle import load_bundle
    from rgbt_tracker_ros.inference.factory import load_backend
    from rgbt_tracker_ros.inference.new_bundle import check_folder
    from rgbt_tracker_ros.settings import ModelSettings

    check_folder(output)
    source = _source(model, checkpoint)
    if start_share:
        _mix(source, start_share)
    if eliminate:
        _eliminate(source.network)
    if short_scans:
        source = replace(source, network=_with_short_scans(source.network))
    calibration = _calibration(source, calibrate) if calibrate else (1.0, 0.0)
    facts = ModelFacts(
        name or source.name, source.training_data, calibration, licence or source.licence)
    export_bundle(source.network, facts, output, half=precision == 'fp16', compact=compact,
                  opset=opset)
    load_backend(load_bundle(output), ModelSettings(backend='onnxruntime')).close()
    console().print(f'model bundle: {output}')
    if precision == 'fp16' and checkpoint is not None:
        console().print(
            'whether its boxes stay where those in fp32 are was not checked: rgbt-tracker '
            f'compare-backends --root TRACKS --model FP32_DIR --with onnxruntime@{output} does',
            soft_wrap=True, markup=False)


@dataclass(frozen=True, slots=True)
class _Source:
    """A network with what is known of its weights; `recipe` where they were trained here."""

    network: Any
    name: str
    training_data: tuple[str, ...]
    licence: str = 'Apache-2.0'
    recipe: Any = None


def _source(family: str, checkpoint: Path | None) -> _Source:
    from rgbt_tracker_ros.networks.families import load_network, random_network

    if checkpoint is None:
        network = random_network(family)
        warn(f'without --checkpoint {family} gets random weights: it can be timed, not used')
        return _Source(network, family, ('none: random weights',))
    stored = load_network(checkpoint)
    if stored is not None:
        source = _Source(stored.network, family, (stored.origin,), stored.licence)
    else:
        from rgbt_tracker_ros.training.trainer import averaged_network, training_data

        network, recipe = averaged_network(checkpoint)
        source = _Source(network, recipe.name, training_data(recipe),
                         licence_of(recipe.network.start), recipe)
    if source.network.family != family:
        raise InputError(f'--model {family}: {checkpoint} holds a network of family '
                         f'{source.network.family}: give --model {source.network.family}')
    return source


def licence_of(start: Path | str | None) -> str:
    """Return the licence of weights that were trained from `start`, as far as that tells it."""
    from rgbt_tracker_ros.networks.families import UNKNOWN_LICENCE, load_network
    from rgbt_tracker_ros.training.trainer import averaged_network

    if not isinstance(start, Path):
        return 'Apache-2.0'
    try:
        stored = load_network(start)
        return stored.licence if stored else licence_of(averaged_network(start)[1].network.start)
    except (InputError, OSError):
        return UNKNOWN_LICENCE          # of another tracker, or no longer there


def _mix(source: _Source, share: float) -> None:
    """Mix the weights with those that the training started from."""
    if source.recipe is None:
        raise InputError(f'--start-share {share:g}: give a checkpoint of train')
    from rgbt_tracker_ros.training.mixing import mix_with_start

    mix_with_start(source.network, source.recipe.network.start, share)


def _eliminate(network: Any) -> None:
    """Switch candidate elimination on, where the network knows it."""
    from rgbt_tracker_ros.networks.elimination import PUBLISHED_BLOCKS

    if not hasattr(network.config, 'eliminate_at'):
        raise InputError(f'--eliminate: {network.family} does not drop tokens: leave it out')
    network.config = replace(network.config, eliminate_at=PUBLISHED_BLOCKS)


def _with_short_scans(network: Any) -> Any:
    """Return the same network with other chunk lengths, where it knows them."""
    from rgbt_tracker_ros.networks.ainet import SHORT_SCANS

    if not hasattr(network.config, 'ofm_steps'):
        raise InputError(f'--short-scans: {network.family} scans no chunks: leave it out')
    shorter = type(network)(replace(network.config, **SHORT_SCANS)).eval()
    shorter.load_state_dict(network.state_dict())
    return shorter


def _calibration(source: _Source, count: int) -> tuple[float, float]:
    """Fit the score's calibration on fresh samples; return scale and bias."""
    if source.recipe is None:
        raise InputError('--calibrate takes samples of the recipe that a network was trained by: '
                         'give a checkpoint of train, or leave it out')
    from rgbt_tracker_ros.training.calibration import calibrate
    from rgbt_tracker_ros.training.dataset import PairDataset

    fitted = calibrate(source.network, PairDataset(source.recipe), count)
    console().print(f'calibration: scale {fitted.scale:.3f}, bias {fitted.bias:.3f}, '
                    f'expected error {fitted.error:.3f} on {fitted.samples} samples')
    return fitted.scale, fitted.bias
