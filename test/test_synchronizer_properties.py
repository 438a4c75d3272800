# SPDX-License-Identifier: Apache-2.0
"""What holds of the pair synchroniser for any input."""
from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rgbt_tracker_ros.benchmark.sync_scenarios import Frame, best_matches
from rgbt_tracker_ros.imaging.synchronizer import Pair, Synchronizer
from rgbt_tracker_ros.settings import Settings

Stamped = tuple[str, float]

milliseconds = st.integers(1, 400).map(lambda value: value / 1000)
policies = st.sampled_from(['drop', 'alone'])
odd_stamps = st.one_of(st.floats(0, 20), st.sampled_from([0.0, -1.0, float('nan'), float('inf')]))


def make(**values: Any) -> Synchronizer[Stamped, Stamped]:
    return Synchronizer(Settings.from_flat(
        {f'sync.{name}': value for name, value in values.items()}).sync)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[float, str, float]]:
    """Draw arrival, camera and stamp of frames with jitter, drops, delays and wild stamps."""
    events = []
    for camera in ('rgb', 'thermal'):
        period, delay = draw(st.floats(0.01, 0.2)), draw(st.floats(0, 0.3))
        for i in range(draw(st.integers(0, 40))):
            kind = draw(st.integers(0, 30))
            if kind == 0:
                continue
            stamp = draw(odd_stamps) if kind == 1 else \
                5 + (i + draw(st.floats(-0.6, 0.6))) * period
            events.append((i * period + delay + draw(st.floats(0, 0.1)), camera, stamp))
    return sorted(events, key=lambda event: event[0])


def feed(synchronizer: Synchronizer[Stamped, Stamped],
         events: list[tuple[float, str, float]]) -> list[Pair[Stamped, Stamped]]:
    outputs = []
    for number, (arrival, camera, stamp) in enumerate(events):
        add = synchronizer.add_rgb if camera == 'rgb' else synchronizer.add_thermal
        add(stamp, (f'{camera}{number}', stamp))
        outputs += synchronizer.poll(arrival)
    end = events[-1][0] if events else 0.0
    for i in range(1, 200):
        outputs += synchronizer.poll(end + i * 0.1)
    return outputs


@settings(max_examples=150)
@given(streams(), milliseconds, st.floats(0.02, 2), st.floats(-0.2, 0.2), st.integers(2, 60),
       policies)
def test_invariants(events: list[tuple[float, str, float]], slop: float, timeout: float,
                    offset: float, queue: int, unpaired: str) -> None:
    synchronizer = make(slop=slop, timeout=timeout, thermal_offset=offset, queue=queue,
                        unpaired=unpaired)
    outputs = feed(synchronizer, events)
    counters = synchronizer.counters

    used = [frame[0] for pair in outputs for frame in (pair.rgb, pair.thermal) if frame]
    assert len(used) == len(set(used)), 'a frame was used twice'

    for pair in outputs:
        if pair.rgb and pair.thermal:
            assert pair.dt == pair.thermal[1] + offset - pair.rgb[1]
            assert abs(pair.dt) <= slop
            assert pair.stamp == pair.rgb[1]
        else:
            assert pair.dt is None
            assert pair.stamp == (pair.rgb[1] if pair.rgb else pair.thermal[1] + offset)

    back = sum(after.stamp <= before.stamp
               for before, after in pairwise(outputs))
    assert back <= counters.jumps, 'outputs went back without a jump'

    counted = asdict(counters)
    jumps, pairs = counted.pop('jumps'), counted.pop('pairs')
    assert jumps >= 0
    assert 2 * pairs + sum(counted.values()) == len(events), 'a frame is not accounted for'
    assert counters.pairs + counters.rgb_only + counters.thermal_only == len(outputs)


@st.composite
def steady(draw: st.DrawFn) -> list[float]:
    """Draw stamps of a camera with little jitter and some dropped frames.

    Up to 0.1 ms that never repeats is added to each, so that hardly ever two gaps are equal.
    """
    period = draw(st.sampled_from([1 / 60, 1 / 30, 1 / 25, 1 / 9]))
    salt = draw(st.floats(1, 2, exclude_min=True))
    phase = draw(st.floats(0, 0.1))
    drops = draw(st.sets(st.integers(0, 40), max_size=8))
    return [5 + phase + (i + draw(st.integers(-20, 20)) / 1000) * period
            + 1e-4 * (i * salt * 2 ** 0.5 % 1)
            for i in range(round(1.5 / period)) if i not in drops]


