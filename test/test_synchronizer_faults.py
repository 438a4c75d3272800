# SPDX-License-Identifier: Apache-2.0
"""The pair synchroniser under bad stamps, jumps, full queues and new settings."""
from __future__ import annotations

from dataclasses import asdict
import math
import weakref

from frame_feed import START, Event, camera, feed, run, sync_settings
import pytest

from rgbt_tracker_ros.imaging.synchronizer import Pair, Synchronizer
from rgbt_tracker_ros.settings import SyncSettings


@pytest.mark.parametrize('rates', [(30, 30), (30, 9), (9, 30)])
@pytest.mark.parametrize('delays', [(0, 0), (0, 0.15), (0.15, 0)])
def test_a_bag_loop_gives_as_many_pairs_again(
        rates: tuple[float, float], delays: tuple[float, float]) -> None:
    synchronizer: Synchronizer[float, float] = Synchronizer(SyncSettings())
    events: list[Event] = []
    for again in range(3):
        events += camera('rgb', rates[0], 5, 0, delays[0], arrival=again * 5.5)
        events += camera('thermal', rates[1], 5, 0.004, delays[1], arrival=again * 5.5)
    outputs = feed(synchronizer, events)
    passes = [sum(output.pair.dt is not None and again * 5.5 <= output.time < (again + 1) * 5.5
                  for output in outputs) for again in range(3)]
    assert passes[0] >= 0.95 * 5 * min(rates)
    assert passes[1:] == passes[:1] * 2
    assert synchronizer.counters.jumps == 2


def test_a_bag_loop_without_pause_loses_only_what_was_under_way() -> None:
    events = [event for again in range(2)
              for event in camera('rgb', 30, 5, arrival=again * 5.0)
              + camera('thermal', 30, 5, 0.004, 0.15, arrival=again * 5.0)]
    _, synchronizer = run(events)
    assert synchronizer.counters.pairs >= 300 - 6
    assert synchronizer.counters.jumps == 1


def test_a_bag_loop_is_counted_once_however_late_the_other_camera_follows() -> None:
    events = [event for again in range(2)
              for event in camera('rgb', 30, 5, arrival=again * 5.0)
              + camera('thermal', 30, 5, 0.004, 0.5, arrival=again * 5.0)]
    _, synchronizer = run(events, timeout=0.2)
    assert synchronizer.counters.jumps == 1
    _, synchronizer = run(events, timeout=0.6)
    assert synchronizer.counters.jumps == 1
    assert synchronizer.counters.pairs >= 300 - 17


@pytest.mark.parametrize('name', ['rgb', 'thermal'])
@pytest.mark.parametrize('error', [-7.0, 7.0, 1e9])
def test_one_wrong_stamp_costs_a_few_frames(name: str, error: float) -> None:
    events = camera('rgb', 30) + camera('thermal', 30, phase=0.004)
    wrong = [event._replace(stamp=event.stamp + error)
             if event.camera == name and 1.99 < event.arrival < 2.01 else event
             for event in events]
    assert wrong != events
    outputs, synchronizer = run(wrong)
    assert synchronizer.counters.pairs >= 114
    assert outputs[-1].pair.dt is not None


@pytest.mark.parametrize('back', [0.12, 0.5, 0.99])
def test_a_clock_set_back_a_little_costs_two_frames_of_each_camera(back: float) -> None:
    events = [event._replace(stamp=event.stamp - back * (event.arrival > 1.99))
              for event in camera('rgb', 30) + camera('thermal', 30, phase=0.004)]
    outputs, synchronizer = run(events)
    assert synchronizer.counters.pairs == 118
    assert synchronizer.counters.jumps == 1
    assert synchronizer.counters.backward == 4
    assert outputs[-1].pair.dt is not None


def test_single_late_frames_start_nothing_anew() -> None:
    events = camera('rgb', 30) + camera('thermal', 30, phase=0.004)
    late = [event._replace(arrival=event.arrival + 0.05 * (round(event.stamp * 30) % 10 == 3))
            for event in events]
    _, synchronizer = run(late)
    assert synchronizer.counters.jumps == 0
    assert synchronizer.counters.pairs >= 106


@pytest.mark.parametrize(('rate', 'delay'), [(2, 0.0), (3, 0.15), (5, 0.15)])
def test_a_camera_slower_than_the_timeout_is_not_silent(rate: float, delay: float) -> None:
    _, synchronizer = run(camera('rgb', 30, 10) + camera('thermal', rate, 10, 0.004, delay))
    # The first ones are lost until the period is known.
    assert synchronizer.counters.pairs >= 10 * rate - 4


def test_an_exception_of_the_consumer_harms_nothing() -> None:
    synchronizer: Synchronizer[float, float] = Synchronizer(SyncSettings())
    events = sorted(camera('rgb', 30) + camera('thermal', 30, delay=0.15))
    seen, raised = [], 0
    for event in events:
        add = synchronizer.add_rgb if event.camera == 'rgb' else synchronizer.add_thermal
        add(event.stamp, event.stamp)
        try:
            for pair in synchronizer.poll(event.arrival):
                seen.append(pair.rgb)
                if len(seen) % 3 == 0:
                    raise RuntimeError('consumer')
        except RuntimeError:
            raised += 1
    assert raised == 40
    assert seen == [event.stamp for event in camera('rgb', 30)]


def test_what_the_consumer_left_comes_with_the_next_poll() -> None:
    synchronizer: Synchronizer[int, int] = Synchronizer(SyncSettings())
    for i in range(1, 4):
        synchronizer.add_rgb(i, i)
        synchronizer.add_thermal(i, i)
    assert next(synchronizer.poll(0.0)).rgb == 1
    assert [pair.rgb for pair in synchronizer.poll(0.0)] == [2, 3]


