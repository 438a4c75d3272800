# SPDX-License-Identifier: Apache-2.0
"""A backend that other ones follow like shadows: all see what the reference is shown."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import (
    AS_ASKED,
    Array,
    Backend,
    SearchMaps,
    TemplateTensors,
)

REFERENCE = ''
"""Key of the reference among the answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One search region, and what each backend made of it.

    Attributes
    ----------
    rgb, thermal
        The normalised crops, 1 x C x X x X; valid until the next look.
    maps, seconds
        By the candidate's name, REFERENCE for the reference.

    """

    rgb: Array
    thermal: Array
    maps: Mapping[str, SearchMaps]
    seconds: Mapping[str, float]


class Shadows:
    """Answers as the reference does, and keeps what the candidates would have answered.

    Templates are those that the reference's track chose, and each candidate makes its own tensors
    of them. Each look begins with another one, so that none is always timed after the same other.

    Attributes
    ----------
    looks
        Since they were last taken out.
    failed
        Why a candidate runs no longer, by its name.

    """

    name = 'shadows'

    def __init__(self, reference: Backend, candidates: Mapping[str, Backend]) -> None:
        self.choice = AS_ASKED
        self._backends = {REFERENCE: reference, **candidates}
        self._turn = 0
        self.looks: list[Look] = []
        self.failed: dict[str, str] = {}

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Return the template tensors of all, by their names."""
        made = {}
        for name, backend in self._running().items():
            try:
                made[name] = backend.template(rgb, thermal)
            except ModelError as error:
                self._fail(name, error)
        return made

    def search(self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
               fused: bool = False) -> SearchMaps:
        """Return the reference's maps."""
        maps, seconds = {}, {}
        for name, backend in self._running().items():
            begin = perf_counter()
            try:
                maps[name] = backend.search(
                    [slot[name] for slot in templates], rgb, thermal, fused=fused).checked()
            except ModelError as error:
                self._fail(name, error)
                continue
            seconds[name] = perf_counter() - begin
        self.looks.append(Look(rgb, thermal, maps, seconds))
        return maps[REFERENCE]

    def close(self) -> None:
        """Free all."""
        for backend in self._backends.values():
            backend.close()

    def _running(self) -> dict[str, Backend]:
        """Return those that have not failed, each time in another order."""
        items = [item for item in self._backends.items() if item[0] not in self.failed]
        self._turn = (self._turn + 1) % len(items)
        return dict(items[self._turn:] + items[:self._turn])

    def _fail(self, name: str, error: ModelError) -> None:
        if name == REFERENCE:
            raise error
        self.failed[name] = str(error)


def largest_errors(reference: SearchMaps, other: SearchMaps) -> dict[str, float]:
    """Return the largest absolute difference in each map."""
    return {part: float(np.abs(getattr(other, part) - getattr(reference, part)).max())
            for part in ('score', 'size', 'offset')}
