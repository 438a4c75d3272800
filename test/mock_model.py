# SPDX-License-Identifier: Apache-2.0
"""A model bundle without training: it tracks the blob that is as bright as its template.

Tests of everything around a network need one that behaves, is tiny and needs no weights. Per
modality the template's token is the mean brightness of the target; the score of a cell is the
mean brightness of a target-sized window over that of the template (0..1), averaged over the
cameras that are present. The size is always that of the box before.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save
import yaml

TEMPLATE = 64
SEARCH = 128
CELLS = 32
TEMPLATE_FACTOR = 2.0
SEARCH_FACTOR = 4.0
TARGET = int(SEARCH / SEARCH_FACTOR)


def write_bundle(
    folder: Path, *, name: str = 'mock', slots: int = 2, fused: bool = True, nan: bool = False,
    output_name: str = 'score_map', cells: int = CELLS, edit: Callable[[Any], None] | None = None,
) -> Path:
    """Write a bundle and return its folder.

    Parameters
    ----------
    folder
        Made when missing.
    name
        Name of the model.
    slots
        Template slots, 1 or 2.
    fused
        Whether the search graph has a fused image.
    nan
        The score map is NaN as soon as the RGB search crop holds anything bright.
    output_name, cells
        What the search graph (not model.yaml) calls its score map, and the map's side: other
        than the default values make a graph that contradicts model.yaml.
    edit
        Changes the content of model.yaml before it is written.

    """
    folder.mkdir(parents=True, exist_ok=True)
    save(_template_graph(), folder / 'template.onnx')
    save(_search_graph(slots, fused, nan, output_name, cells), folder / 'search.onnx')
    description = _description(folder, name, slots, fused)
    if edit is not None:
        edit(description)
    (folder / 'model.yaml').write_text(yaml.safe_dump(description, sort_keys=False))
    return folder


def _description(folder: Path, name: str, slots: int, fused: bool) -> dict[str, Any]:
    tokens = {f'template_tokens_{slot}': [1, 2] for slot in range(slots)}
    outputs = {'score_map': [1, 1, CELLS, CELLS], 'size_map': [1, 2, CELLS, CELLS],
               'offset_map': [1, 2, CELLS, CELLS]}
    if fused:
        outputs['fused_image'] = [1, 3, SEARCH, SEARCH]
    return {
        'format': 1, 'name': name, 'family': 'mock',
        'template': {'size': TEMPLATE, 'factor': TEMPLATE_FACTOR},
        'search': {'size': SEARCH, 'factor': SEARCH_FACTOR},
        'border': 'mean',
        'normalization': {'rgb': {'mean': [0.5, 0.5, 0.5], 'std': [0.25, 0.25, 0.25]},
                          'thermal': {'mean': [0.5], 'std': [0.25]}},
        'template_slots': slots,
        'graphs': {
            'template': {
                'file': 'template.onnx', 'sha256': digest(folder / 'template.onnx'),
                'inputs': {'template_rgb': [1, 3, TEMPLATE, TEMPLATE],
                           'template_thermal': [1, 1, TEMPLATE, TEMPLATE]},
                'outputs': {'template_tokens': [1, 2]}},
            'search': {
                'file': 'search.onnx', 'sha256': digest(folder / 'search.onnx'),
                'inputs': {**tokens, 'search_rgb': [1, 3, SEARCH, SEARCH],
                           'search_thermal': [1, 1, SEARCH, SEARCH]},
                'outputs': outputs}},
        'training_data': ['none'], 'licence': 'Apache-2.0',
    }


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def exchanged(folder: Path) -> Iterator[Path]:
    """Let the search graph be written anew; model.yaml then knows the new one."""
    file, description = folder / 'search.onnx', folder / 'model.yaml'
    old = digest(file)
    yield file
    description.write_text(description.read_text().replace(old, digest(file)))


class _Graph:
    """Collects nodes and constants."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def model(self, name: str, inputs: dict[str, list[int]],
              outputs: dict[str, list[int]]) -> Any:
        graph = helper.make_graph(
            self.nodes, name,
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)
             for key, shape in inputs.items()],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape)
             for key, shape in outputs.items()], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
        checker.check_model(model)
        return model


