# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker engines`: what is in the engine cache, and what of it can go."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.inference.engines.listing import ListedEngine
    from rgbt_tracker_ros.inference.engines.tools import Platform

_UNITS = (('days', 86400), ('hours', 3600), ('minutes', 60))


def engines(
    action: Annotated[str, typer.Argument(
        metavar='list|prune', help='Show the engines, or remove those of no use here.')] = 'list',
    cache: Annotated[Path | None, typer.Option(
        metavar='DIR', help='As model.engine_cache.', show_default='that of this user')] = None,
    all_: Annotated[bool, typer.Option(
        '--all', help='With prune: remove every engine.')] = False,
) -> None:
    """List the engines in the cache, or remove those that are of no use on this machine."""
    from rgbt_tracker_ros.cli.console import console, warn
    from rgbt_tracker_ros.inference.engines.files import cache_folder
    from rgbt_tracker_ros.inference.engines.listing import list_engines, prune
    from rgbt_tracker_ros.inference.engines.tools import EngineError
    from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools

    if action not in ('list', 'prune'):
        raise InputError(f'engines {action}: give list or prune')
    if all_ and action == 'list':
        raise InputError('--all goes with prune: engines prune --all')
    folder = cache_folder(str(cache or ''))
    if folder.exists() and not folder.is_dir():
        raise InputError(f'--cache {folder} is no folder: give that of the engines')
    platform: Platform | None = None
    if not all_:
        try:
            platform = TensorRtTools.installed().platform()
        except EngineError as error:
            if action == 'prune':
                raise InputError(f'what is of use here is not known ({error}): engines prune '
                                 '--all removes every engine') from error
            warn(str(error))
    if action == 'list':
        _show(folder, list_engines(folder, platform))
        return
    removed = prune(folder, platform)
    for kept in removed:
        console().print(f'removed {kept.path}', soft_wrap=True)
    size = sum(item.size for item in removed) / 1e6
    console().print(f'{len(removed)} engines removed, {size:.1f} MB freed in {folder}',
                    soft_wrap=True)


def _show(folder: Path, engines: list[ListedEngine]) -> None:
    from time import time

    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    if not engines:
        console().print(f'no engines in {folder}', soft_wrap=True)
        return
    table = Table(title=str(folder))
    for name in ('model', 'precision', 'GPU', 'run time', 'driver'):
        table.add_column(name)
    for name in ('MB', 'age'):
        table.add_column(name, justify='right')
    table.add_column('of use here')
    now = time()
    for item in engines:
        kept, identity = item.kept, item.kept.identity
        cells = [kept.path.name, '', '', '', ''] if identity is None else [
            identity.name, identity.precision, f'{identity.gpu} ({identity.capability})',
            f'{identity.runtime} {identity.version}', identity.driver]
        table.add_row(*cells, f'{kept.size / 1e6:.1f}', _age(now - kept.written),
                      f'no: {item.useless}' if item.useless else 'yes')
    console().print(table)


def _age(seconds: float) -> str:
    for unit, length in _UNITS:
        if seconds >= length:
            return f'{seconds / length:.0f} {unit}'
    return 'new'
