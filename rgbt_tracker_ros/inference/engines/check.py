# SPDX-License-Identifier: Apache-2.0
"""Looks whether an engine is that of a graph, and works, before it is trusted."""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import GraphSpec
from rgbt_tracker_ros.inference.engines.tools import Engine, EngineError, TensorInfo


def check_engine(engine: Engine, graph: GraphSpec) -> None:
    """Compare tensors with those of the graph, and run the engine once.

    Raises
    ------
    EngineError
        If a tensor is missing, too many or other than expected, or the run gives NaN.

    """
    wanted = {name: TensorInfo(tuple(shape), 'float32', is_input)
              for tensors, is_input in ((graph.inputs, True), (graph.outputs, False))
              for name, shape in tensors.items()}
    found = engine.tensors
    for name in [*wanted, *found]:
        if wanted.get(name) != found.get(name):
            raise EngineError(f'tensor {name!r} of the engine is {_shown(found.get(name))}, that '
                              f'of the graph is {_shown(wanted.get(name))}')
    outputs = engine.run(_noise(graph))
    for name, shape in graph.outputs.items():
        output = outputs.get(name)
        if output is None or output.shape != tuple(shape):
            raise EngineError(f'the engine gave no {name!r} of shape {tuple(shape)}')
        if not np.isfinite(output).all():
            raise EngineError(f'the engine gave NaN or infinity in {name!r}: where it computes '
                              'in fp16, try model.precision fp32')


def _noise(graph: GraphSpec) -> Mapping[str, Array]:
    """Return inputs as normalised images have them; zeros would make some norms 0 / 0."""
    random = np.random.default_rng(0)
    return {name: random.standard_normal(shape, np.float32)
            for name, shape in graph.inputs.items()}


def _shown(tensor: TensorInfo | None) -> str:
    if tensor is None:
        return 'missing'
    kind = 'input' if tensor.is_input else 'output'
    return f'an {kind} of {tensor.dtype} {list(tensor.shape)}'
