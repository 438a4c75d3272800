# SPDX-License-Identifier: Apache-2.0
"""The networks that are checked, their bundles, and what they give on the CPU."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.agreement import Scene, box_overlap, scenes
from rgbt_tracker_ros.inference.backend import Backend, SearchMaps
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle

_TRUNK = {'template_size': 64, 'search_size': 128, 'channels': 24, 'heads': 2, 'blocks': 2,
          'head_widths': (16, 8)}
QUICK: dict[str, dict[str, Any]] = {
    'unified': {'template_size': 64, 'search_size': 128, 'channels': 32, 'blocks': 2},
    'tpf': {**_TRUNK, 'channels': 32, 'adapter': {'channels': 16, 'state': 8}},
    'ckd': _TRUNK,
    'patrack': {**_TRUNK, 'entangled_at': (1,), 'entangled_channels': 6, 'task_channels': 6},
    'ainet': {**_TRUNK, 'state': 4, 'rank': 3, 'skipped_tokens': 16, 'order_pooled': 128,
              'order_widths': (16, 8), 'dfm_steps': 10, 'ofm_steps': 16}}
"""Sizes of small networks, which try the check itself."""

RANDOM = 'none: random weights'

_MAPS = ('score', 'size', 'offset')


def network(family: str, *, quick: bool) -> Any:
    """Return a network with random weights, always the same, in which every path counts."""
    import torch

    from rgbt_tracker_ros.networks.families import make_network

    torch.manual_seed(0)
    made = make_network(family, QUICK[family] if quick else {})
    # Scans start switched off: then a wrong one would not be seen.
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1 and not weight.any():
                weight.normal_(0.0, 0.02)
    return made.eval()


def export(family: str, precision: str, folder: Path, *, quick: bool) -> None:
    """Write the bundle of a network."""
    from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle

    export_bundle(network(family, quick=quick), ModelFacts(family, (RANDOM,)),
                  folder, half=precision == 'fp16')


def scene(bundle: ModelBundle) -> Scene:
    """Return what every run time is shown."""
    return next(scenes(bundle, 1))


def write_reference(bundle: ModelBundle, file: Path) -> str:
    """Write a bundle's maps in float32 on the CPU; return the run time that gave them."""
    backend: Backend
    try:
        from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend

        backend = OnnxRuntimeBackend(bundle)
    except ModelError:
        from rgbt_tracker_ros.inference.pytorch.backend import TorchBackend

        backend = TorchBackend(bundle, device='cpu')
    maps = scene(bundle).show(backend, bundle.template_slots)
    np.savez(file, **{name: getattr(maps, name) for name in _MAPS})
    return backend.name


def errors(maps: SearchMaps, reference: Path) -> dict[str, float]:
    """Return how far maps are from those on the CPU: largest differences, IoU of the boxes."""
    with np.load(reference) as stored:
        wanted = SearchMaps(*(stored[name] for name in _MAPS))
    maps.checked()
    return {**{f'{name}_error': float(np.abs(getattr(maps, name) - getattr(wanted, name)).max())
               for name in _MAPS}, 'box_iou': box_overlap(wanted, maps)}


def bundle_facts(folder: Path) -> dict[str, Any]:
    """Return what identifies a bundle."""
    bundle = load_bundle(folder)
    return {'name': bundle.name, 'search_mib': bundle.search_graph.file.stat().st_size / 2 ** 20,
            'sha256': {'template': bundle.template_graph.sha256,
                       'search': bundle.search_graph.sha256}}
