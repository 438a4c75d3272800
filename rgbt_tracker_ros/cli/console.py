# SPDX-License-Identifier: Apache-2.0
"""Where commands write: tables to standard output, progress and warnings to standard error."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, track

T = TypeVar('T')


@cache
def console() -> Console:
    """Return the console of results."""
    return Console(highlight=False)


@cache
def error_console() -> Console:
    """Return the console of progress bars and warnings."""
    return Console(stderr=True, highlight=False)


def warn(text: str) -> None:
    """Write a note for the user, above a progress bar that may be running."""
    error_console().print(f'note: {text}', style='yellow', markup=False, soft_wrap=True)


def progress(items: Iterable[T], text: str, total: float | None = None) -> Iterator[T]:
    """Yield the items under a progress bar, which goes when it is done; only on a terminal."""
    return iter(track(items, text, total=total, console=error_console(), transient=True,
                      disable=not error_console().is_terminal))


@contextmanager
def counting(text: str, total: int) -> Iterator[Callable[..., None]]:
    """Give what is called after one of so many steps, or with a number of them."""
    with Progress(console=error_console(), transient=True,
                  disable=not error_console().is_terminal) as bar:
        task = bar.add_task(text, total=total)
        yield lambda steps=1: bar.advance(task, steps)
