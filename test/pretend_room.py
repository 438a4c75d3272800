# SPDX-License-Identifier: Apache-2.0
"""Where backends tensorrt are made on a pretended GPU."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from mock_model import write_bundle
import numpy as np
from pretend_gpu import PretendGpu, plug_in
from pretend_shape import TENSORRT_10, Surface
from pretend_tensorrt import install, make_library
import pytest

from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.engines.tools import BuildRequest, BuildResult
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.inference.tensorrt.backend import TensorRtBackend
from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools
from rgbt_tracker_ros.settings import ModelSettings


class Room:
    """A GPU, a TensorRT, the mock model, and what backends warned of."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch,
                 surface: Surface = TENSORRT_10, version: str = '10.3.0') -> None:
        self._monkeypatch = monkeypatch
        self._surface, self._version = surface, version
        self.cache = folder / 'engines'
        self.bundle = load_bundle(write_bundle(folder / 'model'))
        self.warnings: list[str] = []
        self.renew()

    def renew(self) -> PretendGpu:
        """Start the GPU anew."""
        self.gpu = plug_in(self._monkeypatch)
        self.module = install(
            self._monkeypatch, make_library(self.gpu, self._surface, self._version))
        return self.gpu

    def backend(self, bundle: ModelBundle | None = None, **settings: Any) -> TensorRtBackend:
        return TensorRtBackend(
            bundle or self.bundle, ModelSettings(engine_cache=str(self.cache), **settings),
            Monitor(warn=self.warnings.append), tools=TensorRtTools(), build=build_here)


def build_here(tools: Any, request: BuildRequest, progress: Any, stop: Any) -> BuildResult:
    """Build in this process, where the pretended TensorRT is."""
    result: BuildResult = tools.build(request, progress, stop)
    return result


def crops(side: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an RGB and a thermal crop."""
    random = np.random.default_rng(seed)
    return (random.uniform(0.2, 1, (1, 3, side, side)).astype(np.float32),
            random.uniform(0.2, 1, (1, 1, side, side)).astype(np.float32))
