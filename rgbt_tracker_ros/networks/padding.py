# SPDX-License-Identifier: Apache-2.0
"""Convolutions that pad by themselves, also where one side gets more than the other."""
from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import helper, numpy_helper

_IMAGE = 4


def pads_merged(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph with each Pad of zeros before a convolution merged into it.

    The result is the same. ONNX Runtime keeps images of convolutions in blocks of channels, and
    must leave that layout and come back to it for a Pad in between.
    """
    graph = model.graph
    known = {item.name: item for item in graph.initializer} | {
        node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == 'Constant'}
    uses = Counter(name for node in graph.node for name in node.input)
    pads = {node.output[0]: node for node in graph.node if node.op_type == 'Pad'}
    for node in list(graph.node):
        pad = pads.get(node.input[0]) if node.op_type == 'Conv' else None
        if pad is None or uses[node.input[0]] > 1:
            continue
        sides = _sides(pad, known)
        if sides is None:
            continue
        own = next((item for item in node.attribute if item.name == 'pads'), None)
        total = [a + b for a, b in zip(sides, own.ints if own else (0,) * _IMAGE, strict=True)]
        if own is not None:
            node.attribute.remove(own)
        node.attribute.append(helper.make_attribute('pads', total))
        node.input[0] = pad.input[0]
        graph.node.remove(pad)
    return model


def _sides(pad: onnx.NodeProto, known: dict[str, onnx.TensorProto]) -> list[int] | None:
    """Return top, left, bottom, right; None unless it pads images with zeros, as far as known."""
    mode = next((item.s for item in pad.attribute if item.name == 'mode'), b'constant')
    names = [name for name in pad.input[1:] if name]
    if mode != b'constant' or len(pad.input) > 3 or not all(name in known for name in names):
        return None
    amounts, *values = (numpy_helper.to_array(known[name]) for name in names)
    if any(np.any(value) for value in values) or len(amounts) != 2 * _IMAGE or amounts.min() < 0:
        return None
    top, left, bottom, right = (int(amounts[place]) for place in (2, 3, 6, 7))
    return None if amounts[[0, 1, 4, 5]].any() else [top, left, bottom, right]
