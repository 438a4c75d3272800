# SPDX-License-Identifier: Apache-2.0
"""What an engine is: of which graph, for which platform; two that differ never mix."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
import hashlib
import json
import re
from typing import Any

from rgbt_tracker_ros.inference.bundle import GraphSpec
from rgbt_tracker_ros.inference.engines.tools import BuildRequest, Platform

_UNFIT = re.compile(r'[^A-Za-z0-9_.]+')

_RECIPE = 1
"""To be raised when a version of this package builds other engines of the same request."""

_NAMES = {'onnx': 'the model', 'version': 'run time', 'gpu': 'GPU',
          'capability': 'compute capability', 'tensors': 'shapes', 'builder': 'builder options'}


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything that an engine depends on, as texts.

    Attributes
    ----------
    name
        Model and graph, for people and file names only.
    onnx
        sha256 of the graph.
    runtime, version, gpu, capability, driver
        The platform, see `Platform`.
    precision
        What it computes in.
    tensors
        Names and shapes of inputs and outputs.
    builder
        The other options of the build.

    """

    name: str
    onnx: str
    runtime: str
    version: str
    gpu: str
    capability: str
    driver: str
    precision: str
    tensors: str
    builder: str

    @classmethod
    def of(cls, request: BuildRequest, platform: Platform) -> Identity:
        """Return the identity of what a build on this platform gives."""
        graph = request.graph
        shapes = [[[name, *shape] for name, shape in sorted(tensors.items())]
                  for tensors in (graph.inputs, graph.outputs)]
        return cls(graph_name(graph), graph.sha256, **asdict(platform),
                   precision=request.precision, tensors=json.dumps(shapes),
                   builder=f'recipe {_RECIPE}, workspace {request.workspace}, '
                           f'level {request.optimization}')

    @classmethod
    def read(cls, content: Any) -> Identity:
        """Return the identity that `asdict` made a mapping of.

        Raises
        ------
        ValueError
            If it is none.

        """
        names = {field.name for field in fields(cls)}
        if not isinstance(content, Mapping) or content.keys() != names or not all(
                isinstance(value, str) for value in content.values()):
            raise ValueError('not the description of an engine')
        return cls(**content)

    @property
    def key(self) -> str:
        """Return the sha256 of all but the name."""
        facts = {name: value for name, value in asdict(self).items() if name != 'name'}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    @property
    def platform(self) -> Platform:
        """Return what it is valid for."""
        return Platform(self.runtime, self.version, self.gpu, self.capability, self.driver)

    @property
    def file_name(self) -> str:
        """Return the name of its file."""
        return f'{file_stem(self.name)}-{self.key[:16]}.engine'

    def differences(self, wanted: Identity) -> str:
        """Return in words in what an engine differs from the wanted one; empty = in nothing."""
        here, there = asdict(wanted), asdict(self)
        words = []
        for name, value in there.items():
            if value == here[name]:
                continue
            shown = _NAMES.get(name, name)
            words.append(f'{shown} changed' if name in ('onnx', 'tensors', 'builder') else
                         f'{shown} was {value}, is {here[name]}')
        return ', '.join(words)


def graph_name(graph: GraphSpec) -> str:
    """Return the name of a graph for people: its model's folder and its file."""
    return f'{graph.file.parent.name}/{graph.file.stem}'


def file_stem(name: str) -> str:
    """Return a name with only letters, digits, dots and _."""
    return _UNFIT.sub('_', name)
