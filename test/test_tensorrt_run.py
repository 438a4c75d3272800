# SPDX-License-Identifier: Apache-2.0
"""The backend tensorrt on a pretended GPU: what a real one computes is compared by gpu-check."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from mock_model import SEARCH, TEMPLATE
import numpy as np
from pretend_gpu import PretendGpu
from pretend_room import Room, crops
import pytest

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from rgbt_tracker_ros.inference.tensorrt.tensors import tensors_of


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    return Room(tmp_path, monkeypatch)


def test_it_computes_what_onnxruntime_does_on_the_shipped_model(room: Room) -> None:
    bundle = load_bundle('unified_nano')
    ours, reference = room.backend(bundle), OnnxRuntimeBackend(bundle, threads=1)
    first, second = (crops(bundle.template.size, seed) for seed in (1, 2))
    search = crops(bundle.search.size, 3)
    found, wanted = (backend.search([backend.template(*first), backend.template(*second)],
                                    *search, fused=True).checked()
                     for backend in (ours, reference))
    for name in ('score', 'size', 'offset', 'fused'):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-5)
    assert ours.captured
    assert room.warnings == []


def test_each_slot_keeps_its_template_until_it_gets_another(room: Room) -> None:
    ours, reference = room.backend(), OnnxRuntimeBackend(room.bundle)
    seen = [crops(TEMPLATE, seed) for seed in range(4)]
    mine, theirs = ([backend.template(*crop) for crop in seen] for backend in (ours, reference))
    search = crops(SEARCH, 9)
    for slots in ((0, 0), (0, 1), (0, 1), (2, 1), (1, 2), (3, 3)):
        before = len(room.gpu.calls)
        found = ours.search([mine[slot] for slot in slots], *search)
        wanted = reference.search([theirs[slot] for slot in slots], *search)
        np.testing.assert_allclose(found.score, wanted.score, atol=1e-6)
        assert found.fused is None
        # One launch, one wait, and a copy for each slot that changed.
        assert room.gpu.calls[before:].count('cudaGraphLaunch') == 1
        assert len(room.gpu.calls) - before <= 4
    before = len(room.gpu.calls)
    ours.search([mine[3], mine[3]], *search)
    assert room.gpu.calls[before:] == ['cudaGraphLaunch', 'cudaStreamSynchronize']


def test_results_stay_when_it_runs_again(room: Room) -> None:
    backend = room.backend()
    template = backend.template(*crops(TEMPLATE, 1))
    first = backend.search([template] * 2, *crops(SEARCH, 1), fused=True)
    kept = first.score.copy(), np.array(first.fused)
    backend.search([template] * 2, *crops(SEARCH, 2), fused=True)
    np.testing.assert_array_equal(first.score, kept[0])
    np.testing.assert_array_equal(first.fused, kept[1])


def test_nothing_is_allocated_once_it_is_ready(room: Room) -> None:
    backend = room.backend()
    before = len(room.gpu.calls)
    initial = dynamic = backend.template(*crops(TEMPLATE, 0))
    for frame in range(12):
        backend.search([initial, dynamic], *crops(SEARCH, frame), fused=frame % 2 == 0)
        if frame % 3 == 2:
            dynamic = backend.template(*crops(TEMPLATE, frame))
        if frame == 8:
            initial = backend.template(*crops(TEMPLATE, frame))
    during = set(room.gpu.calls[before:])
    assert during == {'cudaGraphLaunch', 'cudaMemcpyAsync', 'cudaStreamSynchronize'}


def test_memory_of_more_templates_than_slots_is_used_again(room: Room) -> None:
    backend = room.backend()
    many = [backend.template(*crops(TEMPLATE, seed)) for seed in range(8)]
    live = room.gpu.live
    values = [np.array(template['template_tokens'].values) for template in many]
    del many
    again = [backend.template(*crops(TEMPLATE, seed)) for seed in range(8)]
    assert room.gpu.live == live
    for old, new in zip(values, again, strict=True):
        np.testing.assert_array_equal(old, new['template_tokens'].values)


def test_without_a_graph_it_says_so_and_computes_the_same(room: Room) -> None:
    captured = room.backend()
    room.gpu.capturable = False
    direct = room.backend()
    assert (captured.captured, direct.captured) == (True, False)
    assert len(room.warnings) == 2
    assert 'search.onnx runs without a CUDA graph' in room.warnings[1]
    results = [backend.search([backend.template(*crops(TEMPLATE, 1))] * 2, *crops(SEARCH, 1))
               for backend in (captured, direct)]
    np.testing.assert_array_equal(results[0].score, results[1].score)


def test_a_graph_that_computes_something_else_is_not_used(
        room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PretendGpu, 'graph_launch', lambda *_: None)
    room.renew()
    backend = room.backend()
    assert not backend.captured
    assert 'it gives other numbers' in room.warnings[0]


def test_a_template_of_another_backend_is_refused(room: Room) -> None:
    backend, other = room.backend(), OnnxRuntimeBackend(room.bundle)
    template = backend.template(*crops(TEMPLATE, 1))
    for foreign in (other.template(*crops(TEMPLATE, 1)),
                    room.backend().template(*crops(TEMPLATE, 1))):
        with pytest.raises(ModelError, match="'template_tokens_1' was not made by this backend"):
            backend.search([template, foreign], *crops(SEARCH, 1))


@pytest.mark.parametrize('shape', [(1, 1, SEARCH, SEARCH), (1, 3, SEARCH, 1), (3, SEARCH, SEARCH)])
def test_a_crop_of_another_shape_is_refused(room: Room, shape: tuple[int, ...]) -> None:
    backend = room.backend()
    template = backend.template(*crops(TEMPLATE, 1))
    with pytest.raises(ModelError, match="input 'search_rgb' has shape"):
        backend.search([template] * 2, np.zeros(shape, np.float32), crops(SEARCH, 1)[1])


def test_nan_in_one_run_does_no_harm_to_the_next(room: Room) -> None:
    backend = room.backend()
    rgb, thermal = crops(TEMPLATE, 1)
    with pytest.raises(ModelError, match="NaN or infinity in 'template_tokens'"):
        backend.template(rgb * np.inf, thermal)
    template = backend.template(rgb, thermal)
    backend.search([template] * 2, *crops(SEARCH, 1)).checked()


def test_closing_frees_everything_and_again_is_no_harm(room: Room) -> None:
    backend = room.backend()
    template = backend.template(*crops(TEMPLATE, 1))
    assert room.gpu.live > 0
    for _ in range(2):
        backend.close()
        assert room.gpu.live == 0
    with pytest.raises(ModelError, match='was closed'):
        backend.search([template] * 2, *crops(SEARCH, 1))
    del template
    assert room.gpu.violations == []


def test_a_closed_engine_says_so(room: Room) -> None:
    backend = room.backend()
    engine = backend._engines['template']
    feed = {name: np.zeros(shape, np.float32)
            for name, shape in room.bundle.template_graph.inputs.items()}
    engine.run(feed)
    backend.close()
    with pytest.raises(ModelError, match='the engine was closed'):
        engine.run(feed)
    assert room.gpu.violations == []


@pytest.mark.parametrize(('shape', 'kind', 'place', 'shown'), [
    ((1, -1), 'FLOAT', 0, r'FLOAT \[1, -1\]'), ((1, 2), 'FP8', 0, r'FP8 \[1, 2\]'),
    ((1, 2), 'FLOAT', 1, r'FLOAT \[1, 2\]')])
def test_tensors_that_cannot_be_used_are_named(
        shape: tuple[int, ...], kind: str, place: int, shown: str) -> None:
    library = SimpleNamespace(TensorLocation=SimpleNamespace(DEVICE=0))
    engine = SimpleNamespace(
        num_io_tensors=1, get_tensor_name=lambda index: 'x', get_tensor_shape=lambda name: shape,
        get_tensor_dtype=lambda name: SimpleNamespace(name=kind),
        get_tensor_location=lambda name: place)
    with pytest.raises(ModelError, match=f"tensor 'x' of the engine is {shown}: only tensors of"):
        tensors_of(library, engine)
