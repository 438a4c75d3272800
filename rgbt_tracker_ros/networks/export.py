# SPDX-License-Identifier: Apache-2.0
"""Export of a `unified` network as a model bundle."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any
import warnings

import torch
from torch import Tensor, nn
import yaml

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.networks.inputs import (
    BORDER,
    RGB,
    SEARCH_FACTOR,
    TEMPLATE_FACTOR,
    THERMAL,
)
from rgbt_tracker_ros.networks.unified import UnifiedTracker

OPSET = 17


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What model.yaml says beside the graphs."""

    name: str
    training_data: tuple[str, ...]
    calibration: tuple[float, float] = (1.0, 0.0)
    licence: str = 'Apache-2.0'


class _Template(nn.Module):
    def __init__(self, network: UnifiedTracker) -> None:
        super().__init__()
        self.network = network

    def forward(self, rgb: Tensor, thermal: Tensor) -> Tensor:
        return self.network.template(rgb, thermal)


class _Search(nn.Module):
    """The search graph; its fused image is in 0..1 for viewing."""

    def __init__(self, network: UnifiedTracker) -> None:
        super().__init__()
        self.network = network
        self.register_buffer('mean', torch.tensor(RGB.mean).reshape(1, 3, 1, 1))
        self.register_buffer('std', torch.tensor(RGB.std).reshape(1, 3, 1, 1))

    def forward(
        self, first: Tensor, second: Tensor, rgb: Tensor, thermal: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        score, size, offset, fused = self.network.search([first, second], rgb, thermal)
        image = fused * self.get_buffer('std') + self.get_buffer('mean')
        return score, size, offset, image.clamp(0.0, 1.0)


def export_bundle(network: UnifiedTracker, facts: ModelFacts, folder: Path) -> None:
    """Write template.onnx, search.onnx and model.yaml to `folder`, all of them or none.

    A model card that is already in the folder stays.

    Raises
    ------
    InputError
        If the folder cannot be written.

    """
    network = network.eval().float().to(memory_format=torch.contiguous_format)
    config = network.config
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
    except OSError as error:
        raise InputError(f'--output {folder} cannot be written: {error.strerror}') from error
    try:
        z, x = config.template_size, config.search_size
        tokens = torch.zeros(1, config.template_tokens, config.channels)
        graphs = {
            'template': _graph(
                work / 'template.onnx', _Template(network),
                {'template_rgb': torch.rand(1, 3, z, z), 'template_thermal':
                 torch.rand(1, 1, z, z)},
                ['template_tokens']),
            'search': _graph(
                work / 'search.onnx', _Search(network),
                {'template_tokens_0': tokens, 'template_tokens_1': tokens,
                 'search_rgb': torch.rand(1, 3, x, x), 'search_thermal': torch.rand(1, 1, x, x)},
                ['score_map', 'size_map', 'offset_map', 'fused_image'])}
        description: dict[str, Any] = {
            'format': 1, 'name': facts.name, 'family': 'unified',
            'template': {'size': z, 'factor': TEMPLATE_FACTOR},
            'search': {'size': x, 'factor': SEARCH_FACTOR}, 'border': BORDER,
            'normalization': {'rgb': _statistics(RGB), 'thermal': _statistics(THERMAL)},
            'template_slots': config.template_slots,
            'calibration': dict(zip(('scale', 'bias'), facts.calibration, strict=True)),
            'graphs': graphs, 'training_data': list(facts.training_data),
            'licence': facts.licence}
        (work / 'model.yaml').write_text(yaml.safe_dump(description, sort_keys=False))
        folder.mkdir(exist_ok=True)
        # The description goes last: until then the old one's checksums reject the new graphs.
        for name in ('template.onnx', 'search.onnx', 'model.yaml'):
            os.replace(work / name, folder / name)
    except OSError as error:
        raise InputError(f'--output {folder} cannot be written: {error.strerror}') from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _statistics(normalization: Normalization) -> dict[str, list[float]]:
    return {'mean': list(normalization.mean), 'std': list(normalization.std)}


def _graph(
    file: Path, module: nn.Module, inputs: Mapping[str, Tensor], outputs: list[str],
) -> dict[str, Any]:
    """Export one graph with static shapes; return its entry of model.yaml."""
    arguments = tuple(inputs.values())
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            module.eval(), arguments, str(file), input_names=list(inputs), output_names=outputs,
            opset_version=OPSET, do_constant_folding=True, dynamo=False)
    with torch.no_grad():
        results = module(*arguments)
    results = results if isinstance(results, tuple) else (results,)
    return {
        'file': file.name, 'sha256': hashlib.sha256(file.read_bytes()).hexdigest(),
        'inputs': {name: list(tensor.shape) for name, tensor in inputs.items()},
        'outputs': {name: list(tensor.shape)
                    for name, tensor in zip(outputs, results, strict=True)}}
