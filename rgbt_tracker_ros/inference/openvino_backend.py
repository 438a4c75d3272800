# SPDX-License-Identifier: Apache-2.0
"""Runs a model bundle by OpenVINO on the CPU."""
from __future__ import annotations

from collections.abc import Mapping
import re
import sys
from types import ModuleType
from typing import Any

from rgbt_tracker_ros.errors import ModelError, one_line
from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import GraphSpec, ModelBundle
from rgbt_tracker_ros.inference.graph_backend import Graph, GraphBackend
from rgbt_tracker_ros.inference.processor import thread_count
from rgbt_tracker_ros.inference.tensor_check import FLOAT, check_tensors

_HINTS = {'fp32': 'f32', 'fp16': 'f16'}
_SENDER = 'openvino_telemetry'


class OpenVinoBackend(GraphBackend):
    """OpenVINO on the CPU.

    Parameters
    ----------
    bundle
        The checked model bundle.
    threads
        CPU threads, as for ONNX Runtime.
    precision
        fp32, or fp16: half precision where the CPU computes in it, which on x86 is bfloat16, and
        single precision elsewhere. Left alone, OpenVINO would take bfloat16 without a word.

    Attributes
    ----------
    computes_in
        What it really computes in: `float32`, `bfloat16` or `float16`.

    Raises
    ------
    ModelError
        If OpenVINO is missing, a graph cannot be loaded, its tensors are not those of model.yaml,
        or the first run fails.

    """

    name = 'openvino'

    def __init__(self, bundle: ModelBundle, threads: int = 0, precision: str = 'fp32') -> None:
        super().__init__(bundle)
        self._ov = _openvino()
        options = {
            'PERFORMANCE_HINT': 'LATENCY', 'NUM_STREAMS': '1',
            'INFERENCE_NUM_THREADS': thread_count(threads),
            'INFERENCE_PRECISION_HINT': _HINTS[precision],
            # Threads that are tied to a core wait for it beside busy programs.
            'ENABLE_CPU_PINNING': False}
        core = self._ov.Core()
        compiled = {kind: _compiled(core, graph, options) for kind, graph in (
            ('template', bundle.template_graph), ('search', bundle.search_graph))}
        self.computes_in: str = compiled['search'].get_property(
            'INFERENCE_PRECISION_HINT').to_string()
        # One request for each graph, used again and again, and what its inputs were set to.
        self._requests = {kind: graph.create_infer_request() for kind, graph in compiled.items()}
        self._given: dict[Graph, dict[str, Any]] = {'template': {}, 'search': {}}
        self.warm_up()

    def _run(self, graph: Graph, names: list[str], feed: Mapping[str, Any]) -> list[Array]:
        request, given = self._requests[graph], self._given[graph]
        try:
            for name, array in feed.items():
                # Crops come in the same memory and templates stay for many frames.
                if given.get(name) is not array:
                    request.set_tensor(name, self._ov.Tensor(array, shared_memory=True))
                    given[name] = array
            request.infer()
            # The request's own memory is written to again by the next run.
            return [request.get_tensor(name).data.copy() for name in names]
        # OpenVINO raises RuntimeError, its bindings TypeError and ValueError.
        except Exception as error:
            given.clear()
            raise ModelError(f'model {self._bundle.name} failed in OpenVINO: '
                             f'{_reason(error)}') from error

    def _free(self) -> None:
        self._requests.clear()
        self._given.clear()


def _openvino() -> Any:
    """Import OpenVINO without the part that reports its use over the network."""
    unset = _SENDER not in sys.modules
    if unset:
        # None makes an import of it fail; OpenVINO then uses a stand-in that sends nothing.
        sys.modules[_SENDER] = _NO_MODULE
    try:
        import openvino
    except ImportError as error:
        raise ModelError(f'backend openvino cannot be imported ({one_line(error)}): '
                         'pip install openvino') from error
    finally:
        if unset:
            del sys.modules[_SENDER]
    return openvino


_NO_MODULE: ModuleType = None  # type: ignore[assignment]


def _compiled(core: Any, graph: GraphSpec, options: Mapping[str, Any]) -> Any:
    try:
        model = core.read_model(str(graph.file))
        tensors = [{name: (_type(port), tuple(port.get_partial_shape().get_max_shape()))
                    for port in ports for name in port.get_names()}
                   for ports in (model.inputs, model.outputs)]
        compiled = core.compile_model(model, 'CPU', dict(options))
    except Exception as error:
        raise ModelError(f'{graph.file} cannot be loaded by OpenVINO: {_reason(error)}: '
                         'export the model again') from error
    check_tensors(graph, *tensors)
    return compiled


def _reason(error: Exception) -> str:
    """Return what OpenVINO complains of, without the places in its source code."""
    text = re.sub(r"Exception from \S+|Check '.*?' failed at \S+", ' ', str(error))
    return one_line(RuntimeError(text))


def _type(port: Any) -> str:
    name = port.get_element_type().to_string()
    return FLOAT if name in ('f32', 'float32') else f'tensor({name})'
