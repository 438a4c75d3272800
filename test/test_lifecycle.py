# SPDX-License-Identifier: Apache-2.0
"""The node's transitions, in this process: slow models, failures, repeats, impossible requests."""
from __future__ import annotations

from collections.abc import Callable, Iterator
import gc
import threading
from time import sleep
from typing import Any
import weakref

from diagnostic_msgs.msg import DiagnosticStatus
from mock_model import write_bundle
from node_bench import ACTIVATE, CLEANUP, CONFIGURE, DEACTIVATE, Bench
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference import background
from rgbt_tracker_ros.ros import lifecycle
from rgbt_tracker_ros.ros.activity import Activity
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.lifecycle import TrackerNode
from rgbt_tracker_ros.ros.outputs import Outputs
from rgbt_tracker_ros.ros.worker import Worker
from rgbt_tracker_ros.tracking.tracker import Tracker

pytestmark = pytest.mark.ros
SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: Any) -> Any:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.fixture
def make(bundle: Any) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def make(load: Any = Tracker.from_model) -> Bench:
        benches.append(Bench(bundle, load))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


# Loading -----------------------------------------------------------------------------------------


def test_a_slow_model_is_reported_in_diagnostics_and_log_while_it_loads(make, monkeypatch, capfd):
    monkeypatch.setattr(background, '_WORD_S', 0.05)
    monkeypatch.setattr(lifecycle, '_LOG_S', 0.6)
    go_on = threading.Event()

    def load(*arguments: Any) -> Tracker:
        assert go_on.wait(20)
        return Tracker.from_model(*arguments)

    bench = make(load)
    bench.until(lambda: bench.listener.count_publishers('/diagnostics'))
    bench.spin(0.5)
    # The executor is inside the transition and cannot deliver: what was published waits.
    threading.Timer(1.3, go_on.set).start()
    assert bench.node.trigger_configure() == SUCCESS
    part = bench.report('node', 'building')
    assert part.level == DiagnosticStatus.WARN
    assert part.message.startswith('configuring: building (loading the model ')
    assert bench.report('backend', 'building').level == DiagnosticStatus.WARN
    bench.until(lambda: len([
        1 for message in bench.reports if 'building' in message.status[0].message]) > 5)
    assert capfd.readouterr().err.count(' s; an engine is built only once') == 2
    assert bench.report('node', 'inactive').level == DiagnosticStatus.OK


def test_a_node_that_is_told_to_end_does_not_wait_for_its_model(make, monkeypatch, capfd):
    release = threading.Event()
    bench = make(lambda *arguments: release.wait(20))
    monkeypatch.setattr(lifecycle, 'told_to_end', lambda: True)
    assert bench.node.trigger_configure() == FAILURE
    assert bench.state == 'unconfigured'
    assert 'ERROR' not in capfd.readouterr().err
    release.set()


# Failures ----------------------------------------------------------------------------------------


def failing(times: int, error: Exception) -> Callable[..., Any]:
    """Something that fails so many times and then works."""
    calls: list[int] = []

    def fail(work: Callable[[], Any]) -> Any:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return work()
    return fail


@pytest.mark.parametrize(('error', 'words'), [
    (ModelError('no engine fits'), 'cannot configure: no engine fits'),
    (MemoryError('8 GB'), 'cannot configure: MemoryError: 8 GB'),
    (AttributeError('bug'), 'cannot configure: AttributeError: bug'),
], ids=str)
def test_a_failed_configure_is_said_once_and_can_be_repeated(make, capfd, error, words):
    fail = failing(1, error)
    bench = make(lambda *arguments: fail(lambda: Tracker.from_model(*arguments)))
    assert not bench.request(CONFIGURE)
    assert bench.state == 'unconfigured'
    assert bench.report('node', words).level == DiagnosticStatus.ERROR
    assert capfd.readouterr().err.count(words) == 1
    assert bench.request(CONFIGURE)
    assert bench.request(ACTIVATE)
    assert bench.node.fault == ''


def test_what_a_failed_configure_made_is_freed(make, monkeypatch):
    closed = []
    monkeypatch.setattr(Tracker, 'close', lambda tracker: closed.append(tracker))

    def broken(node: Any) -> Any:
        raise RuntimeError('no publisher')

    monkeypatch.setattr(lifecycle, 'Outputs', broken)
    bench = make()
    assert bench.node.trigger_configure() == FAILURE
    assert len(closed) == 1
    assert bench.node.fault == 'cannot configure: RuntimeError: no publisher'
    # Fixed parameters are free again.
    assert bench.node.set_parameters([Parameter('model.threads', value=2)])[0].successful


def test_a_model_that_cannot_warm_up_is_closed(make, monkeypatch):
    closed = []
    monkeypatch.setattr(Tracker, 'close', lambda tracker: closed.append(tracker))
    monkeypatch.setattr(Tracker, 'initialize', lambda *arguments: 1 / 0)
    assert make().node.trigger_configure() == FAILURE
    assert len(closed) == 1


def test_a_failed_activate_leaves_the_node_inactive(make):
    bench = make()
    assert bench.request(CONFIGURE)
    before = len(list(bench.node.subscriptions))
    fail = failing(1, ModelError('no cameras'))
    bench.node.activate = lambda: fail(lambda: TrackerNode.activate(bench.node))
    assert not bench.request(ACTIVATE)
    assert bench.state == 'inactive'
    assert len(list(bench.node.subscriptions)) == before
    assert bench.report('node', 'cannot activate: no cameras').level == DiagnosticStatus.ERROR


