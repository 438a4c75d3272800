# SPDX-License-Identifier: Apache-2.0
"""An engine on the GPU: buffers made once, one step a frame, as a CUDA graph where that works."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.engines.tools import EngineError, TensorInfo
from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda
from rgbt_tracker_ros.inference.tensorrt.library import error_log
from rgbt_tracker_ros.inference.tensorrt.memory import DeviceTensor, Resources
from rgbt_tracker_ros.inference.tensorrt.tensors import tensors_of

_ALIKE = 1e-2
"""A captured graph may take other kernels; what it computes is the same."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """A tensor's memory on the GPU, and its pinned twin on the host."""

    device: int
    pinned: int
    array: Array


class TensorRtEngine:
    """An engine with static shapes, on a stream of its own; for one thread at a time.

    Parameters
    ----------
    library
        The module of TensorRT.
    cuda
        CUDA's first device.
    plan
        The serialised engine.

    Raises
    ------
    EngineError
        If TensorRT refuses the plan, a tensor has no fixed shape or a foreign type, or the GPU
        has no memory for it; nothing is left on the GPU then.

    """

    def __init__(self, library: Any, cuda: Cuda, plan: bytes) -> None:
        self._cuda = cuda
        self._errors = error_log(library)
        self._resources = Resources(cuda)
        self._graphs = Resources(cuda)
        self._runtime: Any = None
        self._native: Any = None
        self._context: Any = None
        self._graph: Any = None
        self._bound: dict[str, int] = {}
        self._closed = False
        self._stream = self._resources.stream()
        try:
            self._load(library, plan)
        except BaseException:
            self.close()
            raise

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Return every input and output by its name."""
        return self._tensors

    @property
    def captured(self) -> bool:
        """Tell whether a step is one CUDA graph."""
        return self._graph is not None

    @property
    def stream(self) -> int:
        """Return the stream on which all its work is done."""
        return self._stream

    def run(self, feed: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return all outputs for all inputs, as arrays of the host.

        Raises
        ------
        EngineError
            If an input is missing or of another shape, or the run fails.

        """
        if missing := [name for name in self._inputs if name not in feed]:
            raise EngineError(f'engine needs the input {missing[0]!r}')
        for name in self._inputs:
            self.fill(name, feed[name])
        self._bound.clear()
        self._enqueue(self._inputs, self._outputs)
        self.wait()
        return {name: self.value(name) for name in self._outputs}

    def prepare(self, resident: Collection[str], optional: Collection[str], *,
                capture: bool = True) -> str:
        """Fix what a step is, and capture it as a CUDA graph.

        Parameters
        ----------
        resident
            Inputs that stay on the GPU: a step does not upload them, see `bind`.
        optional
            Outputs that a step leaves on the GPU, see `fetch`.
        capture
            False makes no CUDA graph, to see what one saves.

        Returns
        -------
        str
            Why there is no CUDA graph; empty when there is one.

        Raises
        ------
        EngineError
            If a step fails.

        """
        self._uploads = [name for name in self._inputs if name not in resident]
        self._downloads = [name for name in self._outputs if name not in optional]
        random = np.random.default_rng(0)
        before = self.run({name: random.standard_normal(self._tensors[name].shape, np.float32)
                           for name in self._inputs})
        if not capture:
            return 'none is wanted'
        reason = ''
        try:
            self._graph = self._capture()
            self._clear()
            self.launch()
            self.wait()
            if not self._agrees(before):
                raise EngineError('it gives other numbers than the engine')
        except EngineError as error:
            self._graph, reason = None, str(error)
            self._cuda.forget_error()
            self.launch()
            self.wait()
        return reason

    def fill(self, name: str, array: Array) -> None:
        """Put an input where the next step uploads it from."""
        if self._closed:
            raise EngineError('the engine was closed')
        target = self._buffers[name].array
        if array.shape != target.shape:
            raise EngineError(f'input {name!r} has shape {array.shape}, the engine takes '
                              f'{target.shape}')
        np.copyto(target, array)

    def bind(self, name: str, tensor: DeviceTensor) -> None:
        """Use a tensor on the GPU as a resident input from the next step on."""
        if self._bound.get(name) != tensor.serial:
            buffer = self._buffers[name]
            if tensor.values.shape != buffer.array.shape:
                raise EngineError(f'input {name!r} has shape {tensor.values.shape}, the engine '
                                  f'takes {buffer.array.shape}')
            self._cuda.copy(buffer.device, tensor.address, buffer.array.nbytes, self._stream)
            self._bound[name] = tensor.serial

    def launch(self) -> None:
        """Begin a step: upload inputs, run, download outputs."""
        if self._graph is not None:
            self._cuda.launch(self._graph, self._stream)
        else:
            self._enqueue(self._uploads, self._downloads)

    def fetch(self, name: str) -> None:
        """Begin to download an optional output of the step."""
        buffer = self._buffers[name]
        self._cuda.download(buffer.pinned, buffer.device, buffer.array.nbytes, self._stream)

    def keep(self, name: str, tensor: DeviceTensor) -> None:
        """Begin to copy an output of the step to a tensor that stays on the GPU."""
        buffer = self._buffers[name]
        self._cuda.copy(tensor.address, buffer.device, buffer.array.nbytes, self._stream)

    def wait(self) -> None:
        """Wait until all that was begun is done."""
        self._cuda.wait(self._stream)

    def recover(self) -> None:
        """Come to rest after an error; nobody knows then what the resident inputs hold."""
        self._bound.clear()
        with suppress(EngineError):
            self.wait()

    def value(self, name: str) -> Array:
        """Return a copy of what was downloaded last."""
        return np.array(self._buffers[name].array)

    def close(self) -> None:
        """Free the engine; again is no harm."""
        if self._closed:
            return
        self._closed = True
        with suppress(EngineError):
            self._cuda.wait(self._stream)
        # A graph goes before the kernels that it refers to, memory after whoever uses it.
        self._graph = None
        self._graphs.close()
        self._context = self._native = self._runtime = None
        self._resources.close()

    def _load(self, library: Any, plan: bytes) -> None:
        require = self._errors.require
        self._runtime = require('TensorRT gave no runtime',
                               lambda: library.Runtime(self._errors.logger))
        self._native = require(
            f'TensorRT {library.__version__} refused the engine',
            lambda: self._runtime.deserialize_cuda_engine(plan))
        self._context = require(
            'TensorRT gave no execution context', self._native.create_execution_context,
            'the GPU may have too little free memory')
        self._tensors = tensors_of(library, self._native)
        self._inputs = [name for name, tensor in self._tensors.items() if tensor.is_input]
        self._outputs = [name for name, tensor in self._tensors.items() if not tensor.is_input]
        self._buffers: dict[str, Buffer] = {}
        for name, tensor in self._tensors.items():
            pinned, array = self._resources.pinned(tensor.shape, tensor.dtype)
            array.fill(0)
            device = self._resources.device(array.nbytes)
            self._buffers[name] = Buffer(device, pinned, array)
            require(f'TensorRT refused the memory of {name!r}',
                    partial(self._context.set_tensor_address, name, device))

    def _enqueue(self, uploads: Sequence[str], downloads: Sequence[str]) -> None:
        for name in uploads:
            buffer = self._buffers[name]
            self._cuda.upload(buffer.device, buffer.pinned, buffer.array.nbytes, self._stream)
        self._errors.require('TensorRT failed to run the engine',
                             lambda: self._context.execute_async_v3(self._stream))
        for name in downloads:
            self.fetch(name)

    def _capture(self) -> Any:
        """Return a step as an executable graph."""
        self._cuda.begin_capture(self._stream)
        try:
            self._enqueue(self._uploads, self._downloads)
        except EngineError:
            # Ends the capture all the same, else the stream could not be used any more.
            with suppress(EngineError):
                self._cuda.destroy_graph(self._cuda.end_capture(self._stream))
            raise
        graph = self._cuda.end_capture(self._stream)
        try:
            executable = self._cuda.instantiate(graph)
            self._graphs.add(self._cuda.destroy_executable, executable)
        finally:
            self._cuda.destroy_graph(graph)
        return executable

    def _clear(self) -> None:
        """Forget the outputs, so that only a step that works brings them back."""
        for name in self._downloads:
            self._buffers[name].array.fill(0)

    def _agrees(self, before: Mapping[str, Array]) -> bool:
        return all(np.allclose(self._buffers[name].array, before[name], _ALIKE, _ALIKE,
                               equal_nan=True) for name in self._downloads)
