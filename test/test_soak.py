# SPDX-License-Identifier: Apache-2.0
"""The soak test's parts, its judge above all: it must fail what is wrong."""
from __future__ import annotations

from itertools import islice
import math
from typing import Any

import pytest

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.ros.soak.growth import growth
from rgbt_tracker_ros.ros.soak.history import Frame, Said, Sample
from rgbt_tracker_ros.ros.soak.judge import Judge
from rgbt_tracker_ros.ros.soak.report import in_words, make_report
from rgbt_tracker_ros.ros.soak.schedule import first_round, plans

TRUE = Box(100, 100, 40, 80)
FAULTS = {'calm': (), 'storm': ('rgb', 'thermal'), 'rain': ('rgb', 'thermal')}
ALIKE = ('rain',)

# Schedule --------------------------------------------------------------------------------------


def test_every_kind_and_variant_comes_first_and_then_any():
    count = len(first_round(FAULTS, ALIKE, 3))
    planned = list(islice(plans(FAULTS, ALIKE, 3), 200))
    begun = [(plan.kind, plan.variant) for plan in planned[:count]]
    assert begun == first_round(FAULTS, ALIKE, 3)
    assert set(begun) >= {('calm', ''), ('storm', 'rgb'), ('storm', 'thermal')}
    assert len([kind for kind, _ in begun if kind == 'rain']) == 1
    assert {(plan.kind, plan.variant) for plan in planned} == {
        (kind, variant) for kind, variants in FAULTS.items() for variant in variants or ('',)}


def test_a_seed_decides_everything():
    def first(seed: int) -> list[Any]:
        return list(islice(plans(FAULTS, ALIKE, seed), 50))
    assert first(1) == first(1)
    assert first(1) != first(2)


# Judge -----------------------------------------------------------------------------------------


class Stretch:
    """A judge that has seen a stretch of healthy frames, with whatever answers a test gives."""

    def __init__(self) -> None:
        self.judge = Judge(0.0)
        self.judge.begin_fault(0.0, 'storm', 'storm, rgb')
        self.judge.end_fault(0.5)
        self.judge.begin_stretch()
        self.now = 1.0

    def frame(self, *, answers: int = 1, boxes: list[Box] | None = None, state: str = 'tracking',
              mode: str = 'rgbt', dropped: int = 0, error: str = '', stamp: int | None = None,
              name: str = '1', **status: str) -> None:
        self.now += 0.03
        sent = round(self.now * 1e9)
        stamp = sent if stamp is None else stamp
        boxes = [TRUE] if boxes is None else boxes
        self.judge.shown(Frame(0, self.now, (sent, sent), TRUE, (640, 480), True))
        for _ in range(answers):
            numbers = [value for box in boxes for value in box]
            self.judge.answered(self.now + 0.01, stamp, boxes, numbers, [name])
        if answers:
            self.judge.told(self.now + 0.01, stamp, Said(state, mode, TRUE, error, dropped),
                            status)

    def verdict(self) -> list[str]:
        self.judge.end_stretch(self.now)
        assert all(item.fault == 'storm, rgb' for item in self.judge.history.violations)
        return [item.text for item in self.judge.history.violations]


def test_a_good_stretch_has_no_violations():
    stretch = Stretch()
    for _ in range(10):
        stretch.frame()
    assert stretch.verdict() == []
    history = stretch.judge.history
    assert (history.frames, history.healthy, history.answered, history.dropped) == (10, 10, 10, 0)
    assert stretch.judge.good_since(1.0)
    assert not stretch.judge.good_since(stretch.now + 0.01)
    assert stretch.judge.modes_since(1.0) == {'rgbt'}


@pytest.mark.parametrize(('odd', 'text'), [
    ({'boxes': [Box(math.nan, 0, 10, 10)]}, 'not finite'),
    ({'boxes': [Box(math.inf, 0, 10, 10)]}, 'not finite'),
    ({'score': 'nan'}, 'score = nan'),
    ({'latency_ms': '-inf'}, 'latency_ms = -inf'),
    ({'boxes': [Box(620, 100, 40, 80)]}, 'not inside the 640x480 image'),
    ({'boxes': [Box(-1, 100, 40, 80)]}, 'not inside'),
    ({'boxes': [Box(100, 100, 0, 80)]}, 'not inside'),
    ({'stamp': 12345}, 'which no image had'),
    ({'answers': 0}, '1 of 11 healthy pairs without an answer'),
    ({'answers': 2}, '1 healthy pairs were answered twice'),
    ({'boxes': []}, 'off the target in 1 of 11'),
    ({'boxes': [Box(300, 300, 40, 80)]}, 'off the target'),
    ({'mode': 'rgb'}, 'not fused in health: 1 x tracking, rgb'),
    ({'state': 'lost'}, 'not fused in health: 1 x lost, rgbt'),
    ({'name': '2'}, 'several names: 1, 2'),
    ({'error': 'the network failed'}, 'error in health: the network failed'),
])
def test_what_is_wrong_is_a_violation(odd, text):
    stretch = Stretch()
    for _ in range(10):
        stretch.frame()
    stretch.frame(**odd)
    assert any(text in found for found in stretch.verdict())