@pytest.mark.parametrize(('hook', 'transition', 'words'), [
    ('deactivate', DEACTIVATE, 'cannot deactivate: it hangs'),
    ('clean_up', CLEANUP, 'cannot clean up: it hangs'),
])
def test_a_failed_way_down_frees_everything_and_can_begin_anew(make, hook, transition, words):
    bench = make()
    assert bench.request(CONFIGURE)
    if transition == DEACTIVATE:
        assert bench.request(ACTIVATE)
    fail = failing(1, ModelError('it hangs'))
    setattr(bench.node, hook, lambda: fail(lambda: getattr(TrackerNode, hook)(bench.node)))
    assert not bench.request(transition)
    assert bench.state == 'unconfigured'
    assert bench.report('node', words).level == DiagnosticStatus.ERROR
    assert bench.node._activity is None
    assert bench.node._loaded is None
    assert bench.request(CONFIGURE)
    assert bench.request(ACTIVATE)
    bench.until(lambda: bench.reports[-1].status[0].message.startswith('active'))


def test_a_network_that_hangs_does_not_keep_the_node(make, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(Worker.stop, '__defaults__', (0.2,))
    bench = make()
    assert bench.request(CONFIGURE)
    assert bench.request(ACTIVATE)
    bench.node._activity._worker._handle = lambda frame: release.wait(20)
    bench.node._activity._worker.wake()
    sleep(0.3)
    assert not bench.request(DEACTIVATE)
    assert bench.node.fault.startswith('cannot deactivate: the network has not answered')
    assert bench.request(CONFIGURE)
    release.set()


@pytest.mark.parametrize('way', [[], [CONFIGURE], [CONFIGURE, ACTIVATE]], ids=str)
@pytest.mark.parametrize('breaks', [False, True])
def test_shutdown_is_possible_from_every_state_and_final(make, monkeypatch, way, breaks):
    bench = make()
    assert all(map(bench.request, way))
    if breaks:
        monkeypatch.setattr(bench.node, 'clean_up', lambda: 1 / 0)
    assert bench.request(label='shutdown') is not breaks
    monkeypatch.undo()
    assert bench.state == 'finalized'
    bench.reports.clear()
    assert bench.report('node', 'finalized').message == (
        'finalized: cannot shut down: ZeroDivisionError: division by zero' if breaks
        else 'finalized')
    assert not bench.request(CONFIGURE)


# Requests ----------------------------------------------------------------------------------------


@pytest.mark.parametrize('way', [[], [CONFIGURE], [CONFIGURE, ACTIVATE]], ids=str)
def test_impossible_requests_are_answered_with_no_and_change_nothing(make, capfd, way):
    bench = make()
    assert all(map(bench.request, way))
    state = bench.state
    possible = {label: number for number, label, *_ in
                bench.node._state_machine.available_transitions}
    for number in {0, *range(1, 11), 50, 60, 99, 255} - set(possible.values()):
        assert not bench.request(number)
    for label in {'configure', 'cleanup', 'activate', 'deactivate', 'destroy', 'nonsense',
                  'transition_success', 'x' * 300} - set(possible):
        assert not bench.request(label=label)
    assert bench.state == state
    assert f'transition 99 is not possible while {state}: ' in capfd.readouterr().err
    assert bench.request(label=next(iter(possible)))


# Repeats -----------------------------------------------------------------------------------------


def alive(kind: type) -> int:
    return sum(isinstance(item, kind) for item in gc.get_objects())


def test_ten_cycles_leave_nothing_behind(make):
    bench = make()
    trackers: list[Any] = []
    load = bench.node._load
    bench.node._load = lambda *arguments: _noted(trackers, load(*arguments))

    def footprint() -> dict[str, int]:
        node = bench.node
        gc.collect()
        return {
            'subscriptions': len(list(node.subscriptions)), 'timers': len(list(node.timers)),
            'publishers': len(list(node.publishers)), 'services': len(list(node.services)),
            'waitables': len(list(node.waitables)), 'threads': threading.active_count(),
            'parameters': len(node._parameters),
            **{kind.__name__: alive(kind) for kind in (Activity, Outputs, Worker)}}

    marks = []
    for cycle in range(11):
        for number in (CONFIGURE, ACTIVATE, DEACTIVATE, CLEANUP):
            assert bench.request(number), (cycle, number)
        bench.spin(0.05)
        marks.append(footprint())
    assert marks[1:] == marks[:1] * 10
    assert [reference() for reference in trackers] == [None] * 11


def _noted(references: list[Any], tracker: Tracker) -> Tracker:
    references.append(weakref.ref(tracker))
    return tracker


def test_another_model_needs_no_other_process(make, tmp_path):
    bench = make()
    assert bench.request(CONFIGURE)
    change = [Parameter('model.name', value=str(write_bundle(tmp_path / 'other', name='other')))]
    assert 'clean it up first' in bench.node.set_parameters(change)[0].reason
    assert bench.request(CLEANUP)
    assert bench.node.set_parameters(change)[0].successful
    assert bench.request(CONFIGURE)
    bench.until(lambda: values_of(bench.reports[-1], 'node')['model'] == 'other'
                if bench.reports else False)
