# SPDX-License-Identifier: Apache-2.0
"""Counts loads of an engine that nobody survived: a restart must not repeat that for ever.

A run time may crash or hang on an engine, or take the whole board down, and whoever restarts the
node would have it do so again. A note beside the engine that nobody has locked tells of that.
Ctrl-C at such a moment leaves one, too: a single note means nothing.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
import os
from pathlib import Path
from time import time
from typing import IO

from rgbt_tracker_ros.inference.engines.lock import try_lock
from rgbt_tracker_ros.inference.engines.tools import EngineHangsError

SUFFIX = '.loading'

SUSPICIOUS = 2
"""After so many crashes the engine is not trusted any more."""

HOPELESS = 3
"""After so many, one of them with a new engine, it is not tried again for a while."""

_FORGOTTEN_S = 3600.0


class CrashGuard:
    """Crashes over one engine.

    Parameters
    ----------
    engine
        Its file, which need not be there.

    """

    def __init__(self, engine: Path) -> None:
        self.note = engine.with_name(f'.{engine.name}{SUFFIX}')

    def count(self) -> int:
        """Return how many loads in a row ended badly; 0 also while a process is at it."""
        with suppress(OSError), self.note.open() as file:
            return _number(file) if try_lock(file.fileno()) else 0
        return 0

    def hopeless(self) -> bool:
        """Tell whether it is better not to load the engine now."""
        if self.count() < HOPELESS:
            return False
        with suppress(OSError):
            # Many a robot's clock begins in the past at each start, until it finds a network.
            return abs(time() - self.note.stat().st_mtime) < _FORGOTTEN_S
        return False

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note that this process loads the engine; take the note away when it has survived."""
        with ExitStack() as stack:
            # A cache that cannot be written to, or a second process that loads, leaves no note.
            with suppress(OSError):
                file = stack.enter_context(self.note.open('a+'))
                if try_lock(file.fileno()):
                    stack.push(self._survived)
                    number = _number(file)
                    file.truncate(0)
                    file.write(str(number + 1))
                    file.flush()
                    os.fsync(file.fileno())
            yield

    def _survived(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or not issubclass(kind, EngineHangsError):
            with suppress(OSError):
                self.note.unlink()


def _number(file: IO[str]) -> int:
    try:
        file.seek(0)
        return int(file.read())
    except ValueError:      # damaged, or no text
        return 0
