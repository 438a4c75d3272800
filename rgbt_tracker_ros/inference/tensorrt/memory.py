# SPDX-License-Identifier: Apache-2.0
"""What is taken of CUDA and given back together."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from itertools import count
from typing import Any

import numpy as np

from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.engines.tools import EngineError
from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda, view

_serials = count(1)


class Resources:
    """Memory, streams and graphs; what was taken last is given back first."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._stack = ExitStack()

    def device(self, size: int) -> int:
        """Return the address of new memory on the GPU."""
        address = self._cuda.allocate(size)
        self.add(self._cuda.free, address)
        return address

    def pinned(self, shape: tuple[int, ...], dtype: str) -> tuple[int, Array]:
        """Return the address of new pinned memory, and the array in it."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address = self._cuda.allocate_pinned(size)
        self.add(self._cuda.free_pinned, address)
        return address, view(address, shape, dtype)

    def stream(self) -> int:
        """Return a new stream."""
        stream = self._cuda.make_stream()
        self.add(self._cuda.destroy_stream, stream)
        return stream

    def add(self, give_back: Callable[[Any], None], item: Any) -> None:
        """Give one more thing back at the end; what fails then does not keep the others."""
        def quietly() -> None:
            with suppress(EngineError):
                give_back(item)

        self._stack.callback(quietly)

    def close(self) -> None:
        """Give everything back; again is no harm."""
        self._stack.close()


class DeviceTensor:
    """A tensor that stays on the GPU as long as somebody holds this.

    Attributes
    ----------
    address
        Where it lies on the GPU.
    serial
        No other tensor has it, also not a later one at the same address.
    values
        What it holds, on the host.

    """

    def __init__(self, pool: TensorPool, values: Array) -> None:
        self.values = values
        self.serial = next(_serials)
        self.pool = pool
        self.address = pool.take(values.nbytes)

    def __del__(self) -> None:
        # There is none where taking it failed.
        if hasattr(self, 'address'):
            self.pool.give(self.values.nbytes, self.address)


class TensorPool:
    """Memory for tensors on the GPU, used again when a tensor goes."""

    def __init__(self, cuda: Cuda) -> None:
        self._resources = Resources(cuda)
        self._spare: defaultdict[int, list[int]] = defaultdict(list)

    def reserve(self, shape: tuple[int, ...], number: int) -> None:
        """Take memory for so many float32 tensors of a shape now."""
        size = int(np.prod(shape)) * np.dtype(np.float32).itemsize
        self._spare[size] += [self._resources.device(size) for _ in range(number)]

    def take(self, size: int) -> int:
        """Return memory of `size` bytes; new one only when none is spare."""
        spare = self._spare[size]
        return spare.pop() if spare else self._resources.device(size)

    def give(self, size: int, address: int) -> None:
        """Keep memory for the next tensor."""
        self._spare[size].append(address)

    def close(self) -> None:
        """Free all memory, also that of tensors somebody still holds; again is no harm."""
        self._resources.close()
