# SPDX-License-Identifier: Apache-2.0
"""Slow work beside a thread that speaks, and what became of frames."""
from __future__ import annotations

import threading

import pytest

from rgbt_tracker_ros.inference import background
from rgbt_tracker_ros.inference.background import AbandonedError, in_background
from rgbt_tracker_ros.pipeline import tally
from rgbt_tracker_ros.pipeline.tally import Tally


def test_the_result_comes_back_and_words_are_given_meanwhile(monkeypatch):
    monkeypatch.setattr(background, '_WORD_S', 0.05)
    monkeypatch.setattr(background, '_STEP_S', 0.01)
    go_on, told = threading.Event(), []

    def work():
        assert go_on.wait(10)
        return threading.current_thread().name

    def tell(elapsed):
        told.append(elapsed)
        if len(told) == 3:
            go_on.set()

    assert in_background(work, tell, lambda: True) == 'loading'
    assert told[0] < told[1] < told[2]


@pytest.mark.parametrize('error', [ValueError('no'), TimeoutError('late'), MemoryError()])
def test_what_the_work_raises_is_raised(error):
    def work():
        raise error

    with pytest.raises(type(error)) as caught:
        in_background(work, lambda elapsed: None, lambda: True)
    assert caught.value is error


def test_work_that_is_not_wanted_any_more_is_left_to_itself():
    release = threading.Event()
    with pytest.raises(AbandonedError):
        in_background(lambda: release.wait(10), lambda elapsed: None, lambda: False)
    release.set()


def test_frames_are_counted_and_timed():
    counted = Tally()
    assert (counted.busy, counted.quantile(0.5)) == (0.0, None)
    for number in range(100):
        counted.begin()
        counted.end(float(number))
    counted.begin()
    assert counted.busy >= 0
    counted.end(failure='NaN')
    counted.end()
    assert (counted.frames, counted.failures, counted.last_failure) == (102, 1, 'NaN')
    assert (counted.quantile(0.5), counted.quantile(0.95)) == (50.0, 95.0)


def test_a_frame_that_hangs_is_busy(monkeypatch):
    times = iter([10.0, 17.5])
    monkeypatch.setattr(tally, 'monotonic', lambda: next(times))
    counted = Tally()
    counted.begin()
    assert counted.busy == 7.5
