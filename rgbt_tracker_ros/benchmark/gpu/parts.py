# SPDX-License-Identifier: Apache-2.0
"""A part of AINet in one run time: whether scans in plain operators are fast enough."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rgbt_tracker_ros.benchmark.gpu.contenders import Step, TorchClock
from rgbt_tracker_ros.benchmark.gpu.scan_forms import part, write_part
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu


def part_step(name: str, runtime: str, folder: Path, *, quick: bool, cpu: bool,
              ) -> tuple[Callable[[], Any], Step | None]:
    """Return what runs a part from host to host, and the GPU's part of it.

    Raises
    ------
    ModelError
        If the run time cannot run it.

    """
    kind, _, form = runtime.partition('-')
    if not cpu:
        find_gpu()
    if kind == 'torch':
        return _torch(name, form, quick=quick, cpu=cpu)
    graph = write_part(name, folder / f'{name}.onnx', quick=quick)
    tokens = np.random.default_rng(0).standard_normal(graph.inputs['tokens']).astype(np.float32)
    if kind == 'onnxruntime':
        from rgbt_tracker_ros.inference.onnxruntime_backend import load_session

        session = load_session(graph, 0, 'cuda')
        return lambda: session.run(None, {'tokens': tokens}), None

    from rgbt_tracker_ros.inference.engines.cache import EngineCache
    from rgbt_tracker_ros.inference.tensorrt.stopwatch import Stopwatch
    from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools

    tools = TensorRtTools('tensorrt_rtx' if kind == 'rtx' else 'tensorrt')
    engine: Any = EngineCache(folder / 'engines', tools).engine(graph, 'fp32')
    engine.prepare((), ())
    return lambda: engine.run({'tokens': tokens}), Step(engine.launch, Stopwatch(engine))


def _torch(name: str, form: str, *, quick: bool, cpu: bool,
           ) -> tuple[Callable[[], Any], Step | None]:
    import torch

    from rgbt_tracker_ros.inference.pytorch.replay import captured, true_float32
    from rgbt_tracker_ros.networks.mamba_kernels import plain_operators

    if cpu and form != 'eager':
        raise InputError('CUDA graphs and kernels need a GPU')
    module, tokens = part(name, quick=quick)
    device = torch.device('cpu' if cpu else 'cuda')
    module, given = module.to(device), tokens.to(device)

    def kernels() -> tuple[Any, ...]:
        with torch.inference_mode(), true_float32():
            return (module(given),)

    def plain() -> tuple[Any, ...]:
        with plain_operators():
            return kernels()

    step: Callable[[], Any] = kernels if form == 'kernels' else plain
    if form == 'graphs':
        step = captured(step)

    def whole() -> Any:
        given.copy_(tokens)
        return step()[0].cpu()

    return whole, None if cpu else Step(step, TorchClock())
