# SPDX-License-Identifier: Apache-2.0
"""Export of a network as a model bundle."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import hashlib
from pathlib import Path
from typing import Any, Protocol

import onnx
import torch
from torch import Tensor, nn
import yaml

from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.inference.new_bundle import new_bundle
from rgbt_tracker_ros.networks.compact import compacted
from rgbt_tracker_ros.networks.folding import folded
from rgbt_tracker_ros.networks.half_precision import halved
from rgbt_tracker_ros.networks.inputs import SEARCH_FACTOR, TEMPLATE_FACTOR, Inputs
from rgbt_tracker_ros.networks.padding import pads_merged
from rgbt_tracker_ros.networks.tracing import traced

OPSET = 17
MAPS = ('score_map', 'size_map', 'offset_map')
Tensors = Tensor | tuple[Tensor, ...]


class Exportable(Protocol):
    """What `export_bundle` needs of a network besides being an `nn.Module`.

    Attributes
    ----------
    family
        Family in model.yaml.
    template_slots
        How many templates `search` takes.
    template_names
        Names of the tensors that `template` makes: one, or as many as its tuple holds.
    gives_fused
        Whether `search` also returns the fused search crop, normalised as RGB.

    """

    family: str
    template_slots: int
    template_names: tuple[str, ...]
    gives_fused: bool

    @property
    def inputs(self) -> Inputs:
        """Return sizes and statistics of the crops."""

    def template(self, rgb: Tensor, thermal: Tensor) -> Tensors:
        """Return what is made once of a template."""

    def search(self, slots: Any, rgb: Tensor, thermal: Tensor) -> tuple[Tensor, ...]:
        """Return score, size and offset map of what `template` made.

        `slots` is a list with one entry per slot, or that entry itself where there is one slot.
        """


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What model.yaml says beside the graphs."""

    name: str
    training_data: tuple[str, ...]
    calibration: tuple[float, float] = (1.0, 0.0)
    licence: str = 'Apache-2.0'


class _Template(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, rgb: Tensor, thermal: Tensor) -> Tensors:
        return self.network.template(rgb, thermal)


class _Search(nn.Module):
    """The search graph; its fused image is in 0..1 for viewing."""

    def __init__(self, network: Any, normalization: Normalization) -> None:
        super().__init__()
        self.network = network
        self.register_buffer('mean', torch.tensor(normalization.mean).reshape(1, 3, 1, 1))
        self.register_buffer('std', torch.tensor(normalization.std).reshape(1, 3, 1, 1))

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        *templates, rgb, thermal = tensors
        names = len(self.network.template_names)
        slots: list[Tensors] = [
            templates[first] if names == 1 else tuple(templates[first:first + names])
            for first in range(0, len(templates), names)]
        given = slots if self.network.template_slots > 1 else slots[0]
        outputs = self.network.search(given, rgb, thermal)
        if not self.network.gives_fused:
            return outputs[:3]
        *maps, fused = outputs
        image = fused * self.get_buffer('std') + self.get_buffer('mean')
        return (*maps, image.clamp(0.0, 1.0))


def export_bundle(
    network: Any, facts: ModelFacts, folder: Path, *, half: bool = False, compact: bool = False,
    opset: int = OPSET,
) -> None:
    """Write template.onnx, search.onnx and model.yaml to `folder`, all of them or none.

    `network` is an `nn.Module` that is `Exportable`. `half` lets the graphs compute in half
    precision; what goes in and comes out stays single. With `compact` only the stored weights are
    half, and all is computed in single precision. With `opset` 16 norms are sums and roots,
    for run times without LayerNormalization. A model card that is already in the folder stays.

    Raises
    ------
    InputError
        If the folder cannot be written.

    """
    network = network.eval().float().to(memory_format=torch.contiguous_format)
    inputs: Inputs = network.inputs
    with new_bundle(folder) as work:
        template, search = (
            {f'{crop}_rgb': torch.rand(1, 3, size, size),
             f'{crop}_thermal': torch.rand(1, inputs.thermal.channels, size, size)}
            for crop, size in (('template', inputs.template_size), ('search', inputs.search_size)))
        with torch.no_grad():
            made = network.template(*template.values())
        tensors = dict(zip(
            network.template_names, made if isinstance(made, tuple) else (made,), strict=True))
        slots = {f'{name}_{slot}': tensor for slot in range(network.template_slots)
                 for name, tensor in tensors.items()}
        finish = halved if half else compacted if compact else _as_it_is
        graphs = {
            'template': _graph(work / 'template.onnx', _Template(network), template,
                               list(tensors), finish, opset),
            'search': _graph(
                work / 'search.onnx', _Search(network, inputs.rgb), {**slots, **search},
                [*MAPS, *(['fused_image'] if network.gives_fused else [])], finish,
                opset)}
        description: dict[str, Any] = {
            'format': 1, 'name': facts.name, 'family': network.family,
            'template': {'size': inputs.template_size, 'factor': TEMPLATE_FACTOR},
            'search': {'size': inputs.search_size, 'factor': SEARCH_FACTOR},
            'border': inputs.border,
            'normalization': {'rgb': _statistics(inputs.rgb),
                              'thermal': _statistics(inputs.thermal)},
            'template_slots': network.template_slots,
            'calibration': dict(zip(('scale', 'bias'), facts.calibration, strict=True)),
            'graphs': graphs, 'training_data': list(facts.training_data),
            'licence': facts.licence, 'precision': 'fp16' if half else 'fp32'}
        (work / 'model.yaml').write_text(yaml.safe_dump(description, sort_keys=False))


def _as_it_is(model: onnx.ModelProto) -> onnx.ModelProto:
    return model


def _statistics(normalization: Normalization) -> dict[str, list[float]]:
    return {'mean': list(normalization.mean), 'std': list(normalization.std)}


def _graph(
    file: Path, module: nn.Module, inputs: Mapping[str, Tensor], outputs: list[str],
    finish: Callable[[onnx.ModelProto], onnx.ModelProto], opset: int,
) -> dict[str, Any]:
    """Export one graph with static shapes; return its entry of model.yaml."""
    arguments = tuple(inputs.values())
    traced(module.eval(), inputs, outputs, file, opset)
    onnx.save(finish(pads_merged(folded(file))), str(file))
    with torch.no_grad():
        results = module(*arguments)
    results = results if isinstance(results, tuple) else (results,)
    return {
        'file': file.name, 'sha256': hashlib.sha256(file.read_bytes()).hexdigest(),
        'inputs': {name: list(tensor.shape) for name, tensor in inputs.items()},
        'outputs': {name: list(tensor.shape)
                    for name, tensor in zip(outputs, results, strict=True)}}
