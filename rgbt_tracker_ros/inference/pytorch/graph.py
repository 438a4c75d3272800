# SPDX-License-Identifier: Apache-2.0
"""Turns an ONNX graph with known shapes into a PyTorch module of straight-line code."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
import torch
from torch import Tensor, fx, nn

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.bundle import GraphSpec
from rgbt_tracker_ros.inference.pytorch.ops import OPS, STATIC


def load_module(graph: GraphSpec) -> fx.GraphModule:
    """Return a module that takes the graph's inputs in their order and gives a tuple of outputs.

    What does not depend on the inputs, such as shapes, is computed here and kept as a constant, so
    the module computes on tensors only: it can be compiled, and captured as a CUDA graph.

    Raises
    ------
    ModelError
        If the graph cannot be read, its tensors are not those of model.yaml, or it holds an
        operator that is not known here.

    """
    try:
        model = onnx.load(str(graph.file))
    # The parser's errors share no base class but Exception.
    except Exception as error:
        raise ModelError(f'{graph.file} cannot be loaded: {error}: export the model '
                         'again') from error
    builder = _Builder(graph, model.graph)
    with torch.no_grad():
        for node in _in_order(model.graph.node):
            builder.add(node)
    return builder.module()


class _Builder:
    """Collects calls. `values` holds each tensor, those that vary (`nodes`) without content."""

    def __init__(self, spec: GraphSpec, graph: Any) -> None:
        self._spec, self._root, self._graph = spec, nn.Module(), fx.Graph()
        self._nodes: dict[str, fx.Node] = {}
        self._values: dict[str, Tensor] = {
            item.name: _tensor(item) for item in graph.initializer}
        inputs = [item.name for item in graph.input if item.name not in self._values]
        if set(inputs) != set(spec.inputs) or {item.name for item in graph.output} != set(
                spec.outputs):
            raise ModelError(f'{spec.file}: the names of its tensors are not those of model.yaml: '
                             'export the model again')
        for name, shape in spec.inputs.items():
            self._nodes[name] = self._graph.placeholder(f'input_{len(self._nodes)}')
            self._values[name] = torch.zeros(shape, device='meta')
        self._constants: dict[str, fx.Node] = {}

    def add(self, node: Any) -> None:
        """Run a node, or record the call when it depends on the inputs."""
        kind = node.op_type
        attributes = {item.name: _attribute(item) for item in node.attribute}
        if kind == 'Constant':
            self._values[node.output[0]] = torch.as_tensor(next(iter(attributes.values())))
            return
        if kind not in OPS or node.domain not in ('', 'ai.onnx'):
            raise ModelError(f'{self._spec.file}: backend torch does not know the operator '
                             f'{kind}: use backend onnxruntime')
        varies = any(name in self._nodes for name in node.input)
        try:
            values = [self._argument(kind, place, name) for place, name in enumerate(node.input)]
            result = OPS[kind](*map(_shape_only, values) if varies else values, **attributes)
        except (NotImplementedError, TypeError, ValueError, LookupError, RuntimeError,
                AssertionError) as error:
            raise ModelError(
                f'{self._spec.file}: backend torch cannot run {node.name or kind} '
                f'({" ".join(str(error).split())[:200]}): use backend onnxruntime') from error
        several = isinstance(result, tuple)
        results = result if several else (result,)
        self._values.update(zip(node.output, results, strict=False))
        # A shape is known beforehand, whatever the tensor.
        if kind == 'Shape' or not varies:
            return
        call = self._graph.call_function(OPS[kind], tuple(
            self._operand(value, name)
            for value, name in zip(values, node.input, strict=True)), attributes)
        for place, name in enumerate(node.output):
            if name:
                self._nodes[name] = self._graph.call_function(
                    _take, (call, place)) if several else call

    def module(self) -> fx.GraphModule:
        """Return what was recorded."""
        for name, shape in self._spec.outputs.items():
            if tuple(self._values[name].shape) != tuple(shape):
                raise ModelError(
                    f'{self._spec.file}: {name!r} has the shape '
                    f'{list(self._values[name].shape)}, model.yaml says {list(shape)}: export '
                    'the model again')
        self._graph.output(tuple(
            self._operand(self._values[name], name) for name in self._spec.outputs))
        return fx.GraphModule(self._root, self._graph).eval()

    def _argument(self, kind: str, place: int, name: str) -> Any:
        """Return an input as the operator wants it: a tensor, numbers, or None."""
        if not name:
            return None
        value = self._values[name]
        if place not in STATIC.get(kind, ()):
            return value
        if name in self._nodes:
            raise NotImplementedError(f'input {place} is only known at run time')
        return value.reshape(-1).tolist()

    def _operand(self, value: Any, name: str) -> Any:
        """Return what stands for a value in the module's code."""
        if name in self._nodes or not isinstance(value, Tensor):
            return self._nodes.get(name, value)
        if name not in self._constants:
            attribute = f'constant_{len(self._constants)}'
            self._root.register_buffer(attribute, value)
            self._constants[name] = self._graph.get_attr(attribute)
        return self._constants[name]


def _in_order(nodes: Sequence[Any]) -> Iterator[Any]:
    """Yield nodes after those that they read from: converters do not always keep them so."""
    makers = {name: place for place, node in enumerate(nodes) for name in node.output if name}
    sorter = TopologicalSorter({
        place: [makers[name] for name in node.input if name in makers]
        for place, node in enumerate(nodes)})
    return (nodes[place] for place in sorter.static_order())


def _shape_only(value: Any) -> Any:
    return value.to('meta') if isinstance(value, Tensor) else value


def _take(parts: tuple[Tensor, ...], place: int) -> Tensor:
    return parts[place]


def _tensor(item: Any) -> Tensor:
    # A copy, since the array looks into the file's bytes, which cannot be written.
    return torch.from_numpy(np.array(numpy_helper.to_array(item)))


def _attribute(item: Any) -> Any:
    value = onnx.helper.get_attribute_value(item)
    if isinstance(value, onnx.TensorProto):
        return _tensor(value)
    return value
