# SPDX-License-Identifier: Apache-2.0
"""What a graph holds and costs: operators, multiplications, weights, and memory while it runs."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import onnx

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.networks.folding import folded

_BYTES = {onnx.TensorProto.FLOAT: 4, onnx.TensorProto.FLOAT16: 2, onnx.TensorProto.INT64: 8,
          onnx.TensorProto.INT32: 4, onnx.TensorProto.BOOL: 1, onnx.TensorProto.DOUBLE: 8}
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
_LARGEST_SHAPE = 1024
"""Bytes of a constant that shapes may be made of; longer ones are weights."""


@dataclass(frozen=True, slots=True)
class GraphStatistics:
    """Sizes of one graph.

    Attributes
    ----------
    operators
        How many nodes of each kind there are, constants left out.
    macs
        Multiply-adds of matrix products and convolutions, those of attention included.
    parameters
        Numbers in weights and other constants.
    weight_bytes
        Their size.
    peak_bytes
        The most that inputs and intermediate tensors take at once when nodes run in the order of
        the file, each tensor until its last use. Run times that fuse operators need less.

    """

    operators: Mapping[str, int]
    macs: int
    parameters: int
    weight_bytes: int
    peak_bytes: int

    @property
    def nodes(self) -> int:
        """Return the number of nodes, constants left out."""
        return sum(self.operators.values())


@dataclass(frozen=True, slots=True)
class _Tensor:
    shape: tuple[int, ...]
    size: int


def graph_statistics(file: Path) -> GraphStatistics:
    """Measure an ONNX file of static shapes.

    Raises
    ------
    ModelError
        If it cannot be read, or the shape of a tensor is not known beforehand.

    """
    try:
        model = folded(file)
    # ONNX Runtime's exceptions share no base class but Exception.
    except Exception as error:
        raise ModelError(f'{file} cannot be read as ONNX ({type(error).__name__})') from error
    graph = model.graph
    weights = [*graph.initializer, *(
        attribute.t for node in graph.node if node.op_type == 'Constant'
        for attribute in node.attribute if attribute.HasField('t'))]
    counted = [tensor for tensor in weights if tensor.data_type in _FLOATS]
    parameters = sum(math.prod(tensor.dims) for tensor in counted)
    weight_bytes = sum(math.prod(tensor.dims) * _BYTES[tensor.data_type] for tensor in counted)
    constants = {tensor.name: _Tensor(tuple(tensor.dims), 0) for tensor in graph.initializer}
    # Shapes do not depend on weights, which inference would copy.
    for tensor in counted:
        if len(tensor.raw_data) > _LARGEST_SHAPE:
            tensor.ClearField('raw_data')
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    tensors = {**_tensors([*graph.value_info, *graph.input, *graph.output]), **constants}
    nodes = [node for node in graph.node if node.op_type != 'Constant']
    for node in nodes:
        unknown = [name for name in node.output if name and name not in tensors]
        if unknown:
            raise ModelError(f'{file}: the shape of {unknown[0]} ({node.op_type}) is not known '
                             'beforehand: export the model again')
    return GraphStatistics(
        Counter(node.op_type for node in nodes), sum(_macs(node, tensors) for node in nodes),
        parameters, weight_bytes, _peak(graph, nodes, tensors))


def _tensors(infos: Iterable[Any]) -> dict[str, _Tensor]:
    found = {}
    for info in infos:
        kind = info.type.tensor_type
        if all(axis.HasField('dim_value') for axis in kind.shape.dim):
            shape = tuple(axis.dim_value for axis in kind.shape.dim)
            found[info.name] = _Tensor(shape, math.prod(shape) * _BYTES.get(kind.elem_type, 4))
    return found


def _macs(node: Any, tensors: Mapping[str, _Tensor]) -> int:
    """Return the multiply-adds of a node: size of the output x terms of each of its sums."""
    if node.op_type not in ('MatMul', 'Gemm', 'Conv'):
        return 0
    outputs = math.prod(tensors[node.output[0]].shape)
    if node.op_type == 'Conv':
        return outputs * math.prod(tensors[node.input[1]].shape[1:])
    transposed = any(item.name == 'transA' and item.i for item in node.attribute)
    return outputs * tensors[node.input[0]].shape[0 if transposed else -1]


def _peak(graph: Any, nodes: list[Any], tensors: Mapping[str, _Tensor]) -> int:
    """Return the most bytes that live at once; results live to the end."""
    last = {name: index for index, node in enumerate(nodes) for name in node.input}
    last.update((item.name, len(nodes)) for item in graph.output)
    ending: dict[int, list[str]] = {}
    for name, index in last.items():
        ending.setdefault(index, []).append(name)
    alive = {item.name for item in graph.input}
    current = sum(tensors[name].size for name in alive)
    peak = current
    for index, node in enumerate(nodes):
        made = [name for name in node.output if name in last]
        alive.update(made)
        current += sum(tensors[name].size for name in made)
        peak = max(peak, current)
        for name in ending.get(index, ()):
            if name in alive:
                alive.remove(name)
                current -= tensors[name].size
    return peak
