# SPDX-License-Identifier: Apache-2.0
"""A network that answers at once, so that all the rest of the node can be measured."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Array, Choice, SearchMaps, TemplateTensors
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker

_SURE = 0.99


class IdleNetwork:
    """Sees the target in the middle of every search crop, as large as it was.

    It takes crops of the bundle's sizes and gives maps of the bundle's shapes, so that the
    tracker before and after it works as ever: templates are renewed, the target is never lost.
    """

    name = 'idle'

    def __init__(self, bundle: ModelBundle) -> None:
        self.choice = Choice()
        outputs = bundle.search_graph.outputs
        score = np.zeros(outputs['score_map'][2:], np.float32)
        # Offset 0 in this cell is the middle of the crop.
        score[score.shape[0] // 2, score.shape[1] // 2] = _SURE
        self._maps = SearchMaps(
            score, np.full(outputs['size_map'][1:], 1 / bundle.search.factor, np.float32),
            np.zeros(outputs['offset_map'][1:], np.float32))
        self._crops = tuple(bundle.search_graph.inputs[name]
                            for name in ('search_rgb', 'search_thermal'))

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Return the crops as they are."""
        return {'rgb': rgb, 'thermal': thermal}

    def search(self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
               fused: bool = False) -> SearchMaps:
        """Return the same maps every time."""
        if (rgb.shape, thermal.shape) != self._crops:
            raise ModelError(f'search crops of {rgb.shape} and {thermal.shape} came, '
                             f'{self._crops} are expected')
        return self._maps

    def close(self) -> None:
        """Do nothing: nothing is held."""


def idle_tracker(model: str, backend: str, settings: Settings, monitor: Monitor) -> Tracker:
    """Return a tracker of a model's bundle, on an idle network instead of a backend.

    Raises
    ------
    ModelError
        If there is no such bundle.

    """
    bundle = load_bundle(model)
    return Tracker(bundle, IdleNetwork(bundle), settings)
