# SPDX-License-Identifier: Apache-2.0
"""The backend `torch` reads the same graphs as ONNX Runtime and gives the same numbers."""
from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st
from mock_model import SEARCH, TEMPLATE, write_bundle
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime
import pytest
import torch

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.bundle import GraphSpec, load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.inference.pytorch import replay
from rgbt_tracker_ros.inference.pytorch.backend import TorchBackend
from rgbt_tracker_ros.inference.pytorch.graph import load_module
from rgbt_tracker_ros.settings import ModelSettings

MAPS = ('score', 'size', 'offset', 'fused')
GRID = np.random.default_rng(0).standard_normal((1, 4, 6, 6)).astype(np.float32)


def _crops(bundle, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((1, channels, side, side)).astype(np.float32)
            for side in (bundle.template.size, bundle.search.size)
            for channels in (3, len(bundle.thermal.mean))]


@pytest.mark.parametrize('shipped', [False, True])
def test_it_gives_the_maps_of_onnxruntime(tmp_path, shipped):
    bundle = load_bundle('unified_nano' if shipped else write_bundle(tmp_path / 'm'))
    crops, found = _crops(bundle), {}
    for name in ('torch', 'onnxruntime'):
        backend = load_backend(bundle, ModelSettings(backend=name, threads=1))
        assert backend.name == name
        templates = [backend.template(*crops[:2])] * bundle.template_slots
        assert backend.search(templates, *crops[2:]).fused is None
        found[name] = backend.search(templates, *crops[2:], fused=True)
    for name in MAPS:
        np.testing.assert_allclose(getattr(found['torch'], name),
                                   getattr(found['onnxruntime'], name), atol=1e-4)


def _one_node(folder, kind, arrays, numbers=None, outputs=1, opset=17, **attributes):
    """Return ONNX Runtime's outputs and ours for a graph of one node.

    `arrays` are its inputs and `numbers` the rest of them, by place, as constants.
    """
    names = [f'input_{place}' for place in range(len(arrays))]
    constants = {f'constant_{place}': np.asarray(value)
                 for place, value in sorted((numbers or {}).items())}
    places = dict(zip(sorted(numbers or {}), constants, strict=True))
    inputs = [*names, *(places.get(place, '') for place in range(
        len(names), max([len(names) - 1, *places]) + 1))]
    results = [f'output_{place}' for place in range(outputs)]
    types = [helper.np_dtype_to_tensor_dtype(array.dtype) for array in arrays]
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, results, **attributes)], 'one',
        [helper.make_tensor_value_info(name, kind_, array.shape)
         for name, kind_, array in zip(names, types, arrays, strict=True)],
        [helper.make_empty_tensor_value_info(name) for name in results],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    file = folder / 'one.onnx'
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[
        helper.make_opsetid('', opset)]), str(file))
    session = onnxruntime.InferenceSession(str(file), providers=['CPUExecutionProvider'])
    wanted = session.run(None, dict(zip(names, arrays, strict=True)))
    spec = GraphSpec(file, '', {name: array.shape for name, array in zip(
        names, arrays, strict=True)}, {name: array.shape for name, array in zip(
            results, wanted, strict=True)})
    module = load_module(spec)
    return wanted, [tensor.numpy() for tensor in module(*map(torch.from_numpy, arrays))]


def _assert_equal(folder, *args, **kwargs):
    for wanted, found in zip(*_one_node(folder, *args, **kwargs), strict=True):
        assert wanted.dtype == found.dtype
        np.testing.assert_allclose(found, wanted, atol=1e-5)


