# SPDX-License-Identifier: Apache-2.0
"""Does the process grow? Medians of an early and of the last part of the test are compared."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rgbt_tracker_ros.ros.soak.history import Sample

MOST_GROWTH = 0.05
MOST_THREADS = 2
_WARM_UP = 0.1
_PART = 0.2
_LEAST_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Growth:
    """Memory (MiB), and threads, of the early and of the last part."""

    memory: tuple[float, float]
    threads: tuple[float, float]

    @property
    def share(self) -> float:
        """Return by what share the memory grew."""
        return self.memory[1] / self.memory[0] - 1

    def complaints(self) -> list[str]:
        """Return what is too much, in words."""
        found = []
        if self.share > MOST_GROWTH:
            found.append(f'memory grew by {100 * self.share:.1f} %, from {self.memory[0]:.0f} to '
                         f'{self.memory[1]:.0f} MiB')
        if self.threads[1] > self.threads[0] + MOST_THREADS:
            found.append(f'threads grew from {self.threads[0]:g} to {self.threads[1]:g}')
        return found


def growth(samples: Sequence[Sample]) -> Growth | None:
    """Compare the fifth of the test after a warm-up of a tenth with its last fifth.

    Only samples taken in health count: without a model, for example, a process is small.

    Returns
    -------
    None when there are too few samples.

    """
    if not samples:
        return None
    begin, length = samples[0].at, samples[-1].at - samples[0].at
    parts = [[sample for sample in samples if sample.healthy
              and first <= (sample.at - begin) / max(length, 1e-9) <= last]
             for first, last in ((_WARM_UP, _WARM_UP + _PART), (1 - _PART, 1.0))]
    if min(map(len, parts)) < _LEAST_SAMPLES:
        return None
    memory = [median(sample.memory_mib for sample in part) for part in parts]
    threads = [median(sample.threads for sample in part) for part in parts]
    return Growth((memory[0], memory[1]), (threads[0], threads[1]))
