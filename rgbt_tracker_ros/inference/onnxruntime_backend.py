# SPDX-License-Identifier: Apache-2.0
"""Runs a model bundle by ONNX Runtime, on the CPU or, where it can, on an NVIDIA GPU."""
from __future__ import annotations

from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, Literal

from rgbt_tracker_ros.errors import ModelError, one_line
from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import GraphSpec, ModelBundle
from rgbt_tracker_ros.inference.engines.tools import EngineError
from rgbt_tracker_ros.inference.graph_backend import Graph, GraphBackend
from rgbt_tracker_ros.inference.processor import thread_count
from rgbt_tracker_ros.inference.tensor_check import check_tensors
from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu

Device = Literal['cpu', 'cuda', 'tensorrt']

_AWAKE_US = 20
_PROVIDERS = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider',
              'tensorrt': 'TensorrtExecutionProvider'}
_QUIET = 3  # errors only: start-up warnings about devices say nothing to a user


class OnnxRuntimeBackend(GraphBackend):
    """ONNX Runtime.

    Parameters
    ----------
    bundle
        The checked model bundle.
    threads
        CPU threads; 0 = one per core this process may use, at most 4.
    device
        `cpu`; `cuda` or `tensorrt`, which take onnxruntime-gpu.

    Raises
    ------
    ModelError
        If ONNX Runtime is missing or cannot use the device, a graph cannot be loaded, its tensors
        are not those of model.yaml, or the first run fails.

    """

    name = 'onnxruntime'

    def __init__(self, bundle: ModelBundle, threads: int = 0, device: Device = 'cpu') -> None:
        super().__init__(bundle)
        self.device = device
        count = thread_count(threads)
        self._sessions = {'template': load_session(bundle.template_graph, count, device),
                          'search': load_session(bundle.search_graph, count, device)}
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


def has_gpu() -> bool:
    """Tell whether the installed ONNX Runtime is one for GPUs, and there is a GPU."""
    try:
        find_gpu()
    except EngineError:
        return False
    return _PROVIDERS['cuda'] in _imported().get_available_providers()


def _imported() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            f'backend onnxruntime cannot be imported ({one_line(error)}): '
            'pip install onnxruntime') from error
    return onnxruntime


def _providers(device: Device) -> list[Any]:
    """Return what a graph may run on, the preferred one first."""
    if device == 'cpu':
        return [_PROVIDERS['cpu']]
    # Rounding to TF32 would move boxes; other backends do not round either.
    cuda = (_PROVIDERS['cuda'], {'use_tf32': '0'})
    first = [_PROVIDERS['tensorrt']] if device == 'tensorrt' else []
    return [*first, cuda, _PROVIDERS['cpu']]


def _load_cuda(onnxruntime: Any) -> None:
    """Load the CUDA and cuDNN that pip installed, where the linker does not look for them."""
    # From 1.21 on. It prints what it misses; a session that lacks it is an error with a remedy.
    preload = getattr(onnxruntime, 'preload_dlls', None)
    if preload is not None:
        with redirect_stdout(StringIO()):
            preload()


def load_session(graph: GraphSpec, threads: int, device: Device) -> Any:
    """Return a session of a graph; raise ModelError where ONNX Runtime cannot run it there."""
    onnxruntime = _imported()
    wanted = _PROVIDERS[device]
    if wanted not in onnxruntime.get_available_providers():
        raise ModelError(f'ONNX Runtime {onnxruntime.__version__} has no {wanted}: '
                         'pip install onnxruntime-gpu in place of onnxruntime')
    if device != 'cpu':
        _load_cuda(onnxruntime)
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
            str(graph.file), options, providers=_providers(device))
    # ONNX Runtime's exceptions share no base class but Exception.
    except Exception as error:
        raise ModelError(f'{graph.file} cannot be loaded: {one_line(error)}: '
                         'export the model again') from error
    # Where a provider's libraries are missing, ONNX Runtime goes on without it.
    if wanted not in session.get_providers():
        raise ModelError(f'ONNX Runtime {onnxruntime.__version__} cannot use its {wanted}: are '
                         'its CUDA and cuDNN libraries installed? '
                         'pip install "onnxruntime-gpu[cuda,cudnn]" brings them')
    check_tensors(graph, *({item.name: (item.type, item.shape) for item in items}
                           for items in (session.get_inputs(), session.get_outputs())))
    return session
