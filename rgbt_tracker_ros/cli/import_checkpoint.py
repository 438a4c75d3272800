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

_PATCH = 16
_OF_ONE_STREAM = ('trunk.', 'rgb.', 'thermal.', 'head.')
"""What a network shares with a one-stream tracker: trunk, or two of them, and head."""


def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(metavar='FILE', help='Official checkpoint.')],
    family: Annotated[str, typer.Option(help='Whose weights these are, as ckd.')],
    output: Annotated[Path, typer.Option(help='Checkpoint to write, for export and train.')],
    bundle: Annotated[Path | None, typer.Option(
        metavar='DIR', help='Also export a model bundle.')] = None,
    licence: Annotated[str | None, typer.Option(
        help='Licence of the weights.', show_default='unknown')] = None,
    one_stream: Annotated[bool, typer.Option(
        '--one-stream', help='FILE is of a one-stream RGB tracker (OSTrack, DropTrack): take its '
        'trunk and head, for training to start from; the rest is random.')] = False,
    template_size: Annotated[int | None, typer.Option(
        min=32, metavar='PIXELS', help='Side of the template crop.', show_default='128')] = None,
    search_size: Annotated[int | None, typer.Option(
        min=32, metavar='PIXELS', help='Side of the search crop.', show_default='256')] = None,
) -> None:
    """Read official weights without running what the file holds; account for every key."""
    sizes = _sizes(template_size=template_size, search_size=search_size)
    try:
        from rgbt_tracker_ros.networks.checkpoint import load_published, read_state
        from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
        from rgbt_tracker_ros.networks.families import (
            UNKNOWN_LICENCE,
            find_family,
            random_network,
            save_network,
        )
        from rgbt_tracker_ros.training.ckd_method import one_stream_as_ckd
    except ModuleNotFoundError as error:
        raise InputError(
            f'importing needs {error.name}: pip install -e ".[train]" in the repository'
        ) from error
    found = find_family(family, 'one_stream' if one_stream else 'published')
    keys = found.one_stream if one_stream else found.published
    assert keys is not None
    state = read_state(checkpoint)
    if one_stream and family == 'ckd':
        state = one_stream_as_ckd(state)
    network = random_network(family, **sizes)
    report = load_published(network, state, keys)
    _show(family, report)
    lacking = [name for name in report.missing
               if not one_stream or name.startswith(_OF_ONE_STREAM)]
    if lacking:
        raise InputError(f'{checkpoint} lacks {len(lacking)} tensors of {family} (listed '
                         'above): it is of another tracker, or not whole; nothing was written')
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    what = 'trunk and head, beside random weights,' if one_stream else 'weights'
    origin = f'unknown: {what} imported from {checkpoint.name}, sha256 {digest}'
    licence = licence or UNKNOWN_LICENCE
    with replacing(output) as part:
        save_network(network, origin, part, licence)
    console().print(f'checkpoint: {output}')
    if bundle is not None:
        export_bundle(network, ModelFacts(family, (origin,), licence=licence), bundle)
        console().print(f'model bundle: {bundle}')


def _sizes(**given: int | None) -> dict[str, int]:
    """Return the sizes of crops that were given; they must be cut into whole patches."""
    for name, size in given.items():
        if size is not None and size % _PATCH:
            raise InputError(f'--{name.replace("_", "-")} {size}: give a multiple of {_PATCH}')
    return {name: size for name, size in given.items() if size is not None}


def _show(family: str, report: KeyReport) -> None:
    """Print what became of every key of the file and of the network."""
    out = console()
    out.print(f'{family}: {report.loaded} tensors taken over')
    for text, names in (
            ('missing in the file', report.missing),
            ('not known to the network, left out', report.unexpected),
            ('without effect on the output, left out', report.unused),
            ('position tables brought to another size', report.resized),
            ('marks of a crop added to its position table', report.added)):
        out.print(f'{len(names)} {text}')
        for name in names:
            out.print(f'  {name}', markup=False, soft_wrap=True)
