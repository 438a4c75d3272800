# SPDX-License-Identifier: Apache-2.0
"""What backends that run a bundle's two graphs have in common."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Array, Choice, SearchMaps, TemplateTensors
from rgbt_tracker_ros.inference.bundle import ModelBundle

Graph = Literal['template', 'search']

_MAPS = ('score_map', 'size_map', 'offset_map')


class GraphBackend(ABC):
    """A backend that leaves to its run time how one graph is loaded, run and freed.

    A subclass loads its graphs and then calls `warm_up`.
    """

    name: str

    def __init__(self, bundle: ModelBundle) -> None:
        self.choice = Choice()
        self._bundle = bundle
        self._closed = False

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Turn a normalised template crop (1 x C x Z x Z each) into template tensors.

        Raises
        ------
        ModelError
            If the run fails, or gives NaN or infinity.

        """
        names = list(self._bundle.template_graph.outputs)
        feed = {'template_rgb': rgb, 'template_thermal': thermal}
        tensors = dict(zip(names, self._outputs('template', names, feed), strict=True))
        for name, tensor in tensors.items():
            if not np.isfinite(self._array(tensor)).all():
                raise ModelError(f'model gave NaN or infinity in {name!r}')
        return tensors

    def search(
        self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
        fused: bool = False,
    ) -> SearchMaps:
        """Match a normalised search crop (1 x C x X x X each) against the template slots.

        Raises
        ------
        ModelError
            If the number of templates is wrong, or the run fails.

        """
        slots = self._bundle.template_slots
        if len(templates) != slots:
            raise ModelError(
                f'model {self._bundle.name} takes {slots} templates, got {len(templates)}')
        feed = {f'{name}_{slot}': tensor for slot, tensors in enumerate(templates)
                for name, tensor in tensors.items()}
        feed['search_rgb'] = rgb
        feed['search_thermal'] = thermal
        want_fused = fused and self._bundle.gives_fused
        names = [*_MAPS, 'fused_image'] if want_fused else list(_MAPS)
        maps = [self._array(tensor) for tensor in self._outputs('search', names, feed)]
        score, size, offset, *rest = (array[0] for array in maps)
        return SearchMaps(score[0], size, offset, rest[0] if rest else None)

    def close(self) -> None:
        """Free the graphs; the backend cannot be used afterwards. Again is no harm."""
        self._closed = True
        self._free()

    def warm_up(self) -> None:
        """Run both graphs once: the first frame is as quick as the others, and cannot fail."""
        crops = [np.zeros(shape, np.float32)
                 for shape in self._bundle.template_graph.inputs.values()]
        tensors = self.template(*crops)
        graph = self._bundle.search_graph
        search = [np.zeros(graph.inputs[f'search_{part}'], np.float32)
                  for part in ('rgb', 'thermal')]
        self.search([tensors] * self._bundle.template_slots, *search).checked()

    def _outputs(self, graph: Graph, names: list[str], feed: Mapping[str, Any]) -> list[Any]:
        if self._closed:
            raise ModelError(f'model {self._bundle.name} was closed: load it again')
        return self._run(graph, names, feed)

    @abstractmethod
    def _run(self, graph: Graph, names: list[str], feed: Mapping[str, Any]) -> list[Any]:
        """Return the named outputs, as what template tensors are kept as; or raise ModelError."""

    def _array(self, tensor: Any) -> Array:
        """Return an output of `_run` as an array."""
        array: Array = tensor
        return array

    @abstractmethod
    def _free(self) -> None:
        """Free the graphs; again is no harm."""
