# SPDX-License-Identifier: Apache-2.0
"""Small graphs to build engines of."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rgbt_tracker_ros.inference.bundle import GraphSpec


def silent(text: str, share: float | None) -> None:
    pass


def never() -> bool:
    return False


def graph(folder: Path, dtype: Any = np.float32, kind: str = 'MatMul') -> GraphSpec:
    """Write a graph of a product and a sum; return its description."""
    weights = numpy_helper.from_array(np.ones((4, 4), dtype), 'weights')
    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [helper.make_node('Cast', ['x'], ['cast'], to=element),
             helper.make_node(kind, ['cast', 'weights'], ['product']),
             helper.make_node('Add', ['product', 'weights'], ['sum']),
             helper.make_node('Cast', ['sum'], ['y'], to=TensorProto.FLOAT)]
    model = helper.make_model(
        helper.make_graph(nodes, 'g', *([helper.make_tensor_value_info(
            name, TensorProto.FLOAT, [4, 4])] for name in 'xy'), [weights]),
        opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    file = folder / f'{np.dtype(dtype).name}_{kind}.onnx'
    onnx.save(model, str(file))
    return GraphSpec(file, '', {'x': (4, 4)}, {'y': (4, 4)})
