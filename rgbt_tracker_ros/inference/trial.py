# SPDX-License-Identifier: Apache-2.0
"""Times two backends in turns on the same crops, and sees whether they agree."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np

from rgbt_tracker_ros.inference.agreement import Scene, mean_overlap, scenes
from rgbt_tracker_ros.inference.backend import Backend
from rgbt_tracker_ros.inference.bundle import ModelBundle

_SCENES = 4
_FEWEST, _MOST = 5, 40
_BUDGET_S = 0.6


@dataclass(frozen=True, slots=True)
class Trial:
    """What came out.

    Attributes
    ----------
    overlap
        Mean IoU of the boxes of both, 0..1.
    speed_up
        How many times as fast the other one is as the reference: the median over turns, so that
        what else runs on the machine slows both.
    reference_ms, other_ms
        Median time of a search, ms.

    """

    overlap: float
    speed_up: float
    reference_ms: float
    other_ms: float


def processor_ms(backend: Backend, bundle: ModelBundle) -> float:
    """Return the processor time of a search, ms: the best of a few.

    Other programs do not count, as they would for the time that passes.
    """
    look = _search(backend, bundle, next(scenes(bundle, 1)))
    return 1000 * min(_seconds(look, process_time) for _ in range(_FEWEST))


def compare(reference: Backend, other: Backend, bundle: ModelBundle,
            stop: Callable[[], bool]) -> Trial | None:
    """Compare two backends for about half a second; None when `stop` said so.

    Raises
    ------
    ModelError
        If one of them fails.

    """
    shown = list(scenes(bundle, _SCENES))
    maps = [[scene.show(backend, bundle.template_slots) for scene in shown]
            for backend in (reference, other)]
    looks = [_search(backend, bundle, shown[0]) for backend in (reference, other)]
    seconds: list[tuple[float, float]] = []
    end = perf_counter() + _BUDGET_S
    while len(seconds) < _FEWEST or (perf_counter() < end and len(seconds) < _MOST):
        if stop():
            return None
        # Each of them goes first in every second turn.
        first, second = (0, 1) if len(seconds) % 2 else (1, 0)
        turn = {place: _seconds(looks[place], perf_counter) for place in (first, second)}
        seconds.append((turn[0], turn[1]))
    times = np.array(seconds)
    reference_ms, other_ms = (1000 * float(value) for value in np.median(times, axis=0))
    return Trial(mean_overlap(*maps), float(np.median(times[:, 0] / times[:, 1])), reference_ms,
                 other_ms)


def _search(backend: Backend, bundle: ModelBundle, scene: Scene) -> Callable[[], object]:
    templates = [backend.template(*scene.template)] * bundle.template_slots
    return lambda: backend.search(templates, *scene.search)


def _seconds(call: Callable[[], object], clock: Callable[[], float]) -> float:
    begin = clock()
    call()
    return clock() - begin
