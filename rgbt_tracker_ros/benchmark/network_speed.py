# SPDX-License-Identifier: Apache-2.0
"""Exported graphs beside the network that they were made of, in PyTorch: time and difference."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import onnx
import torch

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.backend import SearchMaps
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from rgbt_tracker_ros.networks.elimination import PUBLISHED_BLOCKS
from rgbt_tracker_ros.networks.families import random_network


@dataclass
class _Rival:
    """A bundle and its network, with what each frame took, in seconds."""

    bundle: ModelBundle
    backend: OnnxRuntimeBackend
    network: Any
    exported: list[float] = field(default_factory=list)
    eager: list[float] = field(default_factory=list)
    difference: float = 0.0

    def turn(self, crops: Mapping[str, Any]) -> None:
        """Let both do the same frame."""
        arrays = [crops[name] for name in ('template_rgb', 'template_thermal')]
        search = [crops[name] for name in ('search_rgb', 'search_thermal')]
        slots = [self.backend.template(*arrays)] * self.bundle.template_slots
        start = perf_counter()
        maps = self.backend.search(slots, *search)
        middle = perf_counter()
        with torch.no_grad():
            made = self.network.template(*map(torch.from_numpy, arrays))
            given = [made] * self.bundle.template_slots if self.bundle.template_slots > 1 else made
            before = perf_counter()
            results = self.network.search(given, *map(torch.from_numpy, search))
        self.exported.append(middle - start)
        self.eager.append(perf_counter() - before)
        self.difference = max(self.difference, _largest(maps, results))


def network_speeds(folders: Sequence[Path], rounds: int, threads: int) -> dict[str, Any]:
    """Time the search graphs of bundles with random weights beside their networks, in turns.

    Parameters
    ----------
    folders
        Bundles that `export` wrote without a checkpoint: its random weights are always the same.
    rounds
        Timed frames of each, after one that is not timed.
    threads
        Of ONNX Runtime and of PyTorch.

    Returns
    -------
    dict
        By folder: medians and best times in ms, the ratio of the medians, and the largest
        difference between the maps.

    Raises
    ------
    InputError
        If a bundle was not made of the family's random weights.

    """
    torch.set_num_threads(threads)
    with ExitStack() as stack:
        rivals = {}
        for folder in folders:
            bundle = load_bundle(folder)
            backend = OnnxRuntimeBackend(bundle, threads)
            stack.callback(backend.close)
            rivals[folder.name] = _Rival(bundle, backend, _network(bundle))
        generator = np.random.default_rng(0)
        for turn in range(rounds + 1):
            for rival in rivals.values():
                bundle = rival.bundle
                inputs = {**bundle.template_graph.inputs, **bundle.search_graph.inputs}
                rival.turn({
                    name: generator.standard_normal(shape).astype(np.float32)
                    for name, shape in inputs.items() if name.endswith(('rgb', 'thermal'))})
                if not turn:
                    rival.exported.clear()
                    rival.eager.clear()
        return {name: _report(rival) for name, rival in rivals.items()}


def _network(bundle: ModelBundle) -> Any:
    if not any('random weights' in text for text in bundle.training_data):
        raise InputError(f'{bundle.folder} has trained weights: give a bundle that export wrote '
                         'without --checkpoint')
    network: Any = random_network(bundle.family)
    graph = onnx.load(str(bundle.search_graph.file)).graph
    if any(node.op_type == 'TopK' for node in graph.node):
        network.config = replace(network.config, eliminate_at=PUBLISHED_BLOCKS)
    return network


def _report(rival: _Rival) -> dict[str, float]:
    return {
        'onnxruntime_ms': median(rival.exported) * 1e3, 'pytorch_ms': median(rival.eager) * 1e3,
        'onnxruntime_best_ms': min(rival.exported) * 1e3,
        'pytorch_best_ms': min(rival.eager) * 1e3,
        'ratio': median(rival.eager) / median(rival.exported), 'difference': rival.difference}


def _largest(maps: SearchMaps, results: Sequence[torch.Tensor]) -> float:
    pairs = zip((maps.score, maps.size, maps.offset), results, strict=False)
    return max(float(np.abs(ours - theirs[0].squeeze(0).numpy()).max()) for ours, theirs in pairs)
