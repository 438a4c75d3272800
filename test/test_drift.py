# SPDX-License-Identifier: Apache-2.0
"""`compare-backends`: figures, verdict and picture of candidates whose error is known."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import miniature
from mock_model import exchanged, write_bundle
import numpy as np
import onnx
from onnx import numpy_helper
import pytest

from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
from rgbt_tracker_ros.benchmark.drift.candidates import parse, usual
from rgbt_tracker_ros.benchmark.drift.measure import Candidate, measure
from rgbt_tracker_ros.benchmark.drift.report import drift_report
from rgbt_tracker_ros.benchmark.drift.shadows import Shadows
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from rgbt_tracker_ros.settings import Settings

FRAMES = 8


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.fixture(scope='module')
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model whose boxes are a quarter too wide: an IoU of 0.8."""
    folder = write_bundle(tmp_path_factory.mktemp('models') / 'wide')
    graph = onnx.load(str(folder / 'search.onnx'))
    sizes = next(item for item in graph.graph.initializer if item.name == 'sizes')
    values = numpy_helper.to_array(sizes).copy()
    values[:, 0] *= 1.25
    sizes.CopyFrom(numpy_helper.from_array(values, 'sizes'))
    with exchanged(folder) as file:
        onnx.save(graph, str(file))
    return folder


@pytest.fixture(scope='module')
def gtot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return miniature.write_gtot_root(tmp_path_factory.mktemp('gtot'), FRAMES)


def _compare(root: Path, model: Path, *more: str) -> int:
    return run(['compare-backends', '--dataset', 'gtot', '--root', str(root), '--model',
                str(model), *more])


def test_what_differs_fails_with_figures_and_a_picture(
        gtot: Path, model: Path, wide: Path, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    out, picture = tmp_path / 'a.json', tmp_path / 'a.png'
    assert _compare(gtot, model, '--with', f'onnxruntime@{wide}', '--with', 'onnxruntime',
                    '--json', str(out), '--picture', str(picture)) == 1
    report = json.loads(out.read_text())
    other, same = report['candidates'].values()
    assert not report['passed']
    assert not other['passed']
    assert other['overlap']['mean'] == pytest.approx(0.8, abs=1e-3)
    assert other['errors']['size']['largest'] == pytest.approx(0.0625, abs=1e-6)
    assert other['errors']['score']['largest'] == 0
    assert same['passed']
    assert same['overlap']['least'] == pytest.approx(1)
    assert same['track']['overlap'] == pytest.approx(1)
    # The first frame of each sequence shows no search region.
    assert same['frames'] == 2 * (FRAMES - 1)
    assert same['track']['sr'] == same['track']['reference_sr']
    assert set(other['track']['sequences']) == {'one', 'two'}
    assert other['search_ms']['speed_up'] > 0
    assert {item['sequence'] for item in other['worst']} == {'one', 'two'}
    drawn = cv2.imread(str(picture))
    assert drawn.shape[0] > 2 * 512
    told = capsys.readouterr()
    assert 'is not fit to be used' in told.err
    assert 'mean box IoU 0.8000 is under 0.98' in ' '.join(told.err.split())


def test_what_agrees_passes(gtot: Path, model: Path, wide: Path) -> None:
    assert _compare(gtot, model, '--with', 'openvino') == 0
    assert _compare(gtot, model, '--with', f'onnxruntime@{wide}', '--least', '0.7') == 0


def test_a_candidate_that_fails_on_the_way_is_told(gtot: Path, model: Path) -> None:
    bundle = load_bundle(model)

    class Failing(OnnxRuntimeBackend):
        runs = 0

        def search(self, *args: object, **options: object) -> object:
            self.runs += 1
            if self.runs > 5:
                raise ModelError('the GPU is gone')
            return super().search(*args, **options)

    drifts = measure(
        Candidate('reference', bundle, OnnxRuntimeBackend(bundle, 1)),
        [Candidate('bad', bundle, Failing(bundle, 1)),
         Candidate('good', bundle, OnnxRuntimeBackend(bundle, 1))],
        load_dataset('gtot', gtot).sequences, Settings())
    report = drift_report(drifts)
    assert report['candidates']['bad'] == {'passed': False, 'reason': 'the GPU is gone'}
    assert report['candidates']['good']['passed']


def test_each_is_the_first_to_be_timed_in_turn(model: Path) -> None:
    bundle = load_bundle(model)
    order: list[str] = []

    class Noted(OnnxRuntimeBackend):
        def search(self, *args: object, **options: object) -> object:
            order.append(self.name)
            return super().search(*args, **options)

    backends = [Noted(bundle, 1) for _ in range(3)]
    for name, backend in zip('abc', backends, strict=True):
        backend.name = name
    shadows = Shadows(backends[0], {'b': backends[1], 'c': backends[2]})
    crops = [np.zeros(bundle.search_graph.inputs[f'search_{kind}'], np.float32)
             for kind in ('rgb', 'thermal')]
    template = shadows.template(*(np.ones(shape, np.float32)
                                  for shape in bundle.template_graph.inputs.values()))
    order.clear()
    for _ in range(3):
        shadows.search([template, template], *crops)
    assert sorted(order[::3]) == ['a', 'b', 'c']
    shadows.close()


@pytest.mark.parametrize(('more', 'message'), [
    (('--with', 'abacus'), '--with abacus: give BACKEND[:PRECISION][@MODEL]'),
    (('--with', 'openvino:int3'), '--with openvino:int3'),
    (('--with', 'onnxruntime@unified_nano'), 'has other tensors than mock'),
    (('--modality', 'sonar'), '--modality sonar'),
    (('--with', 'tensorrt'), 'leave it out'),
    (('--set', 'model.backend=torch'), '--set model.backend=torch: leave it out, backends and'),
    (('--picture', 'a.xyz'), '--picture a.xyz: no picture of such a name can be written: give'),
])
def test_bad_arguments_are_named(
        gtot: Path, model: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...],
        message: str) -> None:
    assert _compare(gtot, model, *more) == 2
    assert message in capsys.readouterr().err


def test_candidates_are_named_as_they_are_given() -> None:
    for text in ('openvino', 'openvino:fp16', 'onnxruntime@models/int8', 'tensorrt:fp16@x'):
        assert str(parse(text)) == text
    assert [str(each) for each in usual()][:2] == ['openvino', 'openvino:fp16']
