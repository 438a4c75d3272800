# SPDX-License-Identifier: Apache-2.0
"""Sizes of graphs, counted by hand for a small one, and the command that shows them."""
from __future__ import annotations

import onnx
from onnx import TensorProto, helper
import pytest
from tiny_published import tiny_bundle

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.networks.graph_statistics import graph_statistics


def graph_file(folder, nodes, weights, shape=(1, 3, 4, 4), output=(1, 5)):
    """Write a graph from `x` to `y`."""
    tensors = [helper.make_tensor(name, kind, dims, values)
               for name, kind, dims, values in weights]
    graph = helper.make_graph(
        nodes, 'graph', [helper.make_tensor_value_info('x', TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, output)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)])
    model.ir_version = 8
    onnx.save(model, str(folder / 'graph.onnx'))
    return folder / 'graph.onnx'


def test_a_convolution_and_a_product_counted_by_hand(tmp_path):
    """The shape that Reshape asks for is made of constants, so it is no work at run time."""
    found = graph_statistics(graph_file(tmp_path, [
        helper.make_node('Conv', ['x', 'w'], ['c'], pads=[1, 1, 1, 1]),
        helper.make_node('Relu', ['c'], ['r']),
        helper.make_node('Shape', ['r'], ['all']),
        helper.make_node('Slice', ['all', 'none', 'one'], ['batch']),
        helper.make_node('Concat', ['batch', 'rest'], ['flat'], axis=0),
        helper.make_node('Reshape', ['r', 'flat'], ['m']),
        helper.make_node('MatMul', ['m', 'v'], ['y'])],
        [('w', TensorProto.FLOAT, (2, 3, 3, 3), [1.0] * 54),
         ('v', TensorProto.FLOAT, (32, 5), [1.0] * 160), ('none', TensorProto.INT64, (1,), [0]),
         ('one', TensorProto.INT64, (1,), [1]), ('rest', TensorProto.INT64, (1,), [32])]))
    assert dict(found.operators) == {'Conv': 1, 'Relu': 1, 'Reshape': 1, 'MatMul': 1}
    assert found.nodes == 4
    assert found.macs == 2 * 16 * 27 + 5 * 32
    assert found.parameters == 54 + 160
    assert found.weight_bytes == 4 * found.parameters
    # Most while the convolution runs: image and result. The image is over when Relu runs.
    assert found.peak_bytes == 4 * (48 + 32)


def test_half_precision_takes_half_the_memory(tmp_path):
    sizes = [graph_statistics(tiny_bundle('ckd', tmp_path, half=half) / 'search.onnx')
             for half in (False, True)]
    single, half = sizes
    assert single.macs == half.macs
    assert single.parameters == half.parameters
    assert half.weight_bytes < 0.6 * single.weight_bytes


def test_sizes_that_are_known_at_run_time_only_are_refused(tmp_path):
    file = graph_file(
        tmp_path, [helper.make_node('NonZero', ['x'], ['n']),
                   helper.make_node('Cast', ['n'], ['f'], to=TensorProto.FLOAT),
                   helper.make_node('ReduceSum', ['f'], ['y'], keepdims=0)], [], output=())
    with pytest.raises(ModelError, match='NonZero'):
        graph_statistics(file)


def test_what_is_no_graph_is_refused(tmp_path):
    (tmp_path / 'graph.onnx').write_bytes(b'nothing')
    with pytest.raises(ModelError, match=r'graph\.onnx'):
        graph_statistics(tmp_path / 'graph.onnx')


def test_the_command_lists_both_graphs_and_their_operators(capsys):
    assert run(['inspect', 'unified_nano', '--operators']) == 0
    out = capsys.readouterr().out
    assert 'template' in out
    assert 'search' in out
    assert 'MatMul' in out
