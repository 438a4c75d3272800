# SPDX-License-Identifier: Apache-2.0
"""A backend that fails when it is told to."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import sleep

import numpy as np

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Array, Backend, SearchMaps, TemplateTensors

FAULTS = ('error', 'crash', 'nan', 'infinite', 'shape', 'hang')
"""ModelError, any other exception, NaN maps, infinite maps, maps of another shape, a long wait."""

HANG_S = 1.0


class FaultyBackend:
    """Hands everything on to another backend, unless `fault` names what is to go wrong.

    Parameters
    ----------
    backend
        The real one.

    Attributes
    ----------
    fault
        One of FAULTS; empty = none.

    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.name, self.choice = backend.name, backend.choice
        self.fault = ''

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Make template tensors."""
        self._fail()
        return self._backend.template(rgb, thermal)

    def search(self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
               fused: bool = False) -> SearchMaps:
        """Match a search crop."""
        fault = self.fault
        self._fail()
        maps = self._backend.search(templates, rgb, thermal, fused=fused)
        if fault in ('nan', 'infinite'):
            value = np.float32(np.nan if fault == 'nan' else np.inf)
            return replace(maps, score=np.full_like(maps.score, value),
                           size=np.full_like(maps.size, value))
        if fault == 'shape':
            return replace(maps, score=maps.score[:3, :5], offset=maps.offset[:, :1])
        return maps

    def close(self) -> None:
        """Free the real backend."""
        self._backend.close()

    def _fail(self) -> None:
        if self.fault == 'error':
            raise ModelError('the soak test lets the network fail')
        if self.fault == 'crash':
            raise RuntimeError('the soak test lets the network crash')
        if self.fault == 'hang':
            sleep(HANG_S)
