# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker doctor`: the GPU, and which backends can run here."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from rgbt_tracker_ros.cli.finding import Finding
from rgbt_tracker_ros.errors import ModelError

_DEFAULT = 'onnxruntime'


def examine_gpu() -> Iterator[Finding]:
    """Yield driver and GPU, and whether programs in Python reach it."""
    from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda
    from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu

    try:
        gpu = find_gpu()
    except ModelError as error:
        yield Finding('GPU', 'missing', str(error))
        return
    yield Finding('GPU', 'ok', f'{gpu.name}, compute capability {gpu.capability}, driver for '
                  f'CUDA {gpu.cuda}')
    try:
        free = Cuda().free_memory()
    except ModelError as error:
        yield Finding('cuda-python', 'warning', str(error))
    else:
        yield Finding('cuda-python', 'ok', f'{free / 2 ** 30:.1f} GiB of the GPU are free')


def examine_backends() -> Iterator[Finding]:
    """Yield each backend: its version and what it would run on, or why it cannot."""
    from rgbt_tracker_ros.inference.factory import RUNTIMES

    more: dict[str, Callable[[], Iterator[Finding]]] = {
        'onnxruntime': _onnxruntime, 'tensorrt': _tensorrt, 'torch': _torch}
    for name, runtime in RUNTIMES.items():
        if not runtime.installed:
            yield Finding(f'backend {name}', 'error' if name == _DEFAULT else 'missing',
                          _remedy(name))
        elif name in more:
            yield from more[name]()
        else:
            yield Finding(f'backend {name}', 'ok', installed_version(name))


def installed_version(package: str) -> str:
    """Return a package's version, as far as it is known."""
    try:
        return version(package)
    except PackageNotFoundError:
        return 'present, version unknown'


def _remedy(name: str) -> str:
    from rgbt_tracker_ros.inference.tensorrt.library import REMEDY

    return REMEDY if name == 'tensorrt' else f'pip install {name}'


def _onnxruntime() -> Iterator[Finding]:
    import onnxruntime

    from rgbt_tracker_ros.inference.onnxruntime_backend import has_gpu

    where = 'on the GPU (CUDA)' if has_gpu() else 'on the CPU'
    yield Finding('backend onnxruntime', 'ok', f'{onnxruntime.__version__}, {where}')


def _tensorrt() -> Iterator[Finding]:
    from rgbt_tracker_ros.inference.tensorrt.library import MODULES
    from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools

    for module in MODULES:
        if find_spec(module) is None:
            continue
        if not _gpu_works():
            # Not imported then: it would end this process.
            yield Finding('backend tensorrt', 'missing', f'{module} is there, but no GPU (above)')
            continue
        try:
            found = TensorRtTools(module).platform().version
        except ModelError as error:
            yield Finding('backend tensorrt', 'warning', str(error))
        else:
            yield Finding('backend tensorrt', 'ok', f'{module} {found}')


def _torch() -> Iterator[Finding]:
    found = installed_version('torch')
    if not _gpu_works():
        yield Finding('backend torch', 'ok', f'{found}, on the CPU')
        return
    import torch

    if torch.cuda.is_available():
        yield Finding('backend torch', 'ok', f'{found}, on the GPU')
    else:
        yield Finding('backend torch', 'warning', f'{found} cannot use the GPU: it is a build for '
                      'CPUs, or for another CUDA')


def _gpu_works() -> bool:
    from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu

    try:
        find_gpu()
    except ModelError:
        return False
    return True
