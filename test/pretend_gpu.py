# SPDX-License-Identifier: Apache-2.0
"""A GPU made of this machine's memory: a driver, and the module of cuda-python.

Like a real one it does nothing before it must: what is put on a stream waits until somebody waits
for the stream. What a real one would not survive (memory that was freed, a copy beyond the end) is
noted in `violations`.
"""
from __future__ import annotations

from collections.abc import Callable
import ctypes
from enum import IntEnum
from functools import cache
from itertools import count
from pathlib import Path
import re
import subprocess
import sys
from tempfile import TemporaryDirectory
from time import perf_counter
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from rgbt_tracker_ros.inference.tensorrt import driver

_DRIVER = r'''
#include <string.h>
int cuInit(unsigned flags) { return INIT; }
int cuDeviceGetCount(int *count) { *count = GPUS; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "Orin", size); return 0; }
int cuDeviceGetAttribute(int *value, int item, int device) {
    *value = item == 75 ? 8 : item == 76 ? 7 : -1;
    return 0;
}
int cuDriverGetVersion(int *version) { *version = 12060; return 0; }
'''
_libraries = TemporaryDirectory()


@cache
def driver_library(init: int = 0, gpus: int = 1) -> str:
    """Compile a libcuda whose cuInit returns a status; return its path."""
    target = Path(_libraries.name) / f'libcuda_{init}_{gpus}.so'
    subprocess.run(['cc', '-shared', '-fPIC', f'-DINIT={init}', f'-DGPUS={gpus}', '-x', 'c', '-',
                    '-o', target], input=_DRIVER, text=True, check=True)
    return str(target)


FUNCTIONS = (
    'cudaMalloc', 'cudaHostAlloc', 'cudaFree', 'cudaFreeHost', 'cudaMemcpyAsync',
    'cudaStreamCreateWithFlags', 'cudaStreamDestroy', 'cudaStreamSynchronize',
    'cudaStreamBeginCapture', 'cudaStreamEndCapture', 'cudaGraphInstantiateWithFlags',
    'cudaGraphLaunch', 'cudaGraphDestroy', 'cudaGraphExecDestroy', 'cudaEventCreate',
    'cudaEventRecord', 'cudaEventElapsedTime', 'cudaEventDestroy', 'cudaMemGetInfo')
"""Of the CUDA run time; each is a method of `PretendGpu`, as in cudaMemcpyAsync: memcpy_async."""

Status = IntEnum('Status', {
    'cudaSuccess': 0, 'cudaErrorInvalidValue': 1, 'cudaErrorMemoryAllocation': 2,
    'cudaErrorInsufficientDriver': 35})
"""Those of cudaError_t that are returned here."""


