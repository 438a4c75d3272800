# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import onnxruntime
import pytest

from rgbt_tracker_ros.networks.padding import pads_merged

SIDE = 7


def _graph(amounts: list[int], value: float = 0.0, mode: str = 'constant',
           own: list[int] | None = None, twice: bool = False) -> onnx.ModelProto:
    """Return a graph of Pad and Conv; `twice` also gives the padded image out."""
    nodes = [helper.make_node('Pad', ['image', 'amounts', 'value'], ['padded'], mode=mode),
             helper.make_node('Conv', ['padded', 'weights'], ['result'], strides=[2, 2],
                              **({} if own is None else {'pads': own}))]
    weights = np.random.default_rng(0).normal(size=(3, 2, 3, 3)).astype(np.float32)
    outputs = ['result']
    if twice:
        nodes.append(helper.make_node('Relu', ['padded'], ['other']))
        outputs.append('other')
    graph = helper.make_graph(
        nodes, 'padded', [helper.make_tensor_value_info('image', TensorProto.FLOAT,
                                                        [1, 2, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.array(amounts, np.int64), 'amounts'),
         numpy_helper.from_array(np.float32(value), 'value'),
         numpy_helper.from_array(weights, 'weights')])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def _run(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=['CPUExecutionProvider'])
    image = np.random.default_rng(1).normal(size=(1, 2, SIDE, SIDE)).astype(np.float32)
    return session.run(['result'], {'image': image})[0]


@pytest.mark.parametrize('own', [None, [1, 0, 0, 2]])
@pytest.mark.parametrize('amounts', [[0, 0, 0, 0, 0, 0, 1, 1], [0, 0, 2, 1, 0, 0, 0, 3]])
def test_a_pad_of_zeros_goes_into_the_convolution(
        amounts: list[int], own: list[int] | None) -> None:
    wanted = _run(_graph(amounts, own=own))
    merged = pads_merged(_graph(amounts, own=own))
    assert [node.op_type for node in merged.graph.node] == ['Conv']
    np.testing.assert_allclose(_run(merged), wanted, atol=1e-6)


@pytest.mark.parametrize('options', [
    {'amounts': [0, 0, 0, 0, 0, 0, 1, 1], 'value': 1.0},
    {'amounts': [0, 0, 1, 1, 0, 0, 1, 1], 'mode': 'reflect'},
    {'amounts': [0, 0, 0, 0, 0, 0, -1, 1]},
    {'amounts': [0, 0, 0, 0, 0, 0, 1, 1], 'twice': True},
])
def test_other_pads_stay(options: dict[str, object]) -> None:
    assert pads_merged(_graph(**options)).graph.node[0].op_type == 'Pad'
