# SPDX-License-Identifier: Apache-2.0
"""Runs a model bundle by ONNX Runtime on the CPU."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
from typing import Any

import numpy as np

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Array, Choice, SearchMaps, TemplateTensors
from rgbt_tracker_ros.inference.bundle import GraphSpec, ModelBundle

_MOST_THREADS = 4
_AWAKE_US = 20
_QUIET = 3  # errors only: start-up warnings about devices say nothing to a user


class OnnxRuntimeBackend:
    """ONNX Runtime on the CPU.

    Parameters
    ----------
    bundle
        The checked model bundle.
    threads
        CPU threads; 0 = one per core this process may use, at most 4.

    Raises
    ------
    ModelError
        If ONNX Runtime is missing, a graph cannot be loaded, its tensors are not those of
        model.yaml, or the first run fails.

    """

    name = 'onnxruntime'

    def __init__(self, bundle: ModelBundle, threads: int = 0) -> None:
        self.choice = Choice()
        self._bundle = bundle
        count = threads or min(_MOST_THREADS, usable_cores())
        self._template: Any = _session(bundle.template_graph, count)
        self._search: Any = _session(bundle.search_graph, count)
        self._maps = ['score_map', 'size_map', 'offset_map']
        self._warm_up()

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Turn a normalised template crop (1 x C x Z x Z each) into template tensors."""
        names = list(self._bundle.template_graph.outputs)
        feed = {'template_rgb': rgb, 'template_thermal': thermal}
        tensors = dict(zip(names, self._run(self._template, names, feed), strict=True))
        for name, tensor in tensors.items():
            if not np.isfinite(tensor).all():
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
        names = [*self._maps, 'fused_image'] if want_fused else self._maps
        outputs = dict(zip(names, self._run(self._search, names, feed), strict=True))
        return SearchMaps(
            score=outputs['score_map'][0, 0], size=outputs['size_map'][0],
            offset=outputs['offset_map'][0],
            fused=outputs['fused_image'][0] if want_fused else None)

    def close(self) -> None:
        """Free the sessions; the backend cannot be used afterwards. Again is no harm."""
        self._template = self._search = None

    def _run(self, session: Any, names: list[str], feed: Mapping[str, Any]) -> list[Array]:
        if session is None:
            raise ModelError(f'model {self._bundle.name} was closed: load it again')
        try:
            outputs: list[Array] = session.run(names, feed)
        # ONNX Runtime's exceptions share no base class but Exception.
        except Exception as error:
            raise ModelError(
                f'model {self._bundle.name} failed in ONNX Runtime: {one_line(error)}') from error
        return outputs

    def _warm_up(self) -> None:
        """Run both graphs once so that the first frame is as quick as the others."""
        crops = [np.zeros(shape, np.float32)
                 for shape in self._bundle.template_graph.inputs.values()]
        tensors = self.template(*crops)
        graph = self._bundle.search_graph
        search = [np.zeros(graph.inputs[f'search_{part}'], np.float32)
                  for part in ('rgb', 'thermal')]
        self.search([tensors] * self._bundle.template_slots, *search).checked()


def usable_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_line(error: Exception) -> str:
    """Return an exception's text on one line of at most 300 characters."""
    return ' '.join(str(error).split())[:300]


def _session(graph: GraphSpec, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f'backend onnxruntime cannot be imported ({one_line(error)}): '
            'pip install onnxruntime') from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = _QUIET
    # Threads that sleep between operators cost a small network a third of its speed. Those that
    # wait awake for long take the cores from whatever else runs, and from each other: beside busy
    # programs a frame took three times as long. (Older versions know only the first entry.)
    options.add_session_config_entry('session.intra_op.allow_spinning', '1')
    options.add_session_config_entry('session.intra_op.spin_duration_us', str(_AWAKE_US))
    try:
        session = onnxruntime.InferenceSession(
            str(graph.file), options, providers=['CPUExecutionProvider'])
    # ONNX Runtime's exceptions share no base class but Exception.
    except Exception as error:
        raise ModelError(f'{graph.file} cannot be loaded: {one_line(error)}: '
                         'export the model again') from error
    _check_tensors(graph, 'inputs', graph.inputs, session.get_inputs())
    _check_tensors(graph, 'outputs', graph.outputs, session.get_outputs())
    return session


def _check_tensors(graph: GraphSpec, kind: str, described: Mapping[str, tuple[int, ...]],
                   found: Sequence[Any]) -> None:
    """Raise ModelError unless the graph's own tensors are those of model.yaml."""
    wanted = {name: ('tensor(float)', list(shape)) for name, shape in described.items()}
    actual = {item.name: (item.type, list(item.shape)) for item in found}
    for name in [*wanted, *actual]:
        if wanted.get(name) != actual.get(name):
            raise ModelError(
                f'{graph.file}: {kind} differ from model.yaml at {name!r}: the graph has '
                f'{_shown(actual.get(name))}, model.yaml says {_shown(wanted.get(name))}: '
                'export the model again')


def _shown(tensor: tuple[str, list[int]] | None) -> str:
    return 'no such tensor' if tensor is None else f'{tensor[0]} {tensor[1]}'
