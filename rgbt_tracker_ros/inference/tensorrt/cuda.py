# SPDX-License-Identifier: Apache-2.0
"""The few functions of the CUDA run time that are needed, by cuda-python."""
from __future__ import annotations

import ctypes
from importlib import import_module
from typing import Any

import numpy as np

from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.engines.tools import EngineError
from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu

MODULES = ('cuda.bindings.runtime', 'cuda.cudart')
"""Where cuda-python keeps the run time: from 12.8 and 11.8.6 on, and before."""

_REMEDIES = {
    2: 'the GPU has no memory left: end other programs on it, or take a smaller model',
    700: 'the GPU cannot be used by this process any more: start it again',
    719: 'the GPU cannot be used by this process any more: start it again',
}
_OLD_DRIVER = 35


class Cuda:
    """CUDA's first device; memory and streams are whole numbers, as TensorRT wants them.

    Raises
    ------
    EngineError
        From the constructor if cuda-python is missing, from every method if the call fails.

    """

    def __init__(self) -> None:
        self._api = _imported()
        kinds = self._api.cudaMemcpyKind
        self._up = kinds.cudaMemcpyHostToDevice
        self._down = kinds.cudaMemcpyDeviceToHost
        self._across = kinds.cudaMemcpyDeviceToDevice

    def allocate(self, size: int) -> int:
        """Return the address of `size` bytes on the GPU."""
        return int(self._call('cudaMalloc', size))

    def free(self, address: int) -> None:
        """Free memory of the GPU."""
        self._call('cudaFree', address)

    def allocate_pinned(self, size: int) -> int:
        """Return the address of `size` bytes of the host that the GPU copies from by itself."""
        return int(self._call('cudaHostAlloc', size, 0))

    def free_pinned(self, address: int) -> None:
        """Free pinned memory of the host."""
        self._call('cudaFreeHost', address)

    def upload(self, address: int, pinned: int, size: int, stream: int) -> None:
        """Copy from pinned memory to the GPU, in turn on a stream."""
        self._call('cudaMemcpyAsync', address, pinned, size, self._up, stream)

    def download(self, pinned: int, address: int, size: int, stream: int) -> None:
        """Copy from the GPU to pinned memory, in turn on a stream."""
        self._call('cudaMemcpyAsync', pinned, address, size, self._down, stream)

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy within the GPU's memory, in turn on a stream."""
        self._call('cudaMemcpyAsync', target, source, size, self._across, stream)

    def make_stream(self) -> int:
        """Return a stream that waits for no other one."""
        return int(self._call('cudaStreamCreateWithFlags', self._api.cudaStreamNonBlocking))

    def destroy_stream(self, stream: int) -> None:
        """Free a stream."""
        self._call('cudaStreamDestroy', stream)

    def wait(self, stream: int) -> None:
        """Wait until everything on a stream is done."""
        self._call('cudaStreamSynchronize', stream)

    def begin_capture(self, stream: int) -> None:
        """Note what this thread puts on a stream from now on, instead of doing it."""
        mode = self._api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call('cudaStreamBeginCapture', stream, mode)

    def end_capture(self, stream: int) -> Any:
        """Return what was noted as a graph."""
        return self._call('cudaStreamEndCapture', stream)

    def instantiate(self, graph: Any) -> Any:
        """Make a graph executable."""
        return self._call('cudaGraphInstantiateWithFlags', graph, 0)

    def launch(self, executable: Any, stream: int) -> None:
        """Put an executable graph on a stream."""
        self._call('cudaGraphLaunch', executable, stream)

    def destroy_graph(self, graph: Any) -> None:
        """Free a graph."""
        self._call('cudaGraphDestroy', graph)

    def destroy_executable(self, executable: Any) -> None:
        """Free an executable graph."""
        self._call('cudaGraphExecDestroy', executable)

    def make_event(self) -> Any:
        """Return an event: a mark in a stream that knows its time."""
        return self._call('cudaEventCreate')

    def record(self, event: Any, stream: int) -> None:
        """Put an event on a stream."""
        self._call('cudaEventRecord', event, stream)

    def milliseconds(self, begin: Any, end: Any) -> float:
        """Return the time between two events that the GPU has passed."""
        return float(self._call('cudaEventElapsedTime', begin, end))

    def destroy_event(self, event: Any) -> None:
        """Free an event."""
        self._call('cudaEventDestroy', event)

    def free_memory(self) -> int:
        """Return how many bytes of the GPU's memory nobody uses."""
        return int(self._call('cudaMemGetInfo', several=True)[0])

    def forget_error(self) -> None:
        """Clear the error that the last failed call left for later ones."""
        self._api.cudaGetLastError()

    def _call(self, name: str, *arguments: Any, several: bool = False) -> Any:
        try:
            status, *values = getattr(self._api, name)(*arguments)
        # cuda-python raises RuntimeError for what it cannot load, TypeError for wrong arguments.
        except Exception as error:
            raise EngineError(f'{name} failed: {error}: pip install --upgrade cuda-python'
                              ) from error
        if int(status) != 0:
            raise EngineError(f'{name} failed: {self._reason(status)}')
        if several:
            return values
        return values[0] if values else None

    def _reason(self, status: Any) -> str:
        code = int(status)
        _, name = self._api.cudaGetErrorName(status)
        text = f'{name.decode(errors="replace")} ({code})'
        if code == _OLD_DRIVER:
            major = find_gpu().cuda.split('.')[0]
            return (f'{text}: the driver is older than cuda-python: '
                    f'pip install "cuda-python=={major}.*"')
        return f'{text}: {_REMEDIES[code]}' if code in _REMEDIES else text


def view(address: int, shape: tuple[int, ...], dtype: str) -> Array:
    """Return memory of the host as an array; it must live longer than the array."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = memoryview((ctypes.c_byte * size).from_address(address)).cast('B')
    array: Array = np.frombuffer(memory, dtype).reshape(shape)
    return array


def _imported() -> Any:
    reasons = []
    for module in MODULES:
        try:
            return import_module(module)
        except ImportError as error:
            reasons.append(str(error))
    raise EngineError(f'cuda-python cannot be imported ({"; ".join(reasons)}): '
                      'pip install cuda-python')
