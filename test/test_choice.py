# SPDX-License-Identifier: Apache-2.0
"""`backend: auto`: what is measured, what is chosen, and what is remembered."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mock_model import write_bundle
import pytest

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference import factory, trial
from rgbt_tracker_ros.inference.backend import (
    AS_ASKED,
    Array,
    Backend,
    Choice,
    SearchMaps,
    TemplateTensors,
)
from rgbt_tracker_ros.inference.bundle import ModelBundle, load_bundle
from rgbt_tracker_ros.inference.choice import choose
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.inference.onnxruntime_backend import OnnxRuntimeBackend
from rgbt_tracker_ros.settings import ModelSettings

QUICK_S, SLOW_S = 0.001, 0.02


class Clock:
    """A clock that only searches move, so that what else runs here does not count."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


class Delayed(OnnxRuntimeBackend):
    """A backend that takes its time, and may see other boxes."""

    def __init__(self, bundle: ModelBundle, name: str, seconds: float, wrong: float) -> None:
        self.seconds, self.wrong, self.closed = 0.0, wrong, False
        super().__init__(bundle, threads=1)
        self.name, self.seconds = name, seconds

    def search(self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
               fused: bool = False) -> SearchMaps:
        CLOCK.now += QUICK_S + self.seconds
        maps = super().search(templates, rgb, thermal, fused=fused)
        return replace(maps, size=maps.size * (1 + self.wrong))

    def close(self) -> None:
        super().close()
        self.closed = True


@dataclass
class Machine:
    """What is installed: how long a search takes by name; a text is why it cannot be loaded."""

    bundle: ModelBundle
    seconds: dict[str, float | str]
    wrong: float = 0.0
    choice: Choice = AS_ASKED
    made: list[Delayed] = field(default_factory=list)

    def load(self, name: str) -> Backend:
        taken = self.seconds[name]
        if isinstance(taken, str):
            raise ModelError(taken)
        self.made.append(Delayed(self.bundle, name, taken,
                                 0.0 if name == 'onnxruntime' else self.wrong))
        self.made[-1].choice = self.choice
        return self.made[-1]

    def choose(self, stop: Callable[[], bool] = lambda: False, **settings: object) -> Backend:
        self.made.clear()
        chosen = choose(self.bundle, ModelSettings(**settings), Monitor(stop=stop), self.load,
                        tuple(name for name in self.seconds if name != 'onnxruntime'))
        assert [made for made in self.made if not made.closed] == [chosen]
        return chosen

    @property
    def loaded(self) -> list[str]:
        return [made.name for made in self.made]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(trial, 'perf_counter', CLOCK)
    monkeypatch.setattr(trial, 'process_time', CLOCK)
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    return Machine(bundle, {'onnxruntime': SLOW_S, 'openvino': 0.0})


def _files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / 'cache').rglob('*') if path.is_file()]


def test_the_quicker_one_runs_and_is_remembered(machine: Machine, tmp_path: Path) -> None:
    chosen = machine.choose()
    assert chosen.name == 'openvino'
    assert 'chosen by auto: openvino is ' in chosen.choice.reason
    assert 'times as fast' in chosen.choice.reason
    assert not chosen.choice.degraded
    assert machine.loaded == ['onnxruntime', 'openvino']
    again = machine.choose()
    assert machine.loaded == ['openvino']
    assert again.choice == chosen.choice
    assert len(_files(tmp_path)) == 1


@pytest.mark.parametrize('changed', [{'threads': 3}, {'precision': 'fp16'}])
def test_what_the_choice_depends_on_is_measured_again(
        machine: Machine, changed: dict[str, object]) -> None:
    machine.choose()
    machine.choose(**changed)
    assert machine.loaded == ['onnxruntime', 'openvino']


def test_a_slower_one_is_never_chosen(machine: Machine) -> None:
    machine.seconds['openvino'] = 2 * SLOW_S
    assert 'openvino is not quicker' in machine.choose().choice.reason
    assert machine.choose().name == 'onnxruntime'
    assert machine.loaded == ['onnxruntime']


def test_one_that_sees_other_boxes_is_not_chosen(machine: Machine) -> None:
    machine.wrong = 0.2
    chosen = machine.choose()
    assert chosen.name == 'onnxruntime'
    assert 'openvino gives other boxes (IoU 0.69' in chosen.choice.reason


