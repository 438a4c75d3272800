# SPDX-License-Identifier: Apache-2.0
"""Inputs of the search graph as they come up in tracking, for what is fitted to them."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rgbt_tracker_ros.benchmark.datasets import sequence
from rgbt_tracker_ros.benchmark.protocol.one_pass import track_sequence
from rgbt_tracker_ros.inference.backend import (
    AS_ASKED,
    Array,
    Backend,
    SearchMaps,
    TemplateTensors,
)
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker


def record_inputs(bundle: ModelBundle, backend: Backend, sequences: Sequence[sequence.Sequence],
                  settings: Settings, count: int, on_frame: Callable[[], None] = lambda: None,
                  ) -> list[dict[str, Array]]:
    """Track the sequences and return what the search graph was fed, evenly spread over them.

    Parameters
    ----------
    bundle, backend
        What tracks; the backend's template tensors must be arrays.
    sequences
        With a box to start from.
    settings
        Of the tracker.
    count
        About how many inputs to return, in the order in which they came up.
    on_frame
        Called after each frame.

    Raises
    ------
    InputError
        If a recording cannot be read.

    """
    recorder = _Recorder(backend, max(sum(map(len, sequences)) // count, 1))
    tracker = Tracker(bundle, recorder, settings)
    for item in sequences:
        track_sequence(tracker, item, settings, on_frame=on_frame)
    return recorder.feeds


class _Recorder:
    """Passes everything on and keeps each n-th input of the search graph."""

    name = 'recorder'

    def __init__(self, backend: Backend, every: int) -> None:
        self.choice = AS_ASKED
        self._backend = backend
        self._every = every
        self._seen = 0
        self.feeds: list[dict[str, Array]] = []

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Return the backend's template tensors."""
        return self._backend.template(rgb, thermal)

    def search(self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
               fused: bool = False) -> SearchMaps:
        """Return the backend's maps."""
        if self._seen % self._every == 0:
            feed = {f'{name}_{slot}': np.asarray(tensor)
                    for slot, tensors in enumerate(templates) for name, tensor in tensors.items()}
            self.feeds.append({**feed, 'search_rgb': rgb.copy(), 'search_thermal': thermal.copy()})
        self._seen += 1
        return self._backend.search(templates, rgb, thermal, fused=fused)

    def close(self) -> None:
        """Free the backend."""
        self._backend.close()
