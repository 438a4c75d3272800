# SPDX-License-Identifier: Apache-2.0
"""What the engine cache needs of a run time that compiles graphs, such as TensorRT.

The cache knows no run time: everything it does can be tested where there is no GPU.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import GraphSpec, Shape

Precision = Literal['fp32', 'fp16']

Progress = Callable[[str, float | None], None]
"""Told what is being done, and which share of it is done (0..1; None = unknown)."""

Stop = Callable[[], bool]
"""Asked often; True ends a build."""


class EngineError(ModelError):
    """There is no engine: it cannot be built, loaded or used; the message says why."""


class EngineHangsError(EngineError):
    """An engine was given up because it did not answer; the GPU may need a restart."""


class BuildStoppedError(Exception):
    """A build was ended because `stop` said so; nothing is left of it."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What a compiled engine is valid for.

    Attributes
    ----------
    runtime, version
        Name and version of the run time, as in `tensorrt`, `10.3.0`.
    gpu, capability
        Name and compute capability of the GPU, as in `Orin`, `8.7`.
    driver
        Version of the driver's CUDA, as in `12.6`.

    """

    runtime: str
    version: str
    gpu: str
    capability: str
    driver: str

    def __str__(self) -> str:
        return (f'{self.runtime} {self.version} on {self.gpu} ({self.capability}), driver '
                f'{self.driver}')


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One graph to compile.

    Attributes
    ----------
    graph
        The ONNX file, with the names and shapes of its tensors.
    precision
        What the engine computes in; its inputs and outputs are float32 in either case.
    workspace
        Most scratch memory the engine may take on the GPU, bytes.
    optimization
        How long the builder may search, 0 (short) to 5, where the run time knows it.
    timing_cache
        What an earlier build of this platform measured; None = nothing is known.

    """

    graph: GraphSpec
    precision: Precision
    workspace: int = 1 << 30
    optimization: int = 3
    timing_cache: bytes | None = None


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A serialised engine, and what was measured on the way, for the next build."""

    plan: bytes
    timing_cache: bytes | None = None


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Input or output of an engine; `dtype` is NumPy's name, as in `float32`."""

    shape: Shape
    dtype: str
    is_input: bool


class Engine(Protocol):
    """An engine on the GPU."""

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Return every input and output by its name."""
        ...

    def run(self, feed: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return all outputs for all inputs, as arrays of the host.

        Raises
        ------
        EngineError
            If the run fails.

        """
        ...

    def close(self) -> None:
        """Free the engine; again is no harm."""
        ...


class EngineTools(Protocol):
    """A run time that compiles graphs.

    Engines are built in a process of its own, which may crash or be killed: the tools are pickled
    on the way there, so they hold nothing but plain values.
    """

    def platform(self) -> Platform:
        """Return what engines built here are valid for.

        Raises
        ------
        EngineError
            If there is no run time, driver or GPU; the message says which and the remedy.

        """
        ...

    def build(self, request: BuildRequest, progress: Progress, stop: Stop) -> BuildResult:
        """Compile a graph, which may take minutes.

        Raises
        ------
        EngineError
            If the graph cannot be compiled here.
        BuildStoppedError
            When `stop` said so.

        """
        ...

    def load(self, plan: bytes) -> Engine:
        """Make an engine of what `build` returned.

        Raises
        ------
        EngineError
            If the run time refuses it.

        """
        ...
