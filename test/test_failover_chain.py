# SPDX-License-Identifier: Apache-2.0
"""Two simulated cameras through synchroniser and preparation: whatever fails, frames go on."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.imaging.synchronizer import Synchronizer
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer

END, TICK = 5.0, 0.01
RGB_RATE = 30.0


@dataclass(frozen=True)
class Outage:
    """A fault of one camera: silent (sends nothing), still (frozen) or black."""

    camera: str
    kind: str
    start: float
    length: float

    def holds(self, time: float) -> bool:
        return self.start <= time < self.start + self.length


@dataclass(frozen=True)
class Output:
    """What came out at the end."""

    time: float
    mode: str
    good: bool


OUTAGES = st.lists(st.builds(
    Outage, st.sampled_from(['rgb', 'thermal']), st.sampled_from(['silent', 'still', 'black']),
    st.floats(0.8, 4.0), st.floats(0.02, 1.5)), max_size=4)
SHUTTERS = [Outage('thermal', 'still', 1.0, 0.6), Outage('thermal', 'silent', 3.0, 1.0)]


def run(outages: list[Outage], thermal_rate: float, unpaired: str, latency: float) -> list[Output]:
    """Return what comes out of two cameras of which the thermal one is late by `latency`."""
    chosen = Settings.from_flat({'sync.unpaired': unpaired})
    synchronizer: Synchronizer[str, str] = Synchronizer(chosen.sync)
    prepare = PairPreparer(chosen)
    arrivals = sorted(
        (stamp + late, camera, stamp)
        for camera, rate, late in (('rgb', RGB_RATE, 0.0), ('thermal', thermal_rate, latency))
        for stamp in (np.arange(1, END * rate) / rate).tolist())
    outputs: list[Output] = []
    last = {'rgb': 0, 'thermal': 0}
    waiting = iter(arrivals)
    arrival = next(waiting, None)
    for now in np.arange(0, END, TICK).tolist():
        while arrival is not None and arrival[0] <= now:
            _, camera, stamp = arrival
            kinds = {item.kind for item in outages
                     if item.camera == camera and item.holds(stamp)}
            if 'silent' not in kinds:
                if 'still' not in kinds:
                    last[camera] += 1
                name = 'black' if 'black' in kinds else str(last[camera])
                add = synchronizer.add_rgb if camera == 'rgb' else synchronizer.add_thermal
                add(100 + stamp, name)
            arrival = next(waiting, None)
        for pair in synchronizer.poll(now):
            prepared = prepare(_pixels(pair.rgb, (12, 16, 3)), _pixels(pair.thermal, (12, 16)),
                               pair.stamp)
            outputs.append(Output(now, prepared.pair.mode if prepared.pair else 'none',
                                  prepared.rgb.fit or prepared.thermal.fit))
    return outputs


def _pixels(name: str | None, shape: tuple[int, ...]) -> np.ndarray | None:
    if name is None:
        return None
    if name == 'black':
        return np.zeros(shape, np.uint8)
    return np.random.default_rng(int(name)).integers(20, 200, shape, np.uint8)


@settings(max_examples=40, deadline=None)
@given(OUTAGES, st.sampled_from([9.0, 30.0]), st.sampled_from(['drop', 'alone']),
       st.floats(0.0, 0.1))
@example(SHUTTERS, 9.0, 'drop', 0.05)
@example([Outage('rgb', 'silent', 1, 1), Outage('thermal', 'silent', 1, 1)], 30.0, 'drop', 0.0)
def test_frames_go_on_and_the_mode_changes_only_with_faults(
        outages: list[Outage], thermal_rate: float, unpaired: str, latency: float) -> None:
    outputs = run(outages, thermal_rate, unpaired, latency)
    assert all((output.mode == 'none') != output.good for output in outputs)
    sync = Settings().sync
    longest = sync.timeout + 2 / thermal_rate + latency + 3 * TICK
    for before, after in pairwise(outputs):
        both = [item for item in outages if item.kind == 'silent'
                and item.start - longest < after.time and before.time < item.start + item.length]
        if {item.camera for item in both} != {'rgb', 'thermal'}:
            assert after.time - before.time <= longest, 'one camera keeps the frames coming'
    modes = [output.mode for output in outputs]
    changes = sum(before != after for before, after in pairwise(modes))
    if unpaired == 'drop' or thermal_rate == RGB_RATE:
        assert changes <= 4 * len(outages) + 2
    quiet = max((item.start + item.length for item in outages), default=0.0) + 1.0
    settled = [output.mode for output in outputs if output.time > quiet]
    if unpaired == 'drop' or thermal_rate == RGB_RATE:
        assert set(settled) <= {'rgbt'}
    else:
        assert set(settled) <= {'rgbt', 'rgb'}


@pytest.mark.parametrize('thermal_rate', [9.0, 30.0])
def test_a_shutter_costs_two_changes(thermal_rate: float) -> None:
    for shutter in SHUTTERS:
        modes = [output.mode for output in run([shutter], thermal_rate, 'drop', 0.03)]
        kept = [mode for mode, after in pairwise([*modes, '']) if mode != after]
        assert kept == ['rgbt', 'rgb', 'rgbt'] or kept == ['rgb', 'rgbt', 'rgb', 'rgbt'], kept