class PretendGpu:
    """The state of the GPU, and the functions of `cuda.bindings.runtime`.

    Attributes
    ----------
    calls
        Names of the functions called so far.
    fails
        Number of the call that fails, from 0.
    failed
        The name of that call, once it was reached.
    status
        What it fails with.
    capturable
        False: a stream that is captured takes no engine.
    live
        What was taken and not given back: memory by its address, and streams and graphs.

    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails: int | None = None
        self.failed = ''
        self.status = Status.cudaErrorMemoryAllocation
        self.capturable = True
        self.violations: list[str] = []
        self.memory: dict[int, Any] = {}
        self.handles: dict[int, Any] = {}
        self.queues: dict[int, list[Callable[[], None]]] = {}
        self.captures: dict[int, list[Callable[[], None]]] = {}
        self._numbers = count(1000)

    @property
    def live(self) -> int:
        return len(self.memory) + len(self.handles)

    def works(self, name: str) -> bool:
        """Note a call; tell whether it is to succeed."""
        number = len(self.calls)
        self.calls.append(name)
        if number == self.fails:
            self.failed = name
        return number != self.fails

    def put(self, stream: int, work: Callable[[], None]) -> None:
        """Put work on a stream, or into the graph that is captured from it."""
        if stream not in self.queues:
            self.violations.append(f'stream {stream} does not exist')
        else:
            self.captures.get(stream, self.queues[stream]).append(work)

    def run(self, stream: int) -> None:
        """Do all work on a stream."""
        queue = self.queues[stream]
        while queue:
            queue.pop(0)()

    def check(self, address: int, size: int) -> bool:
        """Tell whether memory is there; note it where it is not."""
        known = any(start <= address and address + size <= start + len(memory)
                    for start, memory in self.memory.items())
        if not known:
            self.violations.append(f'{size} bytes at {address} are not there')
        return known

    def module(self) -> ModuleType:
        """Return `cuda.bindings.runtime`."""
        module = ModuleType('cuda.bindings.runtime')
        for name in FUNCTIONS:
            setattr(module, name, self._counted(name, self.method(name)))
        names = ('HostToDevice', 'DeviceToHost', 'DeviceToDevice')
        module.cudaMemcpyKind = SimpleNamespace(**{f'cudaMemcpy{name}': name for name in names})
        module.cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)
        module.cudaStreamNonBlocking = 1
        module.cudaGetErrorName = lambda status: (Status.cudaSuccess, status.name.encode())
        module.cudaGetLastError = lambda: (Status.cudaSuccess,)
        return module

    def method(self, function: str) -> Callable[..., Any]:
        """Return what a function of CUDA does here."""
        return getattr(self, re.sub('([A-Z])', r'_\1', function.removeprefix('cuda'))[1:].lower())

    def _counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> tuple[Any, ...]:
            if not self.works(name):
                return self.status, None
            result = function(*arguments)
            if isinstance(result, Status):
                return (result,)
            if isinstance(result, tuple):
                return (Status.cudaSuccess, *result)
            return (Status.cudaSuccess,) if result is None else (Status.cudaSuccess, result)
        return call

    def malloc(self, size: int) -> int:
        memory = (ctypes.c_ubyte * size)()
        address = ctypes.addressof(memory)
        self.memory[address] = memory
        return address

    def host_alloc(self, size: int, flags: int) -> int:
        return self.malloc(size)

    def free(self, address: int) -> None:
        for stream in self.queues:      # as the real one, it waits until nothing uses the memory
            self.run(stream)
        if self.memory.pop(address, None) is None:
            self.violations.append(f'{address} was freed twice')

    def free_host(self, address: int) -> None:
        self.free(address)

    def memcpy_async(self, target: int, source: int, size: int, kind: str,
                        stream: int) -> None:
        if self.check(target, size) and self.check(source, size):
            self.put(stream, lambda: self._move(target, source, size))

    def _move(self, target: int, source: int, size: int) -> None:
        if self.check(target, size) and self.check(source, size):
            ctypes.memmove(target, source, size)

    def stream_create_with_flags(self, flags: int) -> int:
        stream = self._handle('stream')
        self.queues[stream] = []
        return stream

    def stream_destroy(self, stream: int) -> None:
        self._drop(stream)
        self.queues.pop(stream, None)

    def stream_synchronize(self, stream: int) -> None:
        self.run(stream)

    def stream_begin_capture(self, stream: int, mode: int) -> None:
        self.captures[stream] = []

    def stream_end_capture(self, stream: int) -> Any:
        work = self.captures.pop(stream, None)
        return Status.cudaErrorInvalidValue if work is None else self._handle(work)

    def graph_instantiate_with_flags(self, graph: int, flags: int) -> int:
        return self._handle(list(self.handles[graph]))

    def graph_launch(self, executable: int, stream: int) -> None:
        for work in self.handles[executable]:
            self.put(stream, work)

    def graph_destroy(self, graph: int) -> None:
        self._drop(graph)

    def graph_exec_destroy(self, executable: int) -> None:
        self._drop(executable)

    def event_create(self) -> int:
        return self._handle({'passed': None})

    def event_record(self, event: int, stream: int) -> None:
        self.put(stream, lambda: self.handles[event].update(passed=perf_counter()))

    def event_elapsed_time(self, begin: int, end: int) -> float | Status:
        passed = [self.handles[event]['passed'] for event in (begin, end)]
        if None in passed:
            return Status.cudaErrorInvalidValue
        return 1000 * (passed[1] - passed[0])

    def event_destroy(self, event: int) -> None:
        self._drop(event)

    def mem_get_info(self) -> tuple[int, int]:
        taken = sum(len(memory) for memory in self.memory.values())
        return 2 ** 33 - taken, 2 ** 33

    def _handle(self, item: Any) -> int:
        number = next(self._numbers)
        self.handles[number] = item
        return number

    def _drop(self, handle: int) -> None:
        if self.handles.pop(handle, None) is None:
            self.violations.append(f'{handle} was given back twice')


def plug_in(monkeypatch: pytest.MonkeyPatch) -> PretendGpu:
    """Put a pretended GPU, its driver and cuda-python into this process."""
    gpu = PretendGpu()
    runtime = gpu.module()
    monkeypatch.setattr(driver, 'LIBRARY', driver_library())
    for name in ('cuda', 'cuda.bindings'):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, 'cuda.bindings.runtime', runtime)
    return gpu
