# SPDX-License-Identifier: Apache-2.0
"""The worker thread, its mailbox, and what it remembers of recent frames."""
from __future__ import annotations

import threading

import numpy as np
import pytest
from std_msgs.msg import Header

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.pipeline import recent_pairs
from rgbt_tracker_ros.pipeline.recent_pairs import RecentPairs
from rgbt_tracker_ros.ros.worker import Worker

pytestmark = pytest.mark.ros


def test_a_slow_handler_gets_the_newest_item_and_the_others_are_counted():
    handled, begun, go_on = [], threading.Event(), threading.Event()

    def handle(item):
        if item is not None:
            handled.append(item)
            begun.set()
            assert go_on.wait(10)

    worker = Worker(handle, pytest.fail)
    worker.put(0)
    assert begun.wait(10)
    for number in range(1, 6):
        worker.put(number)
    assert worker.dropped == 4
    begun.clear()
    go_on.set()
    assert begun.wait(10)
    worker.stop()
    assert handled == [0, 5]


def test_an_exception_is_reported_and_the_next_item_handled():
    errors, done = [], threading.Event()

    def handle(item):
        if item == 'bad':
            raise ValueError('no')
        if item == 'good':
            done.set()

    worker = Worker(handle, lambda error: (errors.append(error), worker.put('good')))
    worker.put('bad')
    assert done.wait(10)
    worker.stop()
    assert [str(error) for error in errors] == ['no']


def test_a_wake_calls_the_handler_without_an_item():
    woken = threading.Event()
    worker = Worker(lambda item: woken.set() if item is None else None, pytest.fail)
    worker.wake()
    assert woken.wait(10)
    worker.stop()


def test_a_handler_that_hangs_is_reported_at_the_stop():
    begun, release = threading.Event(), threading.Event()

    def hang(item):
        begun.set()
        release.wait(30)

    worker = Worker(hang, pytest.fail)
    worker.put(1)
    assert begun.wait(10)
    with pytest.raises(ModelError, match='restart the node'):
        worker.stop(timeout=0.05)
    release.set()
    worker.stop()


def frame(stamp, side=4):
    return Header(frame_id=str(stamp)), ImagePair(np.zeros((side, side, 3), np.uint8), None, stamp)


def filled(*stamps):
    recent = RecentPairs()
    for stamp in stamps:
        recent.append(*frame(stamp))
    return recent


def test_recent_frames_are_found_by_their_stamp():
    recent = filled(1.0, 1.1, 1.2)
    assert recent.nearest(1.14)[1].stamp == 1.1
    assert recent.newest[0].frame_id == '1.2'
    assert recent.span == (1.0, 1.2)


def test_frames_after_a_stamp_are_spread_evenly_and_include_the_newest():
    recent = filled(*(1 + number / 100 for number in range(21)))
    assert [round(pair.stamp, 2) for _, pair in recent.after(1.0, 4)] == [1.05, 1.1, 1.15, 1.2]
    assert [pair.stamp for _, pair in recent.after(1.19, 4)] == [1.2]
    assert recent.after(1.2, 4) == []


def test_the_memory_is_bounded_in_time_and_bytes(monkeypatch):
    recent = filled(*range(1, 9))
    assert recent.span == (7, 8)
    monkeypatch.setattr(recent_pairs, '_BYTES', 100)
    recent = filled(*(1 + number / 100 for number in range(9)))
    assert len(recent) == 2


def test_a_step_back_in_time_starts_the_memory_anew():
    recent = filled(1.0, 1.1, 0.5)
    assert recent.span == (0.5, 0.5)