@settings(max_examples=60)
@given(steady(), steady(), st.floats(0, 0.25), st.floats(0, 0.25),
       st.sampled_from([0.005, 0.02, 0.04, 0.1]), policies)
def test_pairs_are_the_nearest_whatever_the_latencies(
        rgb: list[float], thermal: list[float], rgb_delay: float, thermal_delay: float,
        slop: float, unpaired: str) -> None:
    gaps = sorted(abs(t - r) for r in rgb for t in thermal)
    # Which of two equally near frames is taken is left open.
    assume(all(after - before > 1e-12 for before, after in pairwise(gaps)))
    synchronizer = make(slop=slop, timeout=5.0, queue=200, unpaired=unpaired)
    events = sorted([(stamp - 5 + rgb_delay, 'rgb', stamp) for stamp in rgb]
                    + [(stamp - 5 + thermal_delay, 'thermal', stamp) for stamp in thermal])
    outputs = feed(synchronizer, events)
    pairs = [(pair.rgb[1], pair.thermal[1]) for pair in outputs if pair.rgb and pair.thermal]
    best = best_matches([Frame(arrival, camera, stamp, stamp, 0)
                         for arrival, camera, stamp in events], slop)
    assert pairs == [(match.rgb.stamp, match.thermal.stamp) for match in best]


@settings(max_examples=60)
@given(streams(), policies)
def test_the_next_good_frames_are_paired_whatever_came_before(
        events: list[tuple[float, str, float]], unpaired: str) -> None:
    synchronizer = make(unpaired=unpaired)
    feed(synchronizer, events)
    before = synchronizer.counters.pairs
    begin = 60.0
    feed(synchronizer, [(begin + i / 30 + 0.004 * (camera == 'thermal'), camera, 50 + i / 30)
                        for i in range(30) for camera in ('rgb', 'thermal')])
    assert synchronizer.counters.pairs - before >= 25


@settings(max_examples=60)
@given(steady(), steady(), st.floats(0.1, 60), st.floats(0, 0.15), st.floats(0, 0.15))
def test_a_clock_set_back_by_any_amount_costs_a_few_frames(
        rgb: list[float], thermal: list[float], back: float, rgb_delay: float,
        thermal_delay: float) -> None:
    """A bag that loops, or a clock that is corrected."""
    streams = (('rgb', rgb, rgb_delay), ('thermal', thermal, thermal_delay))
    events = {again: [(taken + 2 * again + delay, camera, 100 + taken + (2 - back) * again)
                      for camera, stamps, delay in streams for taken in stamps]
              for again in range(2)}
    outputs = feed(make(timeout=1.0), sorted(events[0] + events[1]))
    begin = min(stamp for _, _, stamp in events[1]) + 0.8
    best = best_matches([Frame(arrival, camera, stamp, stamp, 0)
                         for arrival, camera, stamp in events[1]], 0.04)
    second = {stamp for _, camera, stamp in events[1] if camera == 'rgb'}
    pairs = [pair.stamp for pair in outputs if pair.dt is not None and pair.stamp in second]
    expected = [match.rgb.stamp for match in best if match.rgb.stamp > begin]
    assert sum(stamp > begin for stamp in pairs) >= len(expected) - 1


@settings(max_examples=100)
@given(streams(), st.floats(0.02, 2), policies)
def test_no_rgb_frame_is_held_back_for_longer_than_the_timeout(
        events: list[tuple[float, str, float]], timeout: float, unpaired: str) -> None:
    synchronizer = make(timeout=timeout, unpaired=unpaired)
    came: dict[float, float] = {}
    waits: list[float] = []
    pending = sorted([*events, *((0.01 * i, '', 0.0) for i in range(800))],
                     key=lambda event: event[0])
    for arrival, camera, stamp in pending:
        if camera == 'rgb' and synchronizer.add_rgb(stamp, ('rgb', stamp)):
            came[stamp] = arrival
        elif camera == 'thermal':
            synchronizer.add_thermal(stamp, ('thermal', stamp))
        waits += [arrival - came[pair.rgb[1]] for pair in synchronizer.poll(arrival) if pair.rgb]
    assert max(waits, default=0.0) <= timeout + 0.011
