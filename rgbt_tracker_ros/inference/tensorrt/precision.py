# SPDX-License-Identifier: Apache-2.0
"""What an engine computes in.

From TensorRT 10 on a network can be strongly typed, and from 11 on it always is (as in
TensorRT-RTX): it computes in the types of the graph, so half precision is decided where the model
is exported. Before, the builder chooses types, and is told where it may choose half precision:
not where the graph says single precision, nor in what sums, compares or has a steep function.
"""
from __future__ import annotations

from typing import Any

from rgbt_tracker_ros.inference.engines.tools import Precision

_SENSITIVE = frozenset((
    'ACTIVATION', 'CUMULATIVE', 'ELEMENTWISE', 'NORMALIZATION', 'POOLING', 'REDUCE', 'SCALE',
    'SOFTMAX', 'TOPK', 'UNARY'))
"""Kinds of layers that keep single precision; products and convolutions may be halved."""


def network_flags(library: Any, typed: bool) -> int:
    """Return the flags of a network; `typed` = strongly, where this TensorRT can."""
    kinds = library.NetworkDefinitionCreationFlag
    wanted = ['EXPLICIT_BATCH', *(['STRONGLY_TYPED'] if typed else [])]
    # Absent: a network cannot be otherwise any more, or not yet.
    return sum(1 << int(getattr(kinds, name)) for name in wanted if hasattr(kinds, name))


def can_choose(library: Any) -> bool:
    """Tell whether the builder can halve a graph of single precision."""
    return hasattr(library.BuilderFlag, 'FP16')


def always_chooses(library: Any) -> bool:
    """Tell whether the builder knows no strongly typed networks."""
    return not hasattr(library.NetworkDefinitionCreationFlag, 'STRONGLY_TYPED')


def is_half(library: Any, network: Any) -> bool:
    """Tell whether a network was exported in half precision, at least in parts."""
    return any(tensor.dtype == library.DataType.HALF for layer in _layers(network)
               for tensor in _outputs(layer))


def allow_half(library: Any, network: Any, config: Any) -> None:
    """Let the builder choose half precision where that does no harm."""
    config.set_flag(library.BuilderFlag.FP16)
    config.set_flag(library.BuilderFlag.PREFER_PRECISION_CONSTRAINTS)
    single = library.DataType.FLOAT
    for layer in _layers(network):
        outputs = _outputs(layer)
        if layer.type.name in _SENSITIVE and outputs and all(
                tensor.dtype == single for tensor in outputs):
            layer.precision = single


def typed(library: Any, precision: Precision, half: bool) -> bool:
    """Tell whether a graph is built in its own types; else the builder chooses."""
    return not always_chooses(library) and (
        precision == 'fp32' or half or not can_choose(library))


def _layers(network: Any) -> list[Any]:
    return [network.get_layer(index) for index in range(network.num_layers)]


def _outputs(layer: Any) -> list[Any]:
    return [layer.get_output(index) for index in range(layer.num_outputs)]
