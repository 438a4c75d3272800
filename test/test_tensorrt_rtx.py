# SPDX-License-Identifier: Apache-2.0
"""The real TensorRT-RTX as the engine cache uses it, without a GPU (conftest.py: where it is)."""
from __future__ import annotations

from pathlib import Path

from engine_graphs import graph, never, silent
from mock_model import write_bundle
from pretend_gpu import plug_in
import pytest

from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.engines.build_process import build_in_process
from rgbt_tracker_ros.inference.engines.tools import BuildRequest, BuildStoppedError, EngineError
from rgbt_tracker_ros.inference.tensorrt.tools import TensorRtTools

RTX = TensorRtTools('tensorrt_rtx')


def test_it_builds_in_a_process_of_its_own(tmp_path: Path) -> None:
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    told: list[str] = []
    result = build_in_process(RTX, BuildRequest(bundle.search_graph, 'fp32'),
                         lambda text, share: told.append(text), never)
    assert len(result.plan) > 1000
    assert 'Optimizing graph' in told


@pytest.mark.parametrize(('content', 'message'), [
    (b'not a graph', 'cannot parse'), (b'', 'cannot parse'), (b'\x08\x08', 'cannot parse'),
    (None, r'cannot parse .*Strange'),
])
def test_it_says_why_it_takes_no_file(
        tmp_path: Path, content: bytes | None, message: str) -> None:
    spec = graph(tmp_path, kind='Strange')
    if content is not None:
        spec.file.write_bytes(content)
    with pytest.raises(EngineError, match=message):
        RTX.build(BuildRequest(spec, 'fp32'), silent, never)


def test_it_can_be_stopped(tmp_path: Path) -> None:
    answers = iter([False] * 3)
    spec = load_bundle(write_bundle(tmp_path / 'm')).search_graph
    with pytest.raises(BuildStoppedError):
        RTX.build(BuildRequest(spec, 'fp32'), silent, lambda: next(answers, True))


def test_it_refuses_an_engine_without_a_gpu_and_says_why(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = plug_in(monkeypatch)
    plan = RTX.build(BuildRequest(graph(tmp_path), 'fp32', optimization=0), silent, never).plan
    for content in (plan, plan[:len(plan) // 2], b'', b'not a plan'):
        with pytest.raises(EngineError, match=r'refused the engine.*: '):
            RTX.load(content)
    assert gpu.live == 0
    assert gpu.violations == []
