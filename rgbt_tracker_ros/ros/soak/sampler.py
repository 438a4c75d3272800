# SPDX-License-Identifier: Apache-2.0
"""Reads once a second what the tracker's process takes, as Linux counts it."""
from __future__ import annotations

import threading
from types import TracebackType

from rgbt_tracker_ros.ros.process_load import Load
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
            load = Load.of(self._bench.tracker.pid)
            if load is not None:
                self.samples.append(Sample(load.at, load.memory_mib, load.threads, load.cpu_s,
                                           self._bench.cameras.healthy))
