# SPDX-License-Identifier: Apache-2.0
"""How graphs are built: precision by version, progress, being stopped, files that do not fit."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine_graphs import graph, never, silent
import numpy as np
from pretend_gpu import PretendGpu, plug_in
from pretend_shape import TENSORRT_10, Surface
from pretend_tensorrt import install, make_library
import pytest

from rgbt_tracker_ros.inference.engines.tools import (
    BuildRequest,
    BuildStoppedError,
    EngineError,
    Precision,
)
from rgbt_tracker_ros.inference.graph_file import in_half_precision
from rgbt_tracker_ros.inference.tensorrt.progress import Phases
from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools

TENSORRT_8: Surface = TENSORRT_10 | {
    'NetworkDefinitionCreationFlag': frozenset(('EXPLICIT_BATCH',)),
    'IProgressMonitor': frozenset()}
TENSORRT_11: Surface = TENSORRT_10 | {
    'NetworkDefinitionCreationFlag': frozenset(('STRONGLY_TYPED',)),
    'BuilderFlag': frozenset(('TF32',))}
SURFACES = {'8.6.1': TENSORRT_8, '10.3.0': TENSORRT_10, '11.4.0': TENSORRT_11}


@pytest.mark.parametrize(('version', 'precision', 'dtype', 'flags', 'halved'), [
    ('8.6.1', 'fp32', np.float32, {'EXPLICIT_BATCH'}, False),
    ('8.6.1', 'fp16', np.float32, {'EXPLICIT_BATCH'}, True),
    ('8.6.1', 'fp32', np.float16, {'EXPLICIT_BATCH'}, True),
    ('10.3.0', 'fp32', np.float32, {'EXPLICIT_BATCH', 'STRONGLY_TYPED'}, False),
    ('10.3.0', 'fp16', np.float32, {'EXPLICIT_BATCH'}, True),
    ('10.3.0', 'fp16', np.float16, {'EXPLICIT_BATCH', 'STRONGLY_TYPED'}, False),
    ('11.4.0', 'fp16', np.float32, {'STRONGLY_TYPED'}, False),
    ('11.4.0', 'fp32', np.float16, {'STRONGLY_TYPED'}, False),
])
def test_precision_is_that_of_the_graph_where_it_can_be(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, precision: Precision,
        dtype: Any, flags: set[str], halved: bool) -> None:
    gpu = plug_in(monkeypatch)
    module = install(monkeypatch, make_library(gpu, SURFACES[version], version))
    spec = graph(tmp_path, dtype)
    TensorRtTools().build(BuildRequest(spec, precision), silent, never)
    (network, config), = module.networks
    kinds = module.NetworkDefinitionCreationFlag
    assert network._flags == sum(1 << kinds[flag] for flag in flags)
    assert {flag.name for flag in config._flags} == (
        {'FP16', 'PREFER_PRECISION_CONSTRAINTS'} if halved else set())
    # Where the builder chooses, sums of a graph in single precision stay so; products may not.
    pinned = {layer._type.name for layer in network._layers if layer._precision is not None}
    assert pinned == ({'ELEMENTWISE'} if halved and dtype == np.float32 else set())
    assert in_half_precision(spec.file) == (dtype == np.float16)


def pretended(monkeypatch: pytest.MonkeyPatch, version: str = '10.3.0') -> PretendGpu:
    gpu = plug_in(monkeypatch)
    install(monkeypatch, make_library(gpu, SURFACES[version], version))
    return gpu


def test_progress_rises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretended(monkeypatch)
    told: list[tuple[str, float | None]] = []
    TensorRtTools().build(BuildRequest(graph(tmp_path), 'fp32'),
                          lambda *news: told.append(news), never)
    assert told[:2] == [('reading the graph', None), ('building', None)]
    shares = [share for _, share in told[2:]]
    assert shares == sorted(set(shares))
    assert shares[-1] == 1


def test_shares_of_nested_phases() -> None:
    phases = Phases()
    assert phases.share() == 0
    phases.start('outer', None, 4)
    phases.complete('outer', 0)
    phases.start('inner', 'outer', 2)
    phases.complete('inner', 0)
    assert phases.share() == (1 + 1 / 2) / 4
    phases.finish('inner')
    phases.start('empty', 'outer', 0)
    assert phases.share() == 1 / 4
    phases.complete('outer', 7)
    assert phases.share() == 1


@pytest.mark.parametrize('asked', range(6))
def test_a_build_that_is_stopped_says_so(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: int) -> None:
    pretended(monkeypatch)
    answers = iter([False] * asked)
    with pytest.raises(BuildStoppedError):
        TensorRtTools().build(BuildRequest(graph(tmp_path), 'fp32'), silent,
                              lambda: next(answers, True))


def test_a_foreign_timing_cache_is_not_used(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretended(monkeypatch)
    request = BuildRequest(graph(tmp_path), 'fp32')
    for known, found in ((None, b'.'), (b'old', b'old.'), (b'foreign', b'.')):
        result = TensorRtTools().build(replace(request, timing_cache=known), silent, never)
        assert result.timing_cache == found


def test_an_operator_that_tensorrt_8_5_lacks_comes_with_advice(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpu = plug_in(monkeypatch)
    install(monkeypatch, make_library(gpu, TENSORRT_8, '8.5.2'))
    with pytest.raises(EngineError, match=r'TensorRT 8\.5\.2 cannot parse .*Strange\.onnx: No '
                                          r'importer registered for op: Strange: .* --opset 16'):
        TensorRtTools().build(BuildRequest(graph(tmp_path, kind='Strange'), 'fp32'), silent, never)


def test_a_missing_file_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pretended(monkeypatch)
    spec = replace(graph(tmp_path), file=tmp_path / 'gone.onnx')
    with pytest.raises(EngineError, match=r'gone\.onnx: No such file'):
        TensorRtTools().build(BuildRequest(spec, 'fp32'), silent, never)