WEIGHT = np.random.default_rng(1).standard_normal((6, 2, 3, 3)).astype(np.float32)
SCALE, ZERO = np.float32([0.02, 0.1, 0.05, 0.2]), np.int8([0, 3, -4, 0])
OPERATORS = {
    'a convolution with uneven pads': ('Conv', {1: WEIGHT}, {
        'kernel_shape': [3, 3], 'pads': [1, 0, 2, 1], 'strides': [2, 1], 'group': 2}),
    'a maximum with uneven pads': ('MaxPool', {}, {
        'kernel_shape': [3, 2], 'pads': [1, 0, 1, 1], 'strides': [2, 2]}),
    'a mean that leaves out pads': ('AveragePool', {}, {
        'kernel_shape': [3, 3], 'pads': [1, 1, 1, 1], 'strides': [2, 2]}),
    'a mean with uneven pads': ('AveragePool', {}, {
        'kernel_shape': [3, 3], 'pads': [0, 1, 1, 0], 'count_include_pad': 1}),
    'depth to space, rows first': ('DepthToSpace', {}, {'blocksize': 2, 'mode': 'CRD'}),
    'depth to space, depth first': ('DepthToSpace', {}, {'blocksize': 2, 'mode': 'DCR'}),
    'a gather with negative indices': ('Gather', {1: np.int64([[0, -1], [2, -6]])}, {'axis': -1}),
    'a clip without a lower limit': ('Clip', {2: np.float32(0.3)}, {}),
    'a reflecting pad': ('Pad', {1: [0, 0, 2, 1, 0, 0, 0, 3]}, {'mode': 'reflect'}),
    'a pad of one value': ('Pad', {1: [0, 1, 2, 0, 0, 0, 0, 3], 2: np.float32(-1.5)}, {}),
    'a reshape that keeps a side': ('Reshape', {1: [0, -1, 4]}, {}),
    'an expansion by ones': ('Expand', {1: [2, 1, 1, 1, 6]}, {}),
    'a linear resize': ('Resize', {2: np.float32([1, 1, 2, 3])}, {'mode': 'linear'}),
    'a nearest resize': ('Resize', {3: [1, 4, 12, 9]}, {
        'mode': 'nearest', 'coordinate_transformation_mode': 'asymmetric',
        'nearest_mode': 'floor'}),
    'a running sum': ('CumSum', {1: np.int64(2)}, {}),
    'a norm of all': ('ReduceL2', {}, {}),
    'a sum over no axes': ('ReduceSum', {}, {'noop_with_empty_axes': 1, 'keepdims': 0}),
    'a mean over the last axes': ('ReduceMean', {}, {'axes': [-1, -2], 'keepdims': 0}),
    'int8 by channel': ('QuantizeLinear', {1: SCALE, 2: ZERO}, {'axis': 1}),
    'a norm of instances': ('InstanceNormalization', {1: SCALE, 2: SCALE}, {'epsilon': 0.01}),
    'a norm over two axes': ('LayerNormalization', {
        1: WEIGHT.reshape(-1)[:36].reshape(6, 6)}, {'axis': 2}),
    'a lower triangle': ('Trilu', {1: np.int64(-1)}, {'upper': 0}),
    'a product with a matrix': ('MatMul', {1: WEIGHT[0, 0].repeat(2, 0)}, {}),
}


@pytest.mark.parametrize('name', OPERATORS)
def test_an_operator_gives_what_onnxruntime_gives(tmp_path, name):
    kind, numbers, attributes = OPERATORS[name]
    _assert_equal(tmp_path, kind, [GRID], numbers, **attributes)


def test_operators_of_other_inputs_and_outputs_also_do(tmp_path):
    flat = GRID.reshape(4, 36)
    _assert_equal(tmp_path, 'TopK', [flat], {1: np.int64([5])}, outputs=2, axis=-1)
    _assert_equal(tmp_path, 'Split', [flat], {1: [10, 20, 6]}, outputs=3, axis=1)
    _assert_equal(tmp_path, 'Squeeze', [GRID], {1: [0]})
    _assert_equal(tmp_path, 'Gemm', [flat, flat], {2: SCALE}, transB=1, alpha=0.5, beta=2.0)
    _assert_equal(tmp_path, 'Div', [np.int64([-7, 7]), np.int64([2, 2])])
    _assert_equal(tmp_path, 'Mean', [GRID, GRID + 1, GRID * 2])
    _assert_equal(tmp_path, 'Cast', [GRID], to=TensorProto.FLOAT16)
    _assert_equal(tmp_path, 'DequantizeLinear', [(GRID * 40).astype(np.int8)],
                  {1: SCALE, 2: ZERO}, axis=1)
    places = np.int64([[3, 0, 1]])
    _assert_equal(tmp_path, 'GatherElements', [flat], {1: places}, axis=1)
    _assert_equal(tmp_path, 'ScatterElements', [flat],
                  {1: places, 2: np.float32([[9, 8, 7]])}, axis=1)


@given(start=st.integers(-9, 9), end=st.integers(-9, 9) | st.just(-2 ** 63),
       step=st.integers(-3, 3).filter(bool), axis=st.integers(-4, 3))
@settings(max_examples=25)
def test_any_slice_is_what_onnxruntime_takes(tmp_path_factory, start, end, step, axis):
    _assert_equal(tmp_path_factory.getbasetemp(), 'Slice', [GRID],
                  {1: [start], 2: [end], 3: [axis], 4: [step]})


