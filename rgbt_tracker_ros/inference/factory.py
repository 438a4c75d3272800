# SPDX-License-Identifier: Apache-2.0
"""Makes the backend that runs a model bundle."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Backend
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.inference.fallback import with_stand_in
from rgbt_tracker_ros.inference.watch import Watch
from rgbt_tracker_ros.settings import ModelSettings

Make = Callable[[ModelBundle, ModelSettings, Watch], Backend]


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


def _onnxruntime(bundle: ModelBundle, settings: ModelSettings, _: Watch) -> Backend:
    from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend

    return OnnxRuntimeBackend(bundle, settings.threads)


def _torch(bundle: ModelBundle, settings: ModelSettings, _: Watch) -> Backend:
    from rgbt_tracker_ros.inference.pytorch.backend import TorchBackend

    return TorchBackend(bundle, settings.threads)


def _openvino(bundle: ModelBundle, settings: ModelSettings, _: Watch) -> Backend:
    from rgbt_tracker_ros.inference.openvino_backend import OpenVinoBackend

    return OpenVinoBackend(bundle, settings.threads, settings.precision)


def _tensorrt(bundle: ModelBundle, settings: ModelSettings, watch: Watch) -> Backend:
    from rgbt_tracker_ros.inference.tensorrt.backend import TensorRtBackend

    return TensorRtBackend(bundle, settings, watch)


RUNTIMES = {
    'onnxruntime': Runtime(('onnxruntime',), _onnxruntime),
    'openvino': Runtime(('openvino',), _openvino),
    'tensorrt': Runtime(('tensorrt', 'tensorrt_rtx'), _tensorrt, fragile=True),
    'torch': Runtime(('torch',), _torch),
}
"""By the name in `model.backend`; each is imported when it is made, in a file of its own."""


def available_backends() -> dict[str, bool]:
    """Return every backend's name and whether its run time is installed."""
    return {name: runtime.installed for name, runtime in RUNTIMES.items()}


def load_backend(bundle: ModelBundle, settings: ModelSettings | None = None,
                 watch: Watch | None = None) -> Backend:
    """Load a bundle into the backend that `settings.backend` names.

    Where that one is fragile and fails, now or later, ONNX Runtime stands in: `Backend.choice`
    says so.

    Raises
    ------
    ModelError
        If this version has no such backend, or it cannot load the model.

    """
    settings, watch = settings or ModelSettings(), watch or Watch()
    if settings.backend == 'auto':
        return RUNTIMES['onnxruntime'].make(bundle, settings, watch)
    if settings.backend not in RUNTIMES:
        raise ModelError(
            f'model.backend = {settings.backend!r} is not in this version: use auto or '
            f'{", ".join(RUNTIMES)}')
    runtime = RUNTIMES[settings.backend]
    if runtime.fragile:
        return with_stand_in(
            settings.backend, partial(runtime.make, bundle, settings, watch),
            partial(RUNTIMES['onnxruntime'].make, bundle, settings, watch), watch)
    return runtime.make(bundle, settings, watch)
