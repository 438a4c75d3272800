# SPDX-License-Identifier: Apache-2.0
"""Graphs that compute in half precision, with inputs and outputs in single precision."""
from __future__ import annotations

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

KEPT = (
    'LayerNormalization', 'InstanceNormalization', 'ReduceMean', 'ReduceSum', 'ReduceL2', 'Pow',
    'Exp', 'Log', 'Softplus', 'Softmax', 'Sigmoid', 'Clip', 'TopK', 'CumSum')
"""Operators that stay in single precision: statistics, exponentials, and what is compared."""


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with weights and most operators in half precision."""
    halves = convert_float_to_float16(
        model, keep_io_types=True, op_block_list=list(KEPT), disable_shape_infer=False)
    # A tensor that two operators need in single precision is cast twice, by the same name.
    made: set[str] = set()
    kept = []
    for node in halves.graph.node:
        if node.op_type != 'Cast' or node.output[0] not in made:
            kept.append(node)
        made.update(node.output)
    del halves.graph.node[:]
    halves.graph.node.extend(kept)
    return halves