def test_a_consumer_may_add_frames() -> None:
    synchronizer: Synchronizer[int, int] = Synchronizer(SyncSettings())
    synchronizer.add_rgb(1, 1)
    synchronizer.add_thermal(1, 1)
    stamps = []
    for pair in synchronizer.poll(0.0):
        stamps.append(pair.stamp)
        if pair.stamp < 5:
            synchronizer.add_rgb(pair.stamp + 1, 0)
            synchronizer.add_thermal(pair.stamp + 1, 0)
    assert stamps == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(('stamp', 'counter'), [
    (0.0, 'bad_stamps'), (-1.0, 'bad_stamps'), (math.nan, 'bad_stamps'), (math.inf, 'bad_stamps'),
    (10.0, 'duplicates'), (9.9, 'backward'), (9.0, 'backward')])
@pytest.mark.parametrize('name', ['add_rgb', 'add_thermal'])
def test_bad_stamps_are_refused_and_counted(name: str, stamp: float, counter: str) -> None:
    synchronizer: Synchronizer[str, str] = Synchronizer(SyncSettings())
    add = getattr(synchronizer, name)
    assert add(10.0, 'good')
    assert not add(stamp, 'bad')
    counted = {name: value for name, value in asdict(synchronizer.counters).items() if value}
    assert counted == {counter: 1}


def test_a_full_queue_lets_rgb_go_on_alone() -> None:
    """The thermal latency does not fit into two frames: results come all the same."""
    outputs, synchronizer = run(
        camera('rgb', 30) + camera('thermal', 30, delay=0.15), queue=2)
    assert sum(output.pair.rgb is not None for output in outputs) == 120
    assert synchronizer.counters.late > 100


@pytest.mark.parametrize('poll', [True, False])
def test_memory_is_bounded(poll: bool) -> None:
    class Image:
        pass

    synchronizer: Synchronizer[Image, Image] = Synchronizer(sync_settings(queue=20, timeout=10.0))
    images: list[weakref.ref[Image]] = []
    for i in range(2000):
        image = Image()
        images.append(weakref.ref(image))
        # Stamps a second apart never match.
        if i % 2:
            synchronizer.add_rgb(START + i, image)
        else:
            synchronizer.add_thermal(START + 0.5 + 1e3 + i, image)
        del image
        if poll:
            list(synchronizer.poll(i * 1e-3))
        assert sum(ref() is not None for ref in images[-100:]) <= 43
    assert sum(ref() is not None for ref in images) <= 43


def test_settings_change_live() -> None:
    synchronizer: Synchronizer[float, float] = Synchronizer(sync_settings(slop=0.01))
    events = camera('rgb', 10, 3) + camera('thermal', 10, 3, 0.04)
    feed(synchronizer, events, flush=0)
    assert synchronizer.counters.pairs == 0
    synchronizer.configure(sync_settings(slop=0.01, thermal_offset=-0.04))
    feed(synchronizer, [event._replace(arrival=event.arrival + 3, stamp=event.stamp + 3)
                        for event in events])
    assert synchronizer.counters.pairs >= 29
    assert synchronizer.max_dt == pytest.approx(0, abs=1e-6)


def test_a_new_offset_also_moves_what_waits() -> None:
    synchronizer: Synchronizer[str, str] = Synchronizer(SyncSettings())
    synchronizer.add_thermal(10.2, 'thermal')
    synchronizer.configure(sync_settings(thermal_offset=-0.2))
    synchronizer.add_rgb(10.0, 'rgb')
    [pair] = synchronizer.poll(0.0)
    assert (pair.rgb, pair.thermal) == ('rgb', 'thermal')


def test_a_clock_that_goes_back_starts_waiting_anew() -> None:
    """Simulated time restarts together with the bag."""
    synchronizer: Synchronizer[float, float] = Synchronizer(SyncSettings())
    events = camera('rgb', 30, 2) + camera('thermal', 30, 2, 0.004)
    first = feed(synchronizer, events, flush=0.0)
    second = feed(synchronizer, events, flush=0.0)
    assert len(first) == len(second) == 60
    assert synchronizer.counters.pairs == 120


def test_what_waits_does_so_anew_when_the_clock_goes_back() -> None:
    synchronizer: Synchronizer[str, str] = Synchronizer(SyncSettings())
    synchronizer.add_rgb(10.0, 'rgb')
    assert list(synchronizer.poll(100.0)) == []
    outputs = []
    for i in range(4):
        synchronizer.add_thermal(9.5 + i / 10, 'too early')
        outputs.append(list(synchronizer.poll(i / 10)))
    assert outputs[:3] == [[], [], []]
    assert outputs[3][-1] == Pair('rgb', None, 10.0, None)


def test_a_new_offset_cannot_bring_outputs_out_of_order() -> None:
    synchronizer: Synchronizer[str, str] = Synchronizer(SyncSettings())
    assert list(synchronizer.poll(0.0)) == []
    synchronizer.add_rgb(10.0, 'rgb')
    synchronizer.add_thermal(10.2, 'thermal')
    assert list(synchronizer.poll(1.0)) == [Pair('rgb', None, 10.0, None)]
    synchronizer.configure(sync_settings(thermal_offset=-0.5))
    assert list(synchronizer.poll(2.0)) == []
    assert synchronizer.counters.unpaired_thermal == 1


def test_reset_forgets_frames_and_keeps_counters() -> None:
    _, synchronizer = run(camera('rgb', 30) + camera('thermal', 30))
    synchronizer.reset()
    assert synchronizer.counters.pairs == 120
    assert len(feed(synchronizer, camera('rgb', 30, begin=1.0) + camera('thermal', 30, begin=1.0))
               ) == 120
