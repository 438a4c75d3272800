# SPDX-License-Identifier: Apache-2.0
"""TensorRT as what the engine cache builds and loads engines with."""
from __future__ import annotations

from dataclasses import dataclass

from rgbt_tracker_ros.inference.engines.tools import (
    BuildRequest,
    BuildResult,
    Platform,
    Progress,
    Stop,
)
from rgbt_tracker_ros.inference.tensorrt import library
from rgbt_tracker_ros.inference.tensorrt.compiler import Compiler
from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda
from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu
from rgbt_tracker_ros.inference.tensorrt.engine import TensorRtEngine
from rgbt_tracker_ros.inference.tensorrt.precision import can_choose


@dataclass(frozen=True)
class TensorRtTools:
    """One of the modules that bring TensorRT: `tensorrt` or `tensorrt_rtx`."""

    module: str = library.TENSORRT

    @classmethod
    def installed(cls) -> TensorRtTools:
        """Return the tools of the module that is installed; `tensorrt` before `tensorrt_rtx`.

        Raises
        ------
        EngineError
            If there is none.

        """
        return cls(library.installed_module())

    def platform(self) -> Platform:
        """Return what engines built here are valid for; raise EngineError if nothing works."""
        gpu = find_gpu()
        version = library.imported(self.module).__version__
        return Platform(self.module, version, gpu.name, gpu.capability, gpu.cuda)

    def builds_fp16(self) -> bool:
        """Tell whether it builds fp16 engines of fp32 graphs; else the graph decides."""
        find_gpu()
        return can_choose(library.imported(self.module))

    def build(self, request: BuildRequest, progress: Progress, stop: Stop) -> BuildResult:
        """Compile a graph; TensorRT-RTX needs no GPU for that.

        Raises
        ------
        EngineError
            If the graph cannot be compiled here.
        BuildStoppedError
            When `stop` said so, which TensorRT before 10 never asks.

        """
        if self.module != library.RTX:
            find_gpu()
        return Compiler(library.imported(self.module), request).compile(progress, stop)

    def load(self, plan: bytes) -> TensorRtEngine:
        """Make an engine of a plan.

        Raises
        ------
        EngineError
            If there is no GPU, or TensorRT refuses the plan.

        """
        find_gpu()
        return TensorRtEngine(library.imported(self.module), Cuda(), plan)