def test_the_best_of_several_is_chosen(machine: Machine) -> None:
    machine.seconds = {'onnxruntime': 2 * SLOW_S, 'first': SLOW_S, 'second': 0.0}
    assert machine.choose().name == 'second'


def test_one_that_fails_is_told_of_and_tried_again_next_time(
        machine: Machine, tmp_path: Path) -> None:
    machine.seconds['openvino'] = 'out of memory'
    chosen = machine.choose()
    assert chosen.name == 'onnxruntime'
    assert 'openvino fails (out of memory)' in chosen.choice.reason
    assert not _files(tmp_path)


def test_a_remembered_one_that_fails_now_is_replaced(machine: Machine) -> None:
    machine.choose()
    machine.seconds['openvino'] = 'its library is gone'
    assert machine.choose().name == 'onnxruntime'


@pytest.mark.parametrize('content', [
    b'', b'[1]', b'{"backend": 7, "reason": ""}', b'\xff\xfe\x00',
    b'{"backend": "abacus", "reason": "quick"}'])
def test_a_damaged_memory_is_measured_anew(
        machine: Machine, tmp_path: Path, content: bytes) -> None:
    machine.choose()
    _files(tmp_path)[0].write_bytes(content)
    assert machine.choose().name == 'openvino'
    assert machine.loaded == ['onnxruntime', 'openvino']
    machine.choose()
    assert machine.loaded == ['openvino']


def test_without_a_place_to_remember_it_still_chooses(
        machine: Machine, tmp_path: Path) -> None:
    (tmp_path / 'cache').write_text('a file where a folder should be')
    assert machine.choose().name == 'openvino'
    assert machine.choose().name == 'openvino'


def test_a_quick_network_is_not_measured(machine: Machine, tmp_path: Path) -> None:
    machine.seconds['onnxruntime'] = 0.0
    assert machine.choose().choice.reason.endswith('quick enough')
    assert machine.loaded == ['onnxruntime']
    assert not _files(tmp_path)


@pytest.mark.parametrize('remembered', [False, True])
def test_why_a_gpu_is_not_used_is_not_covered_up(
        machine: Machine, tmp_path: Path, remembered: bool) -> None:
    if remembered:
        machine.seconds['openvino'] = 2 * SLOW_S
        machine.choose()
    failed = Choice('asked onnxruntime on the GPU, runs onnxruntime: no memory', degraded=True)
    machine.choice = failed
    assert machine.choose().choice == failed
    assert machine.loaded == ['onnxruntime']
    assert len(_files(tmp_path)) == remembered


def test_nothing_is_measured_where_there_is_no_choice(machine: Machine) -> None:
    del machine.seconds['openvino']
    assert machine.choose().choice.reason == ''


@pytest.mark.parametrize('asked', [0, 1])
def test_it_ends_at_once_when_the_node_is_told_to(
        machine: Machine, tmp_path: Path, asked: int) -> None:
    answers = iter([False] * asked)
    assert machine.choose(stop=lambda: next(answers, True)).name == 'onnxruntime'
    assert not _files(tmp_path)


def test_ctrl_c_leaves_nothing_open(machine: Machine, tmp_path: Path) -> None:
    def interrupt() -> bool:
        if len(machine.made) > 1:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        machine.choose(stop=interrupt)
    assert all(made.closed for made in machine.made)
    assert not _files(tmp_path)


@pytest.mark.parametrize(('gpu', 'name'), [('Orin', 'tensorrt'), ('', 'onnxruntime')])
def test_a_gpu_with_tensorrt_goes_first(
        machine: Machine, monkeypatch: pytest.MonkeyPatch, gpu: str, name: str) -> None:
    monkeypatch.setattr(factory, 'gpu_name', lambda: gpu)
    monkeypatch.setattr(factory, '_CPU_RIVALS', ())
    monkeypatch.setitem(factory.RUNTIMES, 'tensorrt', factory.Runtime(
        ('numpy',), lambda bundle, *_: Delayed(bundle, 'tensorrt', 0.0, 0.0), fragile=True))
    chosen = factory.load_backend(machine.bundle, ModelSettings(backend='auto'))
    assert chosen.name == name
    assert ('there is Orin' in chosen.choice.reason) == bool(gpu)
