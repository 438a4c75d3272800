# SPDX-License-Identifier: Apache-2.0
"""Runs a model bundle by ONNX Runtime on the CPU."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import GraphSpec, ModelBundle
from rgbt_tracker_ros.inference.graph_backend import Graph, GraphBackend
from rgbt_tracker_ros.inference.processor import thread_count
from rgbt_tracker_ros.inference.tensor_check import check_tensors

_AWAKE_US = 20
_QUIET = 3  # errors only: start-up warnings about devices say nothing to a user


class OnnxRuntimeBackend(GraphBackend):
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
        super().__init__(bundle)
        count = thread_count(threads)
        self._sessions = {'template': _session(bundle.template_graph, count),
                          'search': _session(bundle.search_graph, count)}
        self.warm_up()

    def _run(self, graph: Graph, names: list[str], feed: Mapping[str, Any]) -> list[Array]:
        try:
            outputs: list[Array] = self._sessions[graph].run(names, feed)
        # ONNX Runtime's exceptions share no base class but Exception.
        except Exception as error:
            raise ModelError(f'model {self._bundle.name} failed in ONNX Runtime: '
                             f'{one_line(error)}') from error
        return outputs

    def _free(self) -> None:
        self._sessions.clear()


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
    check_tensors(graph, *({item.name: (item.type, item.shape) for item in items}
                           for items in (session.get_inputs(), session.get_outputs())))
    return session
