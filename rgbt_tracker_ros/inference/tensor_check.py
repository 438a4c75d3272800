# SPDX-License-Identifier: Apache-2.0
"""Compares the tensors that a run time finds in a graph with those of model.yaml."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.bundle import GraphSpec

FLOAT = 'tensor(float)'
"""What the type of all inputs and outputs is called in messages."""

Found = Mapping[str, tuple[str, Sequence[int | str]]]
"""Type and shape by name; a dimension that is not fixed is a text or -1."""


def check_tensors(graph: GraphSpec, inputs: Found, outputs: Found) -> None:
    """Raise ModelError unless the graph's own tensors are those of model.yaml."""
    for kind, described, found in (('inputs', graph.inputs, inputs),
                                   ('outputs', graph.outputs, outputs)):
        wanted = {name: f'{FLOAT} {list(shape)}' for name, shape in described.items()}
        actual = {name: f'{dtype} {list(shape)}' for name, (dtype, shape) in found.items()}
        for name in [*wanted, *actual]:
            if wanted.get(name) != actual.get(name):
                raise ModelError(
                    f'{graph.file}: {kind} differ from model.yaml at {name!r}: the graph has '
                    f'{actual.get(name, "no such tensor")}, model.yaml says '
                    f'{wanted.get(name, "no such tensor")}: export the model again')
