# SPDX-License-Identifier: Apache-2.0
"""What the demonstration shows in the terminal: progress, the live run, the figures."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rgbt_tracker_ros.cli.console import error_console
from rgbt_tracker_ros.cli.demo_material import Material
from rgbt_tracker_ros.cli.demo_report import Summary

if TYPE_CHECKING:
    from rgbt_tracker_ros.ros.monitor import Glance

_PLAIN_PERIOD_S = 3.0
"""Between two lines where the output is no terminal."""

_BAR = 24
_STYLES = {'tracking': 'bold green', 'lost': 'bold red'}


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; gives the function that moves it, called with done and total."""
    bar = Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(),
                   TimeRemainingColumn(), console=error_console(), transient=True,
                   disable=not error_console().is_terminal)
    begin = time.monotonic()
    plain = _Periodic()
    with bar:
        task = bar.add_task(title, total=None)

        def move(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            plain.say(lambda: f'{title}: {done} of {total}')

        yield move
    error_console().print(f'{title}: {time.monotonic() - begin:.1f} s')


class LiveDisplay:
    """One line that says where the run is: time, pairs, rate, score, state, cameras, event.

    Use it as a context.

    Parameters
    ----------
    material
        What is played.

    """

    def __init__(self, material: Material) -> None:
        self._material = material
        self._live = Live(console=error_console(), transient=True, auto_refresh=False) \
            if error_console().is_terminal else None
        self._plain = _Periodic()

    def __enter__(self) -> LiveDisplay:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Remove the line."""
        if self._live is not None:
            self._live.stop()

    def show(self, glance: Glance | None) -> None:
        """Show the newest status."""
        line = Text('starting player, tracker and recorder') if glance is None \
            else self._line(glance)
        if self._live is not None:
            self._live.update(line, refresh=True)
        self._plain.say(lambda: line.plain)

    def _line(self, glance: Glance) -> Text:
        elapsed = glance.stamp - glance.first_stamp
        duration = self._material.duration
        target = glance.target
        done = round(_BAR * min(elapsed / duration, 1.0))
        rate = (glance.frames - 1) / elapsed if elapsed > 0 else 0.0
        state = target.get('state', '')
        return Text.assemble(
            ('━' * done, 'green'), ('━' * (_BAR - done), 'dim'),
            f' {elapsed:4.1f}/{duration:.1f} s  {glance.frames} pairs  {rate:4.1f}/s  score ',
            f'{float(target.get("score") or 0):.2f}  ',
            (f'{state.upper():8}', _STYLES.get(state, '')),
            f'  {target.get("mode", ""):7}  ', (self._event(elapsed), 'yellow'),
            no_wrap=True, overflow='ellipsis')

    def _event(self, elapsed: float) -> str:
        truth, stamps = self._material.truth, self._material.rgb_stamps
        if truth is None:
            return ''
        index = min(int(stamps.searchsorted(elapsed + stamps[0])), len(stamps) - 1)
        return '' if truth.events[index] == 'clear' else truth.events[index].replace('+', ' + ')


class _Periodic:
    """Prints a line now and then, where no terminal shows a live one."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PLAIN_PERIOD_S

    def say(self, text: Callable[[], str]) -> None:
        if not error_console().is_terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_PERIOD_S
            error_console().print(text(), soft_wrap=True)


def headline(summary: Summary) -> str:
    """Return the figures that matter most, on one line."""
    success = '' if summary.success is None else f'success (SR) {summary.success:.2f}, '
    return (f'{success}{summary.fps:.1f} answers per second, latency '
            f'{_times(summary.latency_ms)}, {summary.dropped} frames dropped')


def summary_table(name: str, summary: Summary) -> Table:
    """Return the figures as a table."""
    table = Table(title=name, show_header=False, title_justify='left')
    table.add_column()
    table.add_column(justify='right')
    for label, value in summary_rows(summary):
        table.add_row(label, value)
    return table


def summary_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return the figures in words."""
    rows = [
        ('frames played', f'{summary.rgb_frames} RGB, {summary.thermal_frames} thermal'),
        ('pairs tracked', f'{summary.pairs} (+ {summary.single} with one camera alone)'),
        ('RGB frames without a thermal partner', str(summary.unpaired)),
        ('dropped', str(summary.dropped)),
        ('rate', f'{summary.fps:.1f} per second'),
        ('latency, stamp to detection', _times(summary.latency_ms)),
        ('of it the network', _times(summary.backend_ms)),
        ('of it all else', _times(summary.overhead_ms)),
        ('lost', f'{summary.lost} answers')]
    if summary.success is not None:
        rows.append(('success (SR)', f'{summary.success:.3f}'))
        rows += [(f'  during {name}', f'{value:.3f}') for name, value in summary.events.items()]
    if summary.found_again is not None:
        rows.append(('found again after the occlusion', 'yes' if summary.found_again else 'no'))
    return rows


def _times(times: tuple[float, float]) -> str:
    return f'{times[0]:.1f} ms median, {times[1]:.1f} ms p95'
