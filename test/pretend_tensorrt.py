# SPDX-License-Identifier: Apache-2.0
"""A TensorRT that computes by ONNX Runtime in the memory of a pretended GPU."""
from __future__ import annotations

from collections.abc import Mapping
import ctypes
from functools import cache
import sys
from typing import Any

import numpy as np
import onnxruntime
from pretend_builder import add_builder
from pretend_gpu import PretendGpu
from pretend_shape import TENSORRT_10, Library, Shaped, Surface
import pytest


@cache
def _session(content: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])


def add_runtime(library: Library) -> None:
    """Add classes whose methods have the names and parameters of the real ones."""

    @library.shaped
    class IExecutionContext(Shaped):
        def __init__(self, content: bytes) -> None:
            self._session, self._addresses = _session(content), {}

        @library.fallible
        def set_tensor_address(self, name: str, memory: int) -> bool:
            self._addresses[name] = memory
            return True

        @library.fallible
        def execute_async_v3(self, stream_handle: int) -> bool:
            if stream_handle in library.gpu.captures and not library.gpu.capturable:
                return False
            addresses = dict(self._addresses)
            library.gpu.put(stream_handle, lambda: self._compute(addresses))
            return True

        def _compute(self, addresses: Mapping[str, int]) -> None:
            feed = {item.name: self._array(addresses, item) for item in self._session.get_inputs()}
            for item, values in zip(self._session.get_outputs(), self._session.run(None, feed),
                                    strict=True):
                self._array(addresses, item)[...] = values

        def _array(self, addresses: Mapping[str, int], item: Any) -> Any:
            size = 4 * int(np.prod(item.shape))
            if not library.gpu.check(addresses[item.name], size):
                return np.zeros(item.shape, np.float32)
            memory = (ctypes.c_ubyte * size).from_address(addresses[item.name])
            return np.frombuffer(memory, np.float32).reshape(item.shape)

    @library.offered
    class ICudaEngine(Shaped):
        def __init__(self, content: bytes) -> None:
            self._content = content
            session = _session(content)
            self._inputs = {item.name for item in session.get_inputs()}
            self._shapes = {item.name: tuple(item.shape) for item in
                            (*session.get_inputs(), *session.get_outputs())}

        # As in the real one: a class that lacks it is too old.
        num_io_tensors = property(lambda self: len(self._shapes))

        def get_tensor_name(self, index: int) -> str:
            return list(self._shapes)[index]

        def get_tensor_shape(self, name: str) -> Any:
            return self._shapes[name]

        def get_tensor_dtype(self, name: str) -> Any:
            return library.enums['DataType'].FLOAT

        def get_tensor_location(self, name: str) -> Any:
            return library.enums['TensorLocation'].DEVICE

        def get_tensor_mode(self, name: str) -> Any:
            modes = library.enums['TensorIOMode']
            return modes.INPUT if name in self._inputs else modes.OUTPUT

        @library.fallible
        def create_execution_context(self) -> Any:
            return IExecutionContext(self._content)

    @library.offered
    class Runtime(Shaped):
        def __init__(self, logger: Any) -> None:
            self._logger = logger

        @library.fallible
        def deserialize_cuda_engine(self, serialized_engine: bytes) -> Any:
            made_by, _, content = serialized_engine.partition(b'|')
            if made_by != library.version.encode():
                self._logger.log(1, 'The engine plan file is not compatible with this version')
                return None
            return ICudaEngine(content)


def make_library(gpu: PretendGpu, surface: Surface = TENSORRT_10,
                 version: str = '10.3.0') -> Library:
    """Return a TensorRT; its attribute `module` is the Python module."""
    library = Library(gpu, surface, version)
    add_builder(library)
    add_runtime(library)
    return library


def install(monkeypatch: pytest.MonkeyPatch, library: Library, name: str = 'tensorrt') -> Any:
    """Put a pretended TensorRT into this process; return its module."""
    monkeypatch.setitem(sys.modules, name, library.module)
    return library.module
