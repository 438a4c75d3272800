# SPDX-License-Identifier: Apache-2.0
"""Files of the cache: whole or not there, also when the power fails."""
from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
import os
from pathlib import Path

from rgbt_tracker_ros.inference.engines.tools import EngineError

_PART = '.part'


def cache_folder(setting: str = '') -> Path:
    """Return the folder of `model.engine_cache`; empty = that of this user.

    Raises
    ------
    EngineError
        If it lies in a home that is not known.

    """
    base = os.environ.get('XDG_CACHE_HOME', '')
    # A relative path there is invalid by its specification, and is ignored.
    own = Path(base if os.path.isabs(base) else '~/.cache') / 'rgbt_tracker_ros' / 'engines'
    try:
        return (Path(setting) if setting else own).expanduser()
    except RuntimeError as error:
        raise EngineError(f'engines cannot be kept in {setting or own} ({error}): give '
                          'model.engine_cache a folder') from error


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that takes the place of an older one at once, when it is on the disk.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left then.

    """
    part = path.with_name(f'.{path.name}{_PART}{os.getpid()}')
    try:
        with part.open('wb') as file:
            for piece in parts:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what writers left that were killed; only while nobody writes."""
    for part in folder.glob(f'.*{_PART}*'):
        with suppress(OSError):
            part.unlink()


def _sync_folder(folder: Path) -> None:
    """Have the new name of a file survive a power failure, where the file system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
