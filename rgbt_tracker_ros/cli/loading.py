# SPDX-License-Identifier: Apache-2.0
"""Says what a command waits for while a model is made ready."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from rgbt_tracker_ros.cli.console import error_console, warn
from rgbt_tracker_ros.inference.monitor import Monitor

if TYPE_CHECKING:
    from rgbt_tracker_ros.settings import Settings
    from rgbt_tracker_ros.tracking.tracker import Tracker

_LINE_S = 10.0
"""Where there is no terminal, so often a line says how far it is."""


@contextmanager
def watching(text: str) -> Iterator[Monitor]:
    """Show what is being done and for how long: live on a terminal, else as lines."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = error_console()
    shown = monotonic()
    with Progress(SpinnerColumn(), TextColumn('{task.description}', markup=False), BarColumn(),
                  TimeElapsedColumn(), console=console, transient=True,
                  disable=not console.is_terminal) as bar:
        task = bar.add_task(text, total=None)

        def tell(words: str, share: float | None) -> None:
            nonlocal shown
            bar.update(task, description=words, completed=share or 0.0,
                       total=None if share is None else 1.0)
            if not console.is_terminal and monotonic() >= shown + _LINE_S:
                shown = monotonic()
                rest = '' if share is None else f', {100 * share:.0f} %'
                console.print(f'{words}{rest}', markup=False, soft_wrap=True)

        yield Monitor(tell, warn)


def load_tracker(settings: Settings) -> Tracker:
    """Load the tracker of the settings, and say so where it takes long."""
    from rgbt_tracker_ros.tracking.tracker import Tracker

    with watching(f'loading {settings.model.name}') as monitor:
        return Tracker.from_model(settings.model.name, settings.model.backend, settings, monitor)
