# SPDX-License-Identifier: Apache-2.0
"""Each parameter of sync, set while the node tracks, changes the next frame."""
from __future__ import annotations

from live_node import PLACE, untried
import pytest
from ros_rig import PERIOD

from rgbt_tracker_ros.ros.diagnostics import values_of

pytestmark = pytest.mark.ros


def test_sync_slop(live):
    def differences() -> list[int]:
        before = len(live.statuses)
        for _ in range(3):
            live.stamp += 0.2
            live.send('rgb', 0.0)
            live.send('thermal', 0.06)
            live.spin(0.05)
        live.stamp += 0.2
        live.status(PLACE)
        return [round(float(values['dt_ms'])) for message in live.statuses[before:]
                if (values := values_of(message, 'target')) and values['dt_ms']]

    assert 60 not in differences()
    live.set(sync__slop=0.1)
    assert 60 in differences()


def test_sync_thermal_offset(live):
    live.set(sync__thermal_offset=-0.4)
    live.stamp += PERIOD
    live.send('rgb', 0.0)
    live.send('thermal', 0.4)
    assert float(live.next_status()['dt_ms']) == pytest.approx(0, abs=0.1)


def test_sync_timeout(live):
    live.set(sync__timeout=10.0)
    since = live.stamp
    live.stamp += PERIOD
    live.send('rgb', 0.0)
    live.spin(0.5)
    assert live.modes(since) == []
    live.set(sync__timeout=0.05)
    assert live.next_status()['mode'] == 'rgb'


def test_sync_queue(live):
    live.set(sync__timeout=10.0)
    since = live.stamp
    for number in range(5):
        live.send('rgb', (number + 1) * PERIOD)
    live.spin(0.3)
    assert live.modes(since) == []
    live.set(sync__queue=2)
    live.send('rgb', 6 * PERIOD)
    live.stamp += 3 * PERIOD
    live.until(lambda: len(live.modes(since)) >= 2, 'frames that a short queue lets go')
    assert set(live.modes(since)) == {'rgb'}
    live.stamp += 3 * PERIOD


def test_sync_unpaired(live):
    def alternate() -> list[str]:
        since = live.stamp
        for _ in range(8):
            live.stamp += 2 * PERIOD
            live.send('rgb', -PERIOD)
            live.send('rgb', 0.0)
            live.send('thermal', 0.0)
            live.spin(0.05)
        live.spin(0.3)
        return live.modes(since)

    assert 'rgb' not in alternate()
    live.set(sync__unpaired='alone')
    assert 'rgb' in alternate()


def test_sync_jump(live):
    def back() -> dict[str, str]:
        live.stamp -= 0.5 + PERIOD
        live.show(PLACE)
        live.spin(0.2)
        live.stamp += 0.5
        live.status(PLACE)
        return values_of(live.statuses[-1], 'frames')

    jumps = int(back()['jumps'])
    live.set(sync__jump=0.2)
    assert int(back()['jumps']) > jumps


def test_every_dynamic_parameter_of_sync_was_tried():
    assert not untried('sync')