def _template_graph() -> Any:
    graph = _Graph()
    edge = int(TEMPLATE / TEMPLATE_FACTOR / 2)
    # Only the target itself: the template crop without the background around it.
    graph.constant('start', [edge, edge], np.int64)
    graph.constant('end', [TEMPLATE - edge, TEMPLATE - edge], np.int64)
    graph.constant('axes', [2, 3], np.int64)
    for part in ('rgb', 'thermal'):
        graph.add('Slice', [f'template_{part}', 'start', 'end', 'axes'], f'{part}_target')
        graph.add('ReduceMean', [f'{part}_target'], f'{part}_mean', axes=[1, 2, 3], keepdims=0)
        graph.constant(f'{part}_axis', [1], np.int64)
        graph.add('Unsqueeze', [f'{part}_mean', f'{part}_axis'], f'{part}_token')
    graph.add('Concat', ['rgb_token', 'thermal_token'], 'template_tokens', axis=1)
    return graph.model('template', {'template_rgb': [1, 3, TEMPLATE, TEMPLATE],
                                    'template_thermal': [1, 1, TEMPLATE, TEMPLATE]},
                       {'template_tokens': [1, 2]})


def _search_graph(slots: int, fused: bool, nan: bool, output_name: str, cells: int) -> Any:
    graph = _Graph()
    stride = SEARCH // cells
    pad = (TARGET - stride) // 2
    tokens = [f'template_tokens_{slot}' for slot in range(slots)]
    graph.add('Mean', tokens, 'tokens')
    graph.constant('first', 0.0)
    graph.constant('little', 0.05)
    graph.constant('one', 1.0)
    for index, part in enumerate(('rgb', 'thermal')):
        graph.add('ReduceMean', [f'search_{part}'], f'{part}_grey', axes=[1], keepdims=1)
        graph.add('AveragePool', [f'{part}_grey'], f'{part}_pooled', kernel_shape=[TARGET] * 2,
                  strides=[stride] * 2, pads=[pad] * 4, count_include_pad=1)
        graph.constant(f'{part}_index', [index], np.int64)
        graph.add('Gather', ['tokens', f'{part}_index'], f'{part}_token', axis=1)
        graph.add('Max', [f'{part}_token', 'little'], f'{part}_safe')
        graph.add('Div', [f'{part}_pooled', f'{part}_safe'], f'{part}_ratio')
        # A camera counts when the template has the target in it and the search crop is not blank.
        graph.add('Greater', [f'{part}_token', 'little'], f'{part}_known')
        graph.add('Abs', [f'search_{part}'], f'{part}_abs')
        graph.add('ReduceMax', [f'{part}_abs'], f'{part}_most', axes=[1, 2, 3], keepdims=1)
        graph.add('Greater', [f'{part}_most', 'little'], f'{part}_there')
        graph.add('And', [f'{part}_known', f'{part}_there'], f'{part}_both')
        graph.add('Cast', [f'{part}_both'], f'{part}_weight', to=TensorProto.FLOAT)
        graph.add('Mul', [f'{part}_ratio', f'{part}_weight'], f'{part}_part')
    graph.add('Add', ['rgb_part', 'thermal_part'], 'sum')
    graph.add('Add', ['rgb_weight', 'thermal_weight'], 'weights')
    graph.add('Max', ['weights', 'one'], 'divisor')
    graph.add('Div', ['sum', 'divisor'], 'mean_ratio')
    score = graph.add('Clip', ['mean_ratio', 'first', 'one'], 'clipped' if nan else output_name)
    if nan:
        graph.add('ReduceMax', ['search_rgb'], 'brightest', axes=[1, 2, 3], keepdims=1)
        graph.add('Sub', ['one', 'brightest'], 'negative_when_bright')
        graph.add('Sqrt', ['negative_when_bright'], 'root')
        graph.add('Div', ['root', 'root'], 'one_or_nan')
        graph.add('Mul', [score, 'one_or_nan'], output_name)
    graph.constant('sizes', np.full((1, 2, cells, cells), 1 / SEARCH_FACTOR))
    graph.constant('offsets', np.full((1, 2, cells, cells), 0.5))
    graph.add('Identity', ['sizes'], 'size_map')
    graph.add('Identity', ['offsets'], 'offset_map')
    outputs = {output_name: [1, 1, cells, cells], 'size_map': [1, 2, cells, cells],
               'offset_map': [1, 2, cells, cells]}
    if fused:
        graph.constant('scale', 0.125)
        graph.constant('shift', 0.5)
        graph.add('Add', ['search_rgb', 'search_thermal'], 'both')
        graph.add('Mul', ['both', 'scale'], 'scaled')
        graph.add('Add', ['scaled', 'shift'], 'fused_image')
        outputs['fused_image'] = [1, 3, SEARCH, SEARCH]
    inputs = {name: [1, 2] for name in tokens}
    inputs.update(search_rgb=[1, 3, SEARCH, SEARCH], search_thermal=[1, 1, SEARCH, SEARCH])
    return graph.model('search', inputs, outputs)
