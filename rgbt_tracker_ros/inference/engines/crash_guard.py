# SPDX-License-Identifier: Apache-2.0
"""Counts processes that died while they loaded an engine: a restart must not repeat that for ever.

A run time may crash on an engine, and whoever restarts the node would have it crash again. A note
beside the engine, of which the owner is dead, tells of that. Ctrl-C at such a moment leaves one,
too: a single death means nothing.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
from time import time

SUSPICIOUS = 2
"""After so many deaths the engine is not trusted any more."""

HOPELESS = 3
"""After so many, one of them with a new engine, it is not tried again for a while."""

_FORGOTTEN_S = 3600.0


class CrashGuard:
    """CrashGuard over one engine.

    Parameters
    ----------
    engine
        Its file, which need not be there.

    """

    def __init__(self, engine: Path) -> None:
        self.note = engine.with_name(f'.{engine.name}.loading')

    def count(self) -> int:
        """Return how many processes have died in a row; 0 also while one is at it."""
        number, owner = self._read()
        return 0 if _runs(owner) else number

    def hopeless(self) -> bool:
        """Tell whether it is better not to load the engine now."""
        if self.count() < HOPELESS:
            return False
        with suppress(OSError):
            return time() < self.note.stat().st_mtime + _FORGOTTEN_S
        return False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note that this process loads the engine; take the note away when it has survived."""
        number, owner = self._read()
        if _runs(owner):
            yield
            return
        with suppress(OSError):
            self.note.write_text(f'{number + 1} {os.getpid()}')
        try:
            yield
        finally:
            with suppress(OSError):
                self.note.unlink()

    def _read(self) -> tuple[int, int]:
        """Return how many died, the last one may be at it still, and which that is."""
        try:
            number, owner = map(int, self.note.read_text().split())
        except (OSError, ValueError):
            return 0, 0
        return number, owner


def _runs(process: int) -> bool:
    """Tell whether another process runs; in a new container the old number may be our own."""
    if process in (0, os.getpid()):
        return False
    try:
        os.kill(process, 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)
    return True
