# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker import-checkpoint`: take over the weights of a published tracker."""
from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.cli.console import console
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.networks.checkpoint import KeyReport


def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(metavar='FILE', help='Official checkpoint.')],
    family: Annotated[str, typer.Option(help='Whose weights these are, as ckd.')],
    output: Annotated[Path, typer.Option(help='Checkpoint to write, for export and train.')],
    bundle: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Also export a model bundle.')] = None,
    licence: Annotated[str | None, typer.Option(
        help='Licence of the weights.', show_default='unknown')] = None,
) -> None:
    """Read official weights without running what the file holds; account for every key."""
    try:
        from rgbt_tracker_ros.networks.checkpoint import load_published, read_state
        from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
        from rgbt_tracker_ros.networks.families import (
            UNKNOWN_LICENCE,
            find_family,
            random_network,
            save_network,
        )
    except ModuleNotFoundError as error:
        raise InputError(
            f'importing needs {error.name}: pip install -e ".[train]" in the repository'
        ) from error
    keys = find_family(family, published=True).published
    assert keys is not None
    state = read_state(checkpoint)
    network = random_network(family)
    report = load_published(network, state, keys)
    _show(family, report)
    if report.missing:
        raise InputError(f'{checkpoint} lacks {len(report.missing)} tensors of {family} (listed '
                         'above): it is of another tracker, or not whole; nothing was written')
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    origin = f'unknown: weights imported from {checkpoint.name}, sha256 {digest}'
    licence = licence or UNKNOWN_LICENCE
    with replacing(output) as part:
        save_network(network, origin, part, licence)
    console().print(f'checkpoint: {output}')
    if bundle is not None:
        export_bundle(network, ModelFacts(family, (origin,), licence=licence), bundle)
        console().print(f'model bundle: {bundle}')


def _show(family: str, report: KeyReport) -> None:
    """Print what became of every key of the file and of the network."""
    out = console()
    out.print(f'{family}: {report.loaded} tensors taken over')
    for text, names in (
            ('missing in the file', report.missing),
            ('not known to the network, left out', report.unexpected),
            ('without effect on the output, left out', report.unused),
            ('position tables brought to another size', report.resized)):
        out.print(f'{len(names)} {text}')
        for name in names:
            out.print(f'  {name}', markup=False, soft_wrap=True)
