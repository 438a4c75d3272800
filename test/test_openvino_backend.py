# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
import sys

from mock_model import CELLS, SEARCH, TEMPLATE, write_bundle
import numpy as np
import pytest

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Backend, SearchMaps
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.inference.openvino_backend import OpenVinoBackend
from rgbt_tracker_ros.settings import ModelSettings


@pytest.fixture
def mock(tmp_path: Path) -> ModelBundle:
    return load_bundle(write_bundle(tmp_path / 'm'))


def _crops(side: int, level: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    return (np.full((1, 3, side, side), level, np.float32),
            np.full((1, 1, side, side), level, np.float32))


def _maps(backend: Backend, bundle: ModelBundle) -> list[SearchMaps]:
    random = np.random.default_rng(3)

    def noise(shape: tuple[int, ...]) -> np.ndarray:
        return random.standard_normal(shape).astype(np.float32)

    templates = [backend.template(*map(noise, bundle.template_graph.inputs.values()))
                 for _ in range(bundle.template_slots)]
    crops = [bundle.search_graph.inputs[f'search_{kind}'] for kind in ('rgb', 'thermal')]
    return [backend.search(templates, *map(noise, crops), fused=fused)
            for fused in (False, True)]


def test_it_gives_what_onnxruntime_gives_on_the_shipped_model() -> None:
    bundle = load_bundle('unified_nano')
    reference, ours = (_maps(load_backend(bundle, ModelSettings(backend=name, threads=1)), bundle)
                       for name in ('onnxruntime', 'openvino'))
    for wanted, found in zip(reference, ours, strict=True):
        for part in ('score', 'size', 'offset'):
            np.testing.assert_allclose(getattr(found, part), getattr(wanted, part), atol=1e-4,
                                       err_msg=part)
    assert ours[0].fused is None
    np.testing.assert_allclose(ours[1].fused, reference[1].fused, atol=1e-4)


def test_single_precision_is_never_left_without_being_asked(mock: ModelBundle) -> None:
    assert OpenVinoBackend(mock).computes_in == 'f32'
    assert OpenVinoBackend(mock, precision='fp16').computes_in in ('f32', 'bf16', 'f16')


def test_results_and_templates_stay_when_it_runs_again(mock: ModelBundle) -> None:
    backend = OpenVinoBackend(mock)
    bright = backend.template(*_crops(TEMPLATE, 2.0))
    dark = backend.template(*_crops(TEMPLATE, 1.0))
    crops = _crops(SEARCH, 1.0)
    first = backend.search([bright, dark], *crops).score
    kept = first.copy()
    assert kept[CELLS // 2, CELLS // 2] == pytest.approx(2 / 3)
    # The same memory with other content, as the tracker gives it.
    crops[0][:] *= 0.2
    crops[1][:] *= 0.2
    second = backend.search([bright, dark], *crops).score
    np.testing.assert_array_equal(first, kept)
    assert not np.allclose(second, first)
    third = backend.search([dark, dark], *crops).score
    assert not np.allclose(third, second)


def test_what_does_not_fit_is_a_model_error_and_does_no_harm(mock: ModelBundle) -> None:
    backend = OpenVinoBackend(mock)
    tokens = backend.template(*_crops(TEMPLATE))
    with pytest.raises(ModelError, match=r'mock failed in OpenVINO: .*incompatible'):
        backend.search([tokens, tokens], *_crops(SEARCH // 2))
    assert np.isfinite(backend.search([tokens, tokens], *_crops(SEARCH)).score).all()
    backend.close()
    with pytest.raises(ModelError, match='was closed'):
        backend.template(*_crops(TEMPLATE))


@pytest.mark.parametrize(('change', 'message'), [
    ({'output_name': 'heat'}, "differ from model.yaml at 'score_map'"),
    ({'cells': 16}, r'the graph has tensor\(float\) \[1, 1, 16, 16\]'),
])
def test_a_graph_that_contradicts_model_yaml_is_named(
        tmp_path: Path, change: dict[str, object], message: str) -> None:
    bundle = load_bundle(write_bundle(tmp_path / 'm', **change))
    with pytest.raises(ModelError, match=message):
        OpenVinoBackend(bundle)


def test_without_the_package_the_remedy_is_told(
        mock: ModelBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'openvino', None)
    with pytest.raises(ModelError, match='pip install openvino'):
        load_backend(mock, ModelSettings(backend='openvino'))
