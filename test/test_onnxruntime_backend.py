# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
import sys
from typing import Any

from mock_model import CELLS, SEARCH, TEMPLATE, exchanged, write_bundle
import numpy as np
import onnxruntime
import pytest

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference import onnxruntime_backend
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.factory import RUNTIMES, available_backends, load_backend
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from rgbt_tracker_ros.settings import ModelSettings


def _crops(side: int, level: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    return (np.full((1, 3, side, side), level, np.float32),
            np.full((1, 1, side, side), level, np.float32))


def test_it_runs_both_graphs(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')))
    tokens = backend.template(*_crops(TEMPLATE, 2.0))
    np.testing.assert_allclose(tokens['template_tokens'], [[2.0, 2.0]])
    maps = backend.search([tokens, tokens], *_crops(SEARCH, 1.0))
    assert maps.score.shape == (CELLS, CELLS)
    assert maps.size.shape == maps.offset.shape == (2, CELLS, CELLS)
    # Half as bright as the template, away from the crop's border.
    assert maps.score[CELLS // 2, CELLS // 2] == pytest.approx(0.5)
    assert maps.fused is None


def test_the_fused_image_comes_only_when_asked_for(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')))
    tokens = backend.template(*_crops(TEMPLATE))
    maps = backend.search([tokens, tokens], *_crops(SEARCH), fused=True)
    assert maps.fused is not None
    assert maps.fused.shape == (3, SEARCH, SEARCH)


def test_a_model_without_fused_image_gives_none(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm', slots=1, fused=False)))
    tokens = backend.template(*_crops(TEMPLATE))
    assert backend.search([tokens], *_crops(SEARCH), fused=True).fused is None


def test_results_stay_when_the_backend_runs_again(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')))
    tokens = backend.template(*_crops(TEMPLATE))
    first = backend.search([tokens, tokens], *_crops(SEARCH, 1.0)).score
    kept = first.copy()
    backend.search([tokens, tokens], *_crops(SEARCH, 0.2))
    np.testing.assert_array_equal(first, kept)


def test_nan_in_one_run_does_no_harm_to_the_next(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm', nan=True)))
    tokens = backend.template(*_crops(TEMPLATE))
    with pytest.raises(ModelError, match="NaN or infinity in 'score_map'"):
        backend.search([tokens, tokens], *_crops(SEARCH, 2.0)).checked()
    assert np.isfinite(backend.search([tokens, tokens], *_crops(SEARCH, 0.5)).score).all()


@pytest.mark.parametrize(('change', 'message'), [
    ({'output_name': 'heat'}, "'score_map': the graph has no such tensor"),
    ({'cells': 16}, 'the graph has tensor(float) [1, 1, 16, 16], model.yaml says tensor(float) '
     '[1, 1, 32, 32]'),
])
def test_a_graph_that_contradicts_model_yaml_is_named(
        tmp_path: Path, change: dict[str, object], message: str) -> None:
    bundle = load_bundle(write_bundle(tmp_path / 'm', **change))
    with pytest.raises(ModelError) as caught:
        OnnxRuntimeBackend(bundle)
    assert message in str(caught.value)
    assert 'search.onnx' in str(caught.value)


def test_a_file_that_is_no_graph_is_an_error(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / 'm')
    with exchanged(folder) as file:
        file.write_bytes(b'not a graph')
    with pytest.raises(ModelError, match=r'search\.onnx cannot be loaded'):
        OnnxRuntimeBackend(load_bundle(folder))


def test_the_number_of_templates_is_checked(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')))
    with pytest.raises(ModelError, match='takes 2 templates, got 1'):
        backend.search([backend.template(*_crops(TEMPLATE))], *_crops(SEARCH))


def test_a_wrong_crop_is_a_model_error(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')))
    with pytest.raises(ModelError, match='failed in ONNX Runtime'):
        backend.template(*_crops(TEMPLATE // 2))


def test_closing_again_is_no_harm_and_a_closed_backend_says_so(tmp_path: Path) -> None:
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')))
    backend.close()
    backend.close()
    with pytest.raises(ModelError, match='was closed'):
        backend.template(*_crops(TEMPLATE))


def test_a_backend_that_is_not_in_this_version_is_refused_with_what_there_is(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(RUNTIMES, 'torch')
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    with pytest.raises(ModelError, match='not in this version: use auto or onnxruntime'):
        load_backend(bundle, ModelSettings(backend='torch'))
    assert available_backends()['onnxruntime']
    assert 'torch' not in available_backends()


class _Session:
    """A session on the CPU that says it runs on `providers`."""

    def __init__(self, real: Any, providers: list[Any], lost: bool) -> None:
        self._real = real
        names = [item if isinstance(item, str) else item[0] for item in providers]
        self._names = names[-1:] if lost else names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_providers(self) -> list[str]:
        return self._names


def _pretend_gpu(monkeypatch: pytest.MonkeyPatch, lost: bool = False) -> list[Any]:
    """Let there be a GPU, which ONNX Runtime may lose; return what sessions are given."""
    real, given = onnxruntime.InferenceSession, []

    def session(path: str, options: Any, providers: list[Any]) -> _Session:
        given.append(providers)
        return _Session(real(path, options, providers=['CPUExecutionProvider']), providers, lost)

    monkeypatch.setattr(onnxruntime_backend, 'find_gpu', lambda: None)
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: [
        'TensorrtExecutionProvider', 'CUDAExecutionProvider', 'CPUExecutionProvider'])
    monkeypatch.setattr(onnxruntime, 'InferenceSession', session)
    return given


def test_a_gpu_is_used_where_onnxruntime_can(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = _pretend_gpu(monkeypatch)
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')))
    assert given == [[('CUDAExecutionProvider', {'use_tf32': '0'}), 'CPUExecutionProvider']] * 2
    assert not backend.choice.degraded


def test_cuda_that_pip_installed_is_loaded_before_a_gpu_is_used(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    given = _pretend_gpu(monkeypatch)
    sessions: list[int] = []

    def preload() -> None:
        sys.stdout.write('Failed to load libcudnn.so.9')
        sessions.append(len(given))

    monkeypatch.setattr(onnxruntime, 'preload_dlls', preload, raising=False)
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    OnnxRuntimeBackend(bundle)
    assert not sessions
    OnnxRuntimeBackend(bundle, device='cuda')
    assert sessions == [2, 3]
    assert capsys.readouterr().out == ''


def test_the_cpu_stands_in_loudly_for_a_gpu_that_is_lost(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend_gpu(monkeypatch, lost=True)
    warnings: list[str] = []
    backend = load_backend(load_bundle(write_bundle(tmp_path / 'm')),
                           monitor=Monitor(warn=warnings.append))
    assert backend.choice.degraded
    assert 'cannot use its CUDAExecutionProvider' in warnings[0]
    assert backend.template(*_crops(TEMPLATE))


def test_a_provider_that_is_not_installed_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match='no TensorrtExecutionProvider: pip install onnxruntime-'):
        OnnxRuntimeBackend(load_bundle(write_bundle(tmp_path / 'm')), device='tensorrt')
