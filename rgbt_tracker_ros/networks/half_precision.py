# SPDX-License-Identifier: Apache-2.0
"""Graphs that compute in half precision, with inputs and outputs in single precision."""
from __future__ import annotations

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

KEPT = (
    'LayerNormalization', 'InstanceNormalization', 'ReduceMean', 'ReduceSum', 'ReduceL2', 'Pow',
    'Exp', 'Softplus', 'Softmax', 'Sigmoid', 'Clip', 'TopK', 'CumSum')
"""Operators that stay in single precision: statistics, exponentials, and what is compared."""


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with weights and most operators in half precision."""
    return convert_float_to_float16(
        model, keep_io_types=True, op_block_list=list(KEPT), disable_shape_infer=False)