def test_what_the_node_dropped_and_counted_is_reported_but_no_violation():
    stretch = Stretch()
    stretch.frame()
    stretch.frame(answers=0)
    assert stretch.judge.unanswered == 1
    stretch.frame(dropped=1)
    assert stretch.judge.unanswered == 0
    assert stretch.verdict() == []
    assert stretch.judge.history.dropped == 1


def test_what_was_dropped_before_excuses_nothing():
    stretch = Stretch()
    stretch.frame(dropped=5)
    stretch.judge.begin_stretch()
    stretch.frame(answers=0, dropped=5)
    stretch.frame(dropped=5)
    assert '1 of 2 healthy pairs without an answer' in stretch.verdict()[0]


def test_a_doubtful_answer_is_no_recovery():
    for odd in ({'state': 'lost'}, {'mode': 'thermal'}, {'error': 'nan'}):
        stretch = Stretch()
        stretch.frame(**odd)
        assert not stretch.judge.good_since(1.0)


def test_stamps_of_their_own_are_let_pass_only_where_images_had_none():
    stretch = Stretch()
    stretch.judge.unstamped = True
    stretch.frame(stamp=777, answers=1)
    assert not any('no image had' in text for text in stretch.verdict())


# Growth ----------------------------------------------------------------------------------------


def samples(grow: float = 0.0, threads: int = 0, healthy: bool = True) -> list[Sample]:
    return [Sample(float(second), 200 * (1 + grow * second / 100), 20 + threads * (second > 70),
                   0.3 * second, healthy) for second in range(101)]


def test_a_steady_process_does_not_grow():
    found = growth(samples())
    assert found is not None
    assert found.share == 0
    assert found.complaints() == []


def test_growth_of_memory_and_threads_is_named():
    found = growth(samples(grow=0.2, threads=5))
    assert found is not None
    assert found.share == pytest.approx(0.2 * 0.7, rel=0.05)
    [threads] = found.complaints()      # too short a test for the memory's limit
    assert threads == 'threads grew from 20 to 25'


def test_a_long_test_has_a_tight_limit():
    long = [Sample(20 * item.at, item.memory_mib, item.threads, item.cpu_s, True)
            for item in samples(grow=0.08)]
    [memory] = growth(long).complaints()
    assert memory == 'memory grew by 5.5 %, its median from 203 to 214 MiB'


def test_ups_and_downs_are_no_growth():
    restless = [Sample(float(second), 300 + 50 * (second % 5 > 1) * (second > 50), 20, 0, True)
                for second in range(101)]
    found = growth(restless)
    assert found.share == 0
    assert found.memory == (300, 350)


def test_a_warm_up_is_no_growth():
    assert growth([Sample(second, 100 if second < 10 else 200, 20, 0, True)
                   for second in range(101)]).share == 0


def test_samples_in_faults_do_not_count():
    assert growth(samples(healthy=False)) is None
    assert growth([]) is None


# Report ----------------------------------------------------------------------------------------


def facts() -> dict[str, Any]:
    return {'rate': 30.0, 'cpu': 'a CPU', 'usable_cores': 2, 'versions': {'python': '3.11'},
            'model': 'mock', 'command': 'rgbt-tracker soak'}


def test_the_report_says_what_was_seen():
    stretch = Stretch()
    for _ in range(5):
        stretch.frame()
    history = stretch.judge.history
    history.events[0].recovery = 0.25
    history.samples, history.end = samples(), 100.0
    stretch.judge.end_stretch(9.0)
    report = make_report(history, facts())
    assert report['passed']
    assert report['pairs'] == {'shown': 5, 'in_health': 5, 'answered': 5,
                               'dropped_and_counted': 0, 'unanswered': 0}
    assert report['latency_ms']['p50'] == pytest.approx(10)
    assert report['overlap']['p50'] == 1
    assert report['faults']['storm'] == {
        'times': 1, 'recovery_median_s': 0.25, 'recovery_longest_s': 0.25}
    words = in_words(report, 'soak.png')
    assert '`rgbt-tracker soak` passed' in words
    assert '| storm | 1 | 0.25 | 0.25 |' in words


def test_a_report_of_nothing_and_of_a_failure():
    history = Judge(0.0).history
    history.interrupted = True
    assert 'was interrupted' in in_words(make_report(history, facts()), 'soak.png')
    judge = Judge(0.0)
    judge.violation(3.0, 'the tracker ended with status -11')
    report = make_report(judge.history, facts())
    assert not report['passed']
    words = in_words(report, 'soak.png')
    assert 'FAILED' in words
    assert '- 3.0 s, after the start: the tracker ended with status -11' in words
