# SPDX-License-Identifier: Apache-2.0
"""Rate, age and silence of a camera, whatever its clock does."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rgbt_tracker_ros.pipeline.input_watch import InputWatch
from rgbt_tracker_ros.pipeline.moment import Moment


def fed(rate=30.0, frames=90, pace=1.0, start=1000.0):
    """A watch and the moment of its last image; node time passes at `pace`."""
    watch = InputWatch(Moment(start, 0.0))
    for number in range(frames):
        seconds = number / rate
        now = Moment(start + seconds, seconds / pace)
        watch.note(now.node - 0.01, now)
    return watch, now


def later(now, node, steady):
    return Moment(now.node + node, now.steady + steady)


@pytest.mark.parametrize('pace', [0.1, 1.0, 5.0])
@pytest.mark.parametrize('rate', [9.0, 30.0])
def test_the_rate_is_that_of_the_nodes_clock(rate, pace):
    watch, now = fed(rate, pace=pace)
    assert watch.rate(now) == pytest.approx(rate)
    assert watch.age(now) == pytest.approx(0.01)


def test_without_simulated_time_the_rate_is_that_of_the_steady_clock():
    watch = InputWatch(Moment(0.0, 0.0))
    for number in range(20):
        watch.note(5.0, Moment(0.0, number / 10))
    assert watch.rate(Moment(0.0, 2.0)) == pytest.approx(10.0)
    assert watch.age(Moment(0.0, 2.0)) is None


def test_a_silent_camera_has_no_rate():
    watch, now = fed()
    assert not watch.silent(later(now, 2.9, 2.9))
    after = later(now, 3.1, 3.1)
    assert watch.silent(after)
    assert watch.silence(after) == pytest.approx(3.1)
    assert watch.rate(after) == 0.0


def test_a_camera_that_never_came_is_silent():
    watch = InputWatch(Moment(1000.0, 0.0))
    assert watch.silent(Moment(1003.5, 3.5))
    assert watch.age(Moment(1003.5, 3.5)) is None


def test_a_pause_of_the_simulation_is_no_silence():
    watch, now = fed()
    paused = later(now, 0.0, 60.0)
    assert not watch.silent(paused)
    assert watch.rate(paused) == pytest.approx(30.0)


def test_the_first_simulated_time_is_no_silence():
    watch = InputWatch(Moment(0.0, 0.0))
    assert not watch.silent(Moment(1.7e9, 0.5))


def test_time_that_goes_back_starts_silence_and_rate_anew():
    watch, now = fed()
    back = later(now, -500.0, 1.0)
    assert watch.silence(back) == 0.0
    assert watch.silent(later(back, 3.5, 3.5))
    for number in range(30):
        watch.note(1.0, later(back, number / 10, number / 10))
    assert watch.rate(later(back, 3.0, 3.0)) == pytest.approx(10.0)


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(0, 10)), max_size=30))
def test_no_clock_makes_it_fail(steps):
    now = Moment(50.0, 0.0)
    watch = InputWatch(now)
    for node, steady in steps:
        now = Moment(max(now.node + node, 0.0), now.steady + steady)
        watch.note(now.node, now)
        assert watch.rate(now) >= 0
        assert watch.silence(now) == 0
