# SPDX-License-Identifier: Apache-2.0
"""What `evaluate` runs with: where results go, who tracks, and how far it is."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.protocol.evaluate import Watch
    from rgbt_tracker_ros.benchmark.protocol.executors import Executor
    from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun


@contextmanager
def result_folder(output: Path | None) -> Iterator[Path]:
    """Give the folder of the results, one that is deleted if nobody wants them."""
    if output is not None:
        yield output
        return
    with TemporaryDirectory(prefix='rgbt_tracker_') as folder:
        yield Path(folder)


def make_executor(workers: int, ray: str | None) -> Executor:
    """Return who tracks: this process, several (0: one per core), or a Ray cluster."""
    from rgbt_tracker_ros.benchmark.protocol.executors import Processes, Serial
    from rgbt_tracker_ros.benchmark.protocol.ray_cluster import Ray
    from rgbt_tracker_ros.inference.processor import usable_cores

    workers = workers or usable_cores()
    if ray is not None:
        return Ray(ray, workers)
    return Serial() if workers == 1 else Processes(workers)


@contextmanager
def watching(label: str) -> Iterator[Watch]:
    """Show how far it is, in frames, and when it will be done; on a terminal only."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from rgbt_tracker_ros.benchmark.protocol.evaluate import Watch
    from rgbt_tracker_ros.cli.console import error_console, warn

    console = error_console()
    with Progress(TextColumn('{task.description}'), BarColumn(),
                  TextColumn('{task.fields[done]}/{task.fields[all]} sequences'),
                  TimeRemainingColumn(), TextColumn('left'), console=console, transient=True,
                  disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None, done=0, all=0)
        count = [0]

        def begin(sequences: int, frames: int, finished: int) -> None:
            bar.update(task, total=frames, all=sequences)
            if finished:
                warn(f'{finished} sequences were finished before, {sequences} are left')

        def sequence(run: SequenceRun) -> None:
            count[0] += 1
            bar.update(task, done=count[0])
            if run.error:
                warn(f'{run.name}: {run.error}')

        yield Watch(begin, lambda frames: bar.advance(task, frames), sequence)
