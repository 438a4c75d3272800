# SPDX-License-Identifier: Apache-2.0
"""`quantize`: an int8 bundle that is fit for use, or none."""
from __future__ import annotations

import json
from pathlib import Path

import miniature
from mock_model import exchanged, write_bundle
import numpy as np
import onnx
from onnx import helper, numpy_helper
import pytest
import yaml

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from rgbt_tracker_ros.networks.quantization import Int8Graph

FRAMES = 12


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a mock model with two convolutions, which pass on what they get."""
    folder = write_bundle(tmp_path_factory.mktemp('models') / 'mock')
    graph = onnx.load(str(folder / 'search.onnx')).graph
    for part in ('rgb', 'thermal'):
        graph.initializer.append(numpy_helper.from_array(
            np.ones((1, 1, 1, 1), np.float32), f'{part}_kernel'))
        place = next(index for index, node in enumerate(graph.node)
                     if node.input[0] == f'{part}_grey')
        graph.node[place].input[0] = f'{part}_copied'
        graph.node.insert(place, helper.make_node(
            'Conv', [f'{part}_grey', f'{part}_kernel'], [f'{part}_copied'], name=f'{part}/Conv'))
    with exchanged(folder) as file:
        onnx.save(helper.make_model(
            graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8), str(file))
    return folder


@pytest.fixture(scope='module')
def gtot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return miniature.write_gtot_root(tmp_path_factory.mktemp('gtot'), FRAMES)


def _quantize(model: Path, root: Path, output: Path, *more: str) -> int:
    return run(['quantize', str(model), '--output', str(output), '--dataset', 'gtot', '--root',
                str(root), '--samples', '10', *more])


def test_an_int8_bundle_is_an_ordinary_one(
        model: Path, gtot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / 'out'
    output.mkdir()
    (output / 'README.md').write_text('its card')
    report = tmp_path / 'a.json'
    assert _quantize(model, gtot, output, '--json', str(report)) == 0
    assert '2 of 2 nodes in int8' in ' '.join(capsys.readouterr().out.split())
    bundle = load_bundle(output)
    assert (bundle.name, bundle.precision) == ('mock_int8', 'int8')
    assert load_bundle(model).precision == 'fp32'
    assert bundle.template_graph.sha256 == load_bundle(model).template_graph.sha256
    OnnxRuntimeBackend(bundle).close()
    kinds = [node.op_type for node in onnx.load(str(output / 'search.onnx')).graph.node]
    assert kinds.count('QuantizeLinear') >= 2
    assert {path.name for path in output.iterdir()} == {
        'README.md', 'model.yaml', 'search.onnx', 'template.onnx'}
    content = json.loads(report.read_text())
    assert content['checked'] == ['two']
    assert content['left_in_float'] == []
    assert content['candidates']['int8']['overlap']['mean'] >= 0.98
    # What is int8 already is not made so again.
    assert _quantize(output, gtot, tmp_path / 'again') == 2
    assert 'is int8 already' in capsys.readouterr().err


def test_what_moves_the_boxes_is_refused(
        model: Path, gtot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _quantize(model, gtot, tmp_path / 'out', '--least', '1') == 1
    assert 'refused' in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_what_fails_the_check_leaves_nothing(
        model: Path, gtot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    honest = Int8Graph.quantized

    def blind(self: Int8Graph, nodes: list[str]) -> onnx.ModelProto:
        made = honest(self, nodes)
        if nodes:
            sizes = next(item for item in made.graph.initializer if item.name == 'sizes')
            sizes.CopyFrom(numpy_helper.from_array(
                numpy_helper.to_array(sizes) * np.float32(1.5), 'sizes'))
        return made

    monkeypatch.setattr(Int8Graph, 'quantized', blind)
    monkeypatch.setattr('rgbt_tracker_ros.cli.quantize._judge', lambda *_: lambda _: True)
    assert _quantize(model, gtot, tmp_path / 'out') == 1
    assert 'no bundle was written' in ' '.join(capsys.readouterr().out.split())
    assert not list(tmp_path.iterdir())


def test_the_most_sensitive_nodes_stay_in_float(model: Path) -> None:
    random = np.random.default_rng(0)
    graph_spec = load_bundle(model).search_graph
    feeds = [{name: random.random(shape, np.float32) for name, shape in graph_spec.inputs.items()}
             for _ in range(4)]
    graph = Int8Graph(graph_spec.file, feeds, ['score_map'])
    assert sorted(graph.by_worth(feeds)) == sorted(graph.nodes) == ['rgb/Conv', 'thermal/Conv']
    nodes, made = graph.most(graph.nodes, lambda model: sum(
        node.op_type == 'Conv' and node.input[1].endswith('DequantizeLinear_Output')
        for node in model.graph.node) < 2)
    assert nodes == graph.nodes[:1]
    assert any(node.op_type == 'QuantizeLinear' for node in made.graph.node)


@pytest.mark.parametrize(('more', 'message'), [
    (('--sequences', 'three'), '--sequences three: there is no such sequence: give some of one'),
    (('--sequences', 'one,two'), '--sequences one,two: none is left to check the boxes on (of 2'),
    (('--samples', '2'), '--samples'),
])
def test_bad_arguments_are_named(
        model: Path, gtot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        more: tuple[str, ...], message: str) -> None:
    assert _quantize(model, gtot, tmp_path / 'out', *more) == 2
    assert message in capsys.readouterr().err


def test_a_precision_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    def edit(description: dict[str, object]) -> None:
        description['precision'] = 'int3'

    folder = write_bundle(tmp_path / 'm', edit=edit)
    assert yaml.safe_load((folder / 'model.yaml').read_text())['precision'] == 'int3'
    assert run(['track', '--init', '1,1,9,9', '--rgb', 'x', '--model', str(folder)]) == 2
