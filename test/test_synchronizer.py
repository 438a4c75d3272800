# SPDX-License-Identifier: Apache-2.0
"""The pair synchroniser, frame by frame: what goes out, and when."""
from __future__ import annotations

from frame_feed import START, Event, camera, run
import pytest

from rgbt_tracker_ros.imaging.synchronizer import Pair, Synchronizer
from rgbt_tracker_ros.settings import SyncSettings


def test_equal_rates_give_every_pair_the_moment_the_second_frame_arrives() -> None:
    outputs, synchronizer = run(camera('rgb', 30) + camera('thermal', 30, phase=0.012))
    assert synchronizer.counters.pairs == len(outputs) == 120
    for time, pair in outputs[5:]:
        assert pair.rgb == pair.stamp
        assert pair.thermal == pytest.approx(pair.stamp + 0.012)
        assert pair.dt == pytest.approx(0.012)
        assert time == pytest.approx(pair.stamp - START + 0.012)
    assert synchronizer.mean_dt == pytest.approx(0.012)
    assert synchronizer.max_dt == pytest.approx(0.012)


@pytest.mark.parametrize('dt', [0.0, 0.0008])
def test_the_first_pair_does_not_wait_when_stamps_are_equal(dt: float) -> None:
    synchronizer: Synchronizer[str, str] = Synchronizer(SyncSettings())
    assert synchronizer.add_rgb(5.0, 'rgb')
    assert list(synchronizer.poll(0.0)) == []
    assert synchronizer.add_thermal(5.0 + dt, 'thermal')
    assert list(synchronizer.poll(0.0)) == [Pair('rgb', 'thermal', 5.0, pytest.approx(dt))]


def test_thermal_arriving_150_ms_late_costs_no_pair() -> None:
    outputs, synchronizer = run(camera('rgb', 30) + camera('thermal', 30, 4, 0.004, 0.15))
    assert synchronizer.counters.pairs == 120
    assert all(time == pytest.approx(pair.stamp - START + 0.154) for time, pair in outputs)


def test_rgb_arriving_late_costs_no_pair() -> None:
    _, synchronizer = run(camera('rgb', 30, delay=0.2) + camera('thermal', 30, phase=0.004))
    assert synchronizer.counters.pairs == 120
    # Later than the timeout, only the beginning is lost: RGB is waited for while it lives.
    _, synchronizer = run(camera('rgb', 30, delay=0.4) + camera('thermal', 30, 4.5, 0.004))
    assert synchronizer.counters.pairs == 120 - 0.4 * 30


def test_after_a_pause_of_both_cameras_no_frame_goes_alone() -> None:
    events = [event for event in camera('rgb', 30) + camera('thermal', 30, 4, 0.004, 0.1)
              if not 0.99 < event.stamp - START < 3.01]
    _, synchronizer = run(events)
    assert synchronizer.counters.pairs == len(events) / 2
    assert synchronizer.counters.rgb_only == 0


def test_slower_thermal_camera_gets_the_nearest_frames() -> None:
    _, synchronizer = run(camera('rgb', 30, 10) + camera('thermal', 9, 10, 0.004))
    assert synchronizer.counters.pairs == 90
    assert synchronizer.counters.rgb_only <= 3
    assert synchronizer.max_dt is not None
    assert synchronizer.max_dt <= 0.5 / 30


def test_slower_thermal_camera_with_alone_passes_every_rgb_frame() -> None:
    outputs, synchronizer = run(
        camera('rgb', 30) + camera('thermal', 9, phase=0.004), unpaired='alone')
    assert [output.pair.rgb for output in outputs] == [e.stamp for e in camera('rgb', 30)]
    assert synchronizer.counters.pairs == 36
    assert synchronizer.counters.rgb_only == 84
    # Waiting is foreseen to be in vain for the frame that follows a thermal one.
    waits = [output.time - (output.pair.stamp - START) for output in outputs[30:]]
    assert sum(wait < 1e-6 for wait in waits) >= 30


def test_faster_thermal_camera_leaves_rgb_the_pace() -> None:
    outputs, synchronizer = run(camera('rgb', 10) + camera('thermal', 60, phase=0.003))
    assert synchronizer.counters.pairs == 40
    assert all(output.pair.rgb is not None for output in outputs if output.time < 4)
    assert synchronizer.counters.unpaired_thermal >= 190


def test_silent_thermal_camera_is_not_waited_for_and_taken_back() -> None:
    """A shutter calibration: 1.5 s without thermal frames."""
    thermal = [event for event in camera('thermal', 30, 5, 0.004)
               if not 2 < event.arrival < 3.5]
    outputs, synchronizer = run(camera('rgb', 30, 5) + thermal)
    alone = [output for output in outputs if output.pair.thermal is None]
    assert len(outputs) == 150
    assert synchronizer.counters.pairs + synchronizer.counters.rgb_only == 150
    assert all(START + 1.99 < pair.stamp < START + 3.51 for _, pair in alone)
    # Once the silence is known, frames pass at once.
    delays = [time - (pair.stamp - START) for time, pair in alone if pair.stamp > START + 2.35]
    assert max(delays) < 1e-6


def test_silent_rgb_camera_leaves_thermal_alone_and_comes_back() -> None:
    rgb = [event for event in camera('rgb', 30, 5) if not 2 < event.arrival < 3.5]
    outputs, synchronizer = run(rgb + camera('thermal', 30, 5, 0.004))
    alone = [output.pair for output in outputs if output.pair.rgb is None]
    assert 40 <= len(alone) <= 46
    assert all(START + 2 < pair.stamp < START + 3.51 for pair in alone)
    assert all(pair.thermal == pair.stamp and pair.dt is None for pair in alone)
    assert synchronizer.counters.pairs >= 103


@pytest.mark.parametrize('name', ['rgb', 'thermal'])
def test_one_camera_alone_from_the_start(name: str) -> None:
    outputs, synchronizer = run(camera(name, 30))
    assert len(outputs) == 120
    assert synchronizer.counters.pairs == 0
    delays = [time - (pair.stamp - START) for time, pair in outputs[9:]]
    assert max(delays) < 1e-6


@pytest.mark.parametrize('phase', [0.5, -0.5])
def test_stamps_that_never_match_do_not_silence_the_tracker(phase: float) -> None:
    """Without `thermal_offset` nothing matches at 1 Hz, so RGB goes on alone; with it, all do."""
    events = camera('rgb', 1, 20) + [
        Event(stamp - START, 'thermal', stamp + phase)
        for stamp in (START + i for i in range(20))]
    outputs, synchronizer = run(events)
    assert synchronizer.counters.pairs == 0
    assert sum(output.pair.rgb is not None for output in outputs) >= 19
    _, synchronizer = run(events, thermal_offset=-phase)
    assert synchronizer.counters.pairs == 20


def test_clocks_far_apart_leave_rgb_alone_without_delay() -> None:
    """A thermal camera stamped with its up-time."""
    outputs, _ = run(camera('rgb', 30) + camera('thermal', 30, begin=3.0))
    rgb = [output for output in outputs if output.pair.rgb is not None]
    assert len(rgb) == 120
    assert max(time - (pair.stamp - START) for time, pair in rgb[9:]) < 1e-6
