# SPDX-License-Identifier: Apache-2.0
"""A bundle, or its network, in each run time: one search from crops to maps, and its GPU part."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rgbt_tracker_ros.benchmark.gpu import models
from rgbt_tracker_ros.benchmark.gpu.timing import Clock
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.backend import Backend, SearchMaps
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.inference.engines.build_process import build_in_process
from rgbt_tracker_ros.inference.engines.cache import Build, EngineCache
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu
from rgbt_tracker_ros.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Step:
    """The GPU's part of a search: what puts it into a stream, and a clock in that stream."""

    call: Callable[[], object]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Contender:
    """A model that is ready to run.

    Attributes
    ----------
    search
        From crops of the host to maps on the host, as for a frame of a camera.
    step
        None where the run time lets nobody look.
    without_graph
        The same without a CUDA graph, where there is one.
    notes
        What a reader must know, as that there is no CUDA graph.

    """

    search: Callable[[], SearchMaps]
    step: Step | None = None
    without_graph: Step | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a contender is made.

    Attributes
    ----------
    bundle, half
        The bundle in float32, and the one in half precision.
    engines
        Folder of engines.
    cpu
        Run on the CPU what can, in place of a GPU.
    quick
        Networks are small.
    build
        Builds engines, see `EngineCache`.

    """

    bundle: ModelBundle
    half: ModelBundle
    engines: Path
    cpu: bool = False
    quick: bool = False
    build: Build = build_in_process


def contender(runtime: str, family: str, place: Place) -> Contender:
    """Make a model ready in the run time of that name, see `tasks.RUNTIMES`.

    Raises
    ------
    ModelError
        If the run time, its GPU or its driver is missing, or it cannot run the model.

    """
    kind, _, form = runtime.partition('-')
    if kind == 'onnxruntime':
        return _onnxruntime(form, place)
    if kind in ('tensorrt', 'rtx'):
        return _tensorrt(kind, form, place)
    if not place.cpu:
        find_gpu()
    return _torch_backend(place) if form == 'backend' else _torch(form, family, place)


def _shown(backend: Backend, bundle: ModelBundle) -> Callable[[], SearchMaps]:
    """Return a search by a backend."""
    scene = models.scene(bundle)
    templates = [backend.template(*scene.template)] * bundle.template_slots
    return lambda: backend.search(templates, *scene.search)


def _onnxruntime(device: Any, place: Place) -> Contender:
    from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend

    if device != 'cpu':
        find_gpu()
    return Contender(_shown(OnnxRuntimeBackend(place.bundle, device=device), place.bundle))


def _tensorrt(kind: str, precision: Any, place: Place) -> Contender:
    from rgbt_tracker_ros.inference.tensorrt.backend import TensorRtBackend
    from rgbt_tracker_ros.inference.tensorrt.stopwatch import Stopwatch
    from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools

    tools = TensorRtTools('tensorrt_rtx' if kind == 'rtx' else 'tensorrt')
    tools.platform()
    bundle = place.half if precision == 'fp16' and not tools.builds_fp16() else place.bundle
    warnings: list[str] = []
    monitor = Monitor(warn=warnings.append)
    settings = ModelSettings(precision=precision, engine_cache=str(place.engines))
    backend = TensorRtBackend(bundle, settings, monitor, tools=tools, build=place.build)
    # The backend's engines are its own; others from the cache tell the GPU's part.
    cache = EngineCache(place.engines, tools, place.build)
    slots = frozenset(bundle.search_graph.inputs) - {'search_rgb', 'search_thermal'}
    steps = []
    for capture in (True, False):
        engine: Any = cache.engine(bundle.search_graph, precision, monitor)
        engine.prepare(slots, ('fused_image',), capture=capture)
        steps.append(Step(engine.launch, Stopwatch(engine)))
    return Contender(_shown(backend, bundle), steps[0], steps[1] if backend.captured else None,
                     tuple(warnings))


def _torch_backend(place: Place) -> Contender:
    from rgbt_tracker_ros.inference.pytorch.backend import TorchBackend

    backend = TorchBackend(place.bundle, device='cpu' if place.cpu else 'cuda')
    return Contender(_shown(backend, place.bundle))


class TorchClock:
    """CUDA events in PyTorch's stream."""

    def __init__(self) -> None:
        import torch

        make: Any = torch.cuda.Event
        self._begin, self._end = (make(enable_timing=True) for _ in range(2))

    def begin(self) -> None:
        """Mark the beginning."""
        self._begin.record()

    def milliseconds(self) -> float:
        """Mark the end, wait for it, and return the time in between."""
        self._end.record()
        self._end.synchronize()
        return float(self._begin.elapsed_time(self._end))


def _torch(form: str, family: str, place: Place) -> Contender:
    """Run the network itself, in none of our backends."""
    import torch

    from rgbt_tracker_ros.inference.pytorch.replay import captured, true_float32

    if place.bundle.training_data != (models.RANDOM,):
        raise InputError('there are only graphs, not the network that they were made of')
    device = torch.device('cpu' if place.cpu else 'cuda')
    if place.cpu and form.endswith('graphs'):
        raise InputError('CUDA graphs need a GPU')
    network = models.network(family, quick=place.quick).to(device)
    scene = models.scene(place.bundle)
    crops = [torch.as_tensor(crop) for crop in (*scene.template, *scene.search)]
    inputs = [crop.to(device) for crop in crops]
    search = torch.compile(network.search) if form.startswith('compile') else network.search
    with torch.inference_mode():
        made = network.template(*inputs[:2])
    templates = [made] * place.bundle.template_slots if place.bundle.template_slots > 1 else made

    def run() -> Sequence[Any]:
        with torch.inference_mode(), true_float32():
            maps: Sequence[Any] = search(templates, *inputs[2:])[:3]
            return maps

    step = captured(run) if form.endswith('graphs') else run

    def whole() -> SearchMaps:
        for into, crop in zip(inputs[2:], crops[2:], strict=True):
            into.copy_(crop)
        score, size, offset = (part.cpu().numpy()[0] for part in step())
        return SearchMaps(score[0], size, offset)

    return Contender(whole, None if place.cpu else Step(step, TorchClock()))
