# SPDX-License-Identifier: Apache-2.0
"""Reads once a second what the tracker's process takes, as Linux counts it."""
from __future__ import annotations

import os
from pathlib import Path
import threading
from time import monotonic
from types import TracebackType

from rgbt_tracker_ros.ros.soak.bench import Bench
from rgbt_tracker_ros.ros.soak.history import Sample

_PERIOD_S = 1.0


class Sampler:
    """A thread that samples, as long as the context lasts; without /proc there are no samples.

    Parameters
    ----------
    bench
        Holds the process; it may be exchanged.

    Attributes
    ----------
    samples
        What was read, oldest first.

    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name='sampler', daemon=True)
        self.samples: list[Sample] = []

    def __enter__(self) -> Sampler:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End."""
        self._ended.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            sample = read(self._bench.tracker.pid, self._bench.cameras.healthy)
            if sample is not None:
                self.samples.append(sample)


def read(process: int, healthy: bool) -> Sample | None:
    """Read a process's memory, threads and CPU time; None when there is no such process."""
    folder = Path('/proc') / str(process)
    try:
        # The name, in brackets, may hold anything.
        fields = (folder / 'stat').read_text().rpartition(')')[2].split()
        pages = int((folder / 'statm').read_text().split()[1])
    except (OSError, IndexError):
        return None
    user, system, threads = int(fields[11]), int(fields[12]), int(fields[17])
    return Sample(
        at=monotonic(), memory_mib=pages * os.sysconf('SC_PAGE_SIZE') / 2**20, threads=threads,
        cpu_s=(user + system) / os.sysconf('SC_CLK_TCK'), healthy=healthy)
