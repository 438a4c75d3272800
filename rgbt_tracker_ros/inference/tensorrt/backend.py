# SPDX-License-Identifier: Apache-2.0
"""Runs a model bundle by TensorRT: only crops go up, only maps come down."""
from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, cast

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Array
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.inference.engines.build_process import build_in_process
from rgbt_tracker_ros.inference.engines.cache import Build, EngineCache
from rgbt_tracker_ros.inference.engines.files import cache_folder
from rgbt_tracker_ros.inference.engines.tools import EngineError, EngineHangsError, Precision
from rgbt_tracker_ros.inference.graph_backend import Graph, GraphBackend
from rgbt_tracker_ros.inference.graph_file import in_half_precision
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda
from rgbt_tracker_ros.inference.tensorrt.engine import TensorRtEngine
from rgbt_tracker_ros.inference.tensorrt.memory import DeviceTensor, TensorPool
from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools
from rgbt_tracker_ros.settings import ModelSettings

_FUSED = 'fused_image'

_PATIENCE_S = 5.0
"""A run that is still under way after so long hangs."""


class TensorRtBackend(GraphBackend):
    """TensorRT on the first NVIDIA GPU.

    Template tensors stay on the GPU. Within its memory they are copied to where the engine reads
    those of a slot, when the slot gets another template: a CUDA graph keeps its addresses.

    Parameters
    ----------
    bundle
        The checked model bundle.
    settings
        `precision` and `engine_cache` are used.
    monitor
        Told how far the engines are, and what a user must know.
    tools
        Which TensorRT; by default the one that is installed.
    build
        Builds an engine, see `EngineCache`.

    Raises
    ------
    EngineError
        If there is no TensorRT, driver or GPU, an engine cannot be had, or the first run fails.
    BuildStoppedError
        When `monitor.stop` said so.

    """

    name = 'tensorrt'

    def __init__(self, bundle: ModelBundle, settings: ModelSettings,
                 monitor: Monitor | None = None, *, tools: TensorRtTools | None = None,
                 build: Build = build_in_process) -> None:
        super().__init__(bundle)
        monitor, tools = monitor or Monitor(), tools or TensorRtTools.installed()
        self._lock = Lock()
        self._engines: dict[Graph, TensorRtEngine] = {}
        self._pool: TensorPool | None = None
        self._slots = frozenset(bundle.search_graph.inputs) - {'search_rgb', 'search_thermal'}
        try:
            self._load(settings, monitor, tools, build)
            self.warm_up()
        except EngineHangsError:
            raise       # to free what there is would hang, too
        except BaseException:
            self.close()
            raise

    @property
    def captured(self) -> bool:
        """Tell whether each frame is one CUDA graph."""
        return all(engine.captured for engine in self._engines.values())

    def _load(self, settings: ModelSettings, monitor: Monitor, tools: TensorRtTools,
              build: Build) -> None:
        bundle = self._bundle
        graphs = {'template': bundle.template_graph, 'search': bundle.search_graph}
        precision = cast(Precision, settings.precision)
        if precision == 'fp16' and not tools.builds_fp16() and not in_half_precision(
                bundle.search_graph.file):
            monitor.warn(
                'model.precision = fp16, but this TensorRT takes types from the model, and '
                f'{bundle.name} is fp32: export it by rgbt-tracker export --precision fp16')
        cache = EngineCache(cache_folder(settings.engine_cache), tools, build)
        for name, graph in graphs.items():
            engine = cast(TensorRtEngine, cache.engine(graph, precision, monitor))
            self._engines[cast(Graph, name)] = engine
            resident = self._slots if name == 'search' else ()
            if reason := engine.prepare(resident, (_FUSED,)):
                monitor.warn(f'{graph.file.name} runs without a CUDA graph, a little slower: '
                             f'{reason}')
        self._pool = TensorPool(Cuda())
        for shape in bundle.template_graph.outputs.values():
            # The initial template, the others, and one that is being made.
            self._pool.reserve(shape, bundle.template_slots + 1)

    def _run(self, graph: Graph, names: list[str], feed: Mapping[str, Any]) -> list[Any]:
        with self._lock:
            engine = self._engines.get(graph)
            if engine is None or self._pool is None:
                raise ModelError(f'model {self._bundle.name} was closed: load it again')
            try:
                return self._step(engine, self._pool, names, feed)
            except EngineError:
                engine.recover()
                raise

    def _step(self, engine: TensorRtEngine, pool: TensorPool, names: list[str],
              feed: Mapping[str, Any]) -> list[Any]:
        for name, value in feed.items():
            if name not in self._slots:
                engine.fill(name, value)
            elif isinstance(value, DeviceTensor) and value.pool is pool:
                engine.bind(name, value)
            else:
                raise ModelError(f'{name!r} was not made by this backend: make the templates anew')
        engine.launch()
        if _FUSED in names:
            engine.fetch(_FUSED)
        engine.wait()
        values: list[Any] = [engine.value(name) for name in names]
        if self._slots & feed.keys():
            return values
        tensors = [DeviceTensor(pool, value) for value in values]
        for name, tensor in zip(names, tensors, strict=True):
            engine.keep(name, tensor)
        engine.wait()
        return tensors

    def _array(self, tensor: Any) -> Array:
        return tensor.values if isinstance(tensor, DeviceTensor) else cast(Array, tensor)

    def _free(self) -> None:
        if not self._lock.acquire(timeout=_PATIENCE_S):
            raise EngineHangsError(f'the GPU has not answered for {_PATIENCE_S:g} s, and its '
                                   'memory stays taken: restart the node')
        try:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()
            if self._pool is not None:
                self._pool.close()
        finally:
            self._lock.release()
