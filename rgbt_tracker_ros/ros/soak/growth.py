# SPDX-License-Identifier: Apache-2.0
"""Does the process grow? An early and the last part of the test are compared.

What a process holds goes up and down by a tenth, with the frames that wait and with the holes that
freed images leave between others. A leak raises both what it usually holds and what it never goes
under; so the lesser rise of the two counts.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from rgbt_tracker_ros.ros.soak.history import Sample

MOST_GROWTH = 0.05
MOST_THREADS = 2

_SHORT_S = 600.0
_MOST_GROWTH_SHORT = 0.3
"""In a short test buffers still fill (by 20 % in 3 minutes on a busy machine), and chance decides
which of the faults that free memory are in which part."""

_WARM_UP = 0.1
_PART = 0.2
_LEAST_SAMPLES = 3
_FLOOR = 10

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """Figures of the early and of the last part.

    Attributes
    ----------
    floor
        10th percentile of the memory, MiB.
    memory
        Median of the memory, MiB.
    threads
        Median of the number of threads.
    seconds
        Length of the test.

    """

    floor: Pair
    memory: Pair
    threads: Pair
    seconds: float

    @property
    def share(self) -> float:
        """Return by what share both floor and median rose."""
        return min(late / early for early, late in (self.floor, self.memory)) - 1

    def complaints(self) -> list[str]:
        """Return what is too much, in words."""
        found = []
        if self.share > (MOST_GROWTH if self.seconds >= _SHORT_S else _MOST_GROWTH_SHORT):
            found.append(f'memory grew by {100 * self.share:.1f} %, its median from '
                         f'{self.memory[0]:.0f} to {self.memory[1]:.0f} MiB')
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
    early, late = ([sample for sample in samples if sample.healthy
                    and first <= (sample.at - begin) / max(length, 1e-9) <= last]
                   for first, last in ((_WARM_UP, _WARM_UP + _PART), (1 - _PART, 1.0)))
    if min(len(early), len(late)) < _LEAST_SAMPLES:
        return None
    return Growth(
        floor=(_floor(early), _floor(late)),
        memory=(median(sample.memory_mib for sample in early),
                median(sample.memory_mib for sample in late)),
        threads=(median(sample.threads for sample in early),
                 median(sample.threads for sample in late)),
        seconds=length)


def _floor(samples: Sequence[Sample]) -> float:
    return float(np.percentile([sample.memory_mib for sample in samples], _FLOOR))
