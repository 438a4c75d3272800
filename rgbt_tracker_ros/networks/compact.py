# SPDX-License-Identifier: Apache-2.0
"""Graph files half as large: weights are stored in half precision and computed with in single."""
from __future__ import annotations

import numpy as np
import onnx
from onnx import helper, numpy_helper

LEAST_VALUES = 1024
"""Smaller tensors stay as they are: there is nothing to be gained."""


def compacted(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store the large weights of a graph in half precision, each with a cast to single.

    Run times do the casts once, when they load the graph. Weights that half precision cannot hold
    stay as they are.
    """
    graph = model.graph
    casts, kept = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        fits = values.dtype == np.float32 and values.size >= LEAST_VALUES and (
            np.abs(values).max() <= np.finfo(np.float16).max)
        if fits:
            stored = f'{tensor.name}_stored'
            casts.append(helper.make_node(
                'Cast', [stored], [tensor.name], name=f'{tensor.name}_cast',
                to=onnx.TensorProto.FLOAT))
            kept.append(numpy_helper.from_array(values.astype(np.float16), stored))
        else:
            kept.append(tensor)
    nodes = [*casts, *graph.node]
    for field, content in ((graph.initializer, kept), (graph.node, nodes)):
        copies = [type(item).FromString(item.SerializeToString()) for item in content]
        del field[:]
        field.extend(copies)
    return model
