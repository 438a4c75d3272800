# SPDX-License-Identifier: Apache-2.0
"""The GPU, asked of the driver itself.

TensorRT's libraries can be imported without a driver, but what they return then is null, and the
next call ends the process. So the driver is asked before TensorRT is imported.
"""
from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from rgbt_tracker_ros.inference.engines.tools import EngineError

LIBRARY = 'libcuda.so.1'

_MAJOR, _MINOR = 75, 76     # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
_MOST_BYTES = 256
_NO_GPU = 100
_IN_A_CONTAINER = 'start a container with --gpus all (Jetson: --runtime nvidia)'
_REMEDIES = {
    34: 'libcuda.so.1 is the stub of the CUDA toolkit: put the driver before it in '
        'LD_LIBRARY_PATH',
    _NO_GPU: f'there is no GPU, or CUDA_VISIBLE_DEVICES hides it; {_IN_A_CONTAINER}',
    803: 'driver and its libraries have different versions: restart the machine',
    804: 'the driver is older than the CUDA libraries of this container: update the driver',
    999: 'the driver is in a bad state: restart the machine',
}


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU that CUDA_VISIBLE_DEVICES leaves.

    Attributes
    ----------
    name
        As the driver names it.
    capability
        Compute capability, as in `8.7`.
    cuda
        Newest CUDA version the driver can run, as in `12.6`.

    """

    name: str
    capability: str
    cuda: str


def find_gpu() -> Gpu:
    """Return the GPU to use.

    Raises
    ------
    EngineError
        If there is no driver or no GPU, or the driver fails; the message names the remedy.

    """
    driver = _Driver()
    driver.call('cuInit', 0)
    if driver.number('cuDeviceGetCount') < 1:
        raise EngineError(f'the NVIDIA driver: {_REMEDIES[_NO_GPU]}')
    device = driver.number('cuDeviceGet', 0)
    name = ctypes.create_string_buffer(_MOST_BYTES)
    driver.call('cuDeviceGetName', name, _MOST_BYTES, device)
    capability = [driver.number('cuDeviceGetAttribute', item, device) for item in (_MAJOR, _MINOR)]
    version = driver.number('cuDriverGetVersion')
    return Gpu(name.value.decode(errors='replace'), '{}.{}'.format(*capability),
               f'{version // 1000}.{version % 1000 // 10}')


class _Driver:
    """Functions of the driver, each with its status checked."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(LIBRARY)
        except OSError as error:
            raise EngineError(f'no NVIDIA driver ({error}): install the driver of the GPU; '
                              f'{_IN_A_CONTAINER}') from error

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function; raise EngineError unless it succeeds."""
        status = getattr(self._library, name)(*arguments)
        if status != 0:
            remedy = _REMEDIES.get(status, 'does nvidia-smi (Jetson: tegrastats) run?')
            raise EngineError(
                f'the NVIDIA driver failed in {name} (CUDA error {status}): {remedy}')

    def number(self, name: str, *arguments: Any) -> int:
        """Return the whole number that a function writes to its first argument."""
        value = ctypes.c_int()
        self.call(name, ctypes.byref(value), *arguments)
        return value.value
