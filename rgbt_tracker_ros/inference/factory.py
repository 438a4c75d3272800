# SPDX-License-Identifier: Apache-2.0
"""Makes the backend that runs a model bundle."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Backend, Choice
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.inference.choice import choose
from rgbt_tracker_ros.inference.fallback import with_fallback
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.settings import ModelSettings

Make = Callable[[ModelBundle, ModelSettings, Monitor], Backend]


@dataclass(frozen=True, slots=True)
class Runtime:
    """One run time.

    Attributes
    ----------
    modules
        Python modules that bring it; one of them is enough.
    make
        Loads a bundle into it, or raises ModelError with the remedy.
    fragile
        It lives on a GPU and its driver, which may fail on any day: ONNX Runtime stands in then.

    """

    modules: tuple[str, ...]
    make: Make
    fragile: bool = False

    @property
    def installed(self) -> bool:
        """Tell whether it can be imported, without importing it."""
        return any(find_spec(module) is not None for module in self.modules)


def _onnxruntime(bundle: ModelBundle, settings: ModelSettings, monitor: Monitor) -> Backend:
    from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend, has_gpu

    on_cpu = partial(_on_cpu, bundle, settings)
    if has_gpu():
        on_gpu = partial(OnnxRuntimeBackend, bundle, settings.threads, 'cuda')
        return with_fallback('onnxruntime on the GPU', on_gpu, on_cpu, monitor)
    return on_cpu()


def _on_cpu(bundle: ModelBundle, settings: ModelSettings) -> Backend:
    """Load what always runs."""
    from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend

    return OnnxRuntimeBackend(bundle, settings.threads)


def _torch(bundle: ModelBundle, settings: ModelSettings, _: Monitor) -> Backend:
    from rgbt_tracker_ros.inference.pytorch.backend import TorchBackend

    return TorchBackend(bundle, settings.threads)


def _openvino(bundle: ModelBundle, settings: ModelSettings, _: Monitor) -> Backend:
    from rgbt_tracker_ros.inference.openvino_backend import OpenVinoBackend

    return OpenVinoBackend(bundle, settings.threads, settings.precision)


def _tensorrt(bundle: ModelBundle, settings: ModelSettings, monitor: Monitor) -> Backend:
    from rgbt_tracker_ros.inference.tensorrt.backend import TensorRtBackend

    return TensorRtBackend(bundle, settings, monitor)


RUNTIMES = {
    'onnxruntime': Runtime(('onnxruntime',), _onnxruntime),
    'openvino': Runtime(('openvino',), _openvino),
    'tensorrt': Runtime(('tensorrt', 'tensorrt_rtx'), _tensorrt, fragile=True),
    'torch': Runtime(('torch',), _torch),
}
"""By the name in `model.backend`; each is imported when it is made, in a file of its own."""

_CPU_RIVALS = ('openvino',)


def available_backends() -> dict[str, bool]:
    """Return every backend's name and whether its run time is installed."""
    return {name: runtime.installed for name, runtime in RUNTIMES.items()}


def load_backend(bundle: ModelBundle, settings: ModelSettings | None = None,
                 monitor: Monitor | None = None) -> Backend:
    """Load a bundle into the backend that `settings.backend` names.

    Where that one is fragile and fails, now or later, ONNX Runtime stands in: `Backend.choice`
    says so.

    Raises
    ------
    ModelError
        If this version has no such backend, or it cannot load the model.

    """
    settings, monitor = settings or ModelSettings(), monitor or Monitor()
    if settings.backend == 'auto':
        return _auto(bundle, settings, monitor)
    if settings.backend not in RUNTIMES:
        raise ModelError(
            f'model.backend = {settings.backend!r} is not in this version: use auto or '
            f'{", ".join(RUNTIMES)}')
    return _load(settings.backend, bundle, settings, monitor)


def _auto(bundle: ModelBundle, settings: ModelSettings, monitor: Monitor) -> Backend:
    """Load TensorRT where there is a GPU for it, else what is the quickest on the CPU."""
    gpu = gpu_name() if RUNTIMES['tensorrt'].installed else ''
    if gpu:
        backend = _load('tensorrt', bundle, settings, monitor)
        if not backend.choice.degraded:
            backend.choice = Choice(f'chosen by auto: TensorRT is installed, and there is {gpu}')
        return backend
    rivals = tuple(name for name in _CPU_RIVALS if RUNTIMES[name].installed)
    return choose(bundle, settings, monitor, lambda name: _load(name, bundle, settings, monitor),
                  rivals)


def _load(name: str, bundle: ModelBundle, settings: ModelSettings, monitor: Monitor) -> Backend:
    runtime = RUNTIMES[name]
    make = partial(runtime.make, bundle, settings, monitor)
    if runtime.fragile:
        # Not on the GPU, even where ONNX Runtime could: that may be what fails or hangs.
        return with_fallback(name, make, partial(_on_cpu, bundle, settings), monitor)
    return make()


def gpu_name() -> str:
    """Return the name of the NVIDIA GPU, empty where there is none that works."""
    from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu

    try:
        return find_gpu().name
    except ModelError:
        return ''
