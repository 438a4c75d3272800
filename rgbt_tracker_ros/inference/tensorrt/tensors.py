# SPDX-License-Identifier: Apache-2.0
"""What goes into an engine of TensorRT, and what comes out."""
from __future__ import annotations

from typing import Any

from rgbt_tracker_ros.inference.engines.tools import EngineError, TensorInfo

_TYPES = {'FLOAT': 'float32', 'HALF': 'float16', 'INT8': 'int8', 'INT32': 'int32',
          'INT64': 'int64', 'BOOL': 'bool', 'UINT8': 'uint8'}


def tensors_of(library: Any, engine: Any) -> dict[str, TensorInfo]:
    """Return every input and output of an engine by its name.

    Raises
    ------
    EngineError
        If one has no fixed shape, a type that NumPy lacks, or lies on the host.

    """
    tensors = {}
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        shape, kind = tuple(engine.get_tensor_shape(name)), engine.get_tensor_dtype(name).name
        if any(side < 0 for side in shape) or kind not in _TYPES or (
                engine.get_tensor_location(name) != library.TensorLocation.DEVICE):
            raise EngineError(f'tensor {name!r} of the engine is {kind} {list(shape)}: only '
                              "tensors of fixed shape and one of NumPy's types, on the GPU, can "
                              'be used')
        is_input = engine.get_tensor_mode(name) == library.TensorIOMode.INPUT
        tensors[name] = TensorInfo(shape, _TYPES[kind], is_input)
    return tensors