def test_nodes_may_stand_in_any_order(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    graph = onnx.load(str(bundle.search_graph.file))
    nodes = list(reversed(graph.graph.node))
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    file = tmp_path / 'reversed.onnx'
    onnx.save(graph, str(file))
    inputs = [torch.rand(shape) for shape in bundle.search_graph.inputs.values()]
    wanted = load_module(bundle.search_graph)(*inputs)
    found = load_module(replace(bundle.search_graph, file=file))(*inputs)
    torch.testing.assert_close(found, wanted, atol=0, rtol=0)


def test_an_unknown_operator_is_named_with_the_remedy(tmp_path):
    with pytest.raises(ModelError, match='does not know the operator Celu: use backend onnx'):
        _one_node(tmp_path, 'Celu', [GRID])


def test_a_mode_that_is_not_known_is_refused_not_guessed(tmp_path):
    with pytest.raises(ModelError, match=r'cannot run Resize .Resize linear asymmetric'):
        _one_node(tmp_path, 'Resize', [GRID], {2: np.float32([1, 1, 2, 2])}, mode='linear',
                  coordinate_transformation_mode='asymmetric')


@pytest.mark.parametrize(('change', 'message'), [
    ({'output_name': 'heat'}, 'the names of its tensors are not those of model.yaml'),
    ({'cells': 16}, r"'score_map' has the shape \[1, 1, 16, 16\], model.yaml says "
     r'\[1, 1, 32, 32\]')])
def test_a_graph_that_contradicts_model_yaml_is_named(tmp_path, change, message):
    with pytest.raises(ModelError, match=message):
        TorchBackend(load_bundle(write_bundle(tmp_path / 'm', **change)))


def test_results_and_templates_stay_and_a_wrong_crop_is_an_error(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    backend = TorchBackend(bundle)
    crops = _crops(bundle)
    templates = [backend.template(*crops[:2])] * 2
    backend.template(crops[0] * 3, crops[1])
    first = backend.search(templates, *crops[2:]).score
    kept = first.copy()
    backend.search(templates, crops[2] * 0.1, crops[3])
    np.testing.assert_array_equal(first, kept)
    with pytest.raises(ModelError, match=r'takes .search_rgb. of shape .1, 3, 128, 128., got'):
        backend.search(templates, *crops[:2])
    backend.close()
    backend.close()
    with pytest.raises(ModelError, match='was closed'):
        backend.template(*crops[:2])


def test_a_gpu_that_is_not_there_is_an_error_with_the_remedy(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    with pytest.raises(ModelError, match=r'cannot use xla .*: use backend onnxruntime'):
        TorchBackend(bundle, device='xla')


def test_a_gpu_repeats_what_was_captured_and_else_runs_each_call(monkeypatch, caplog):
    """The order of the steps; what a GPU makes of them is for gpu-check to find out."""
    module, device = torch.nn.ReLU(), SimpleNamespace(type='cuda')
    monkeypatch.setattr(torch, 'zeros', lambda shape, device: torch.full(shape, -1.0))
    monkeypatch.setattr(module, 'to', lambda _: module)
    repeated = []

    def captured(run):
        return lambda: (repeated.append(1), run())[1]

    def other_numbers(run):
        return lambda: torch.full((1, 2), 9.0)

    def refused(run):
        raise RuntimeError('operation not permitted')

    given, wanted = torch.tensor([-1.0, 2.0]), [0.0, 2.0]
    monkeypatch.setattr(replay, 'captured', captured)
    assert replay.Replay(module, [(2,)], device)(given).tolist() == wanted
    assert len(repeated) == 2
    assert not caplog.records
    for failing, reason in ((other_numbers, 'it gives other numbers'),
                            (refused, 'operation not permitted')):
        monkeypatch.setattr(replay, 'captured', failing)
        assert replay.Replay(module, [(2,)], device)(given).tolist() == wanted
        assert f'no CUDA graph ({reason})' in caplog.text


def test_template_of_the_wrong_size_is_refused(tmp_path):
    backend = TorchBackend(load_bundle(write_bundle(tmp_path / 'm')))
    with pytest.raises(ModelError, match=r'takes .template_rgb.'):
        backend.template(*(np.zeros((1, channels, SEARCH, TEMPLATE), np.float32)
                           for channels in (3, 1)))
