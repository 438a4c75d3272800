# SPDX-License-Identifier: Apache-2.0
"""Times of calls on the host and of their work on the GPU."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np

Percentiles = dict[str, float]


class Clock(Protocol):
    """Measures what the GPU does in between two marks in the stream of its work."""

    def begin(self) -> None:
        """Mark the beginning."""
        ...

    def milliseconds(self) -> float:
        """Mark the end, wait until the GPU has come there, and return the time in between."""
        ...


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: at most `runs` calls and `seconds`, after `trials` calls unmeasured."""

    runs: int = 300
    seconds: float = 8.0
    trials: int = 10


def host_times(call: Callable[[], object], effort: Effort) -> Percentiles:
    """Return percentiles of a call that ends when its results are there, milliseconds."""
    def timed() -> float:
        begin = perf_counter()
        call()
        return 1000 * (perf_counter() - begin)

    return _percentiles(timed, effort)


def gpu_times(call: Callable[[], object], clock: Clock, effort: Effort) -> Percentiles:
    """Return percentiles of what a call has the GPU do, milliseconds."""
    def timed() -> float:
        clock.begin()
        call()
        return clock.milliseconds()

    return _percentiles(timed, effort)


def _percentiles(timed: Callable[[], float], effort: Effort) -> Percentiles:
    end = perf_counter() + effort.seconds
    for _ in range(effort.trials):
        timed()
        if perf_counter() > end - effort.seconds / 2:
            break
    times = [timed()]
    while len(times) < effort.runs and perf_counter() < end:
        times.append(timed())
    return {'runs': len(times), 'mean': float(np.mean(times)), **{
        f'p{share}': float(np.percentile(times, share)) for share in (50, 95, 99)}}
