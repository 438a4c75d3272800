# SPDX-License-Identifier: Apache-2.0
"""Each parameter of thermal, set while the node tracks, changes the next frame."""
from __future__ import annotations

from live_node import PLACE, untried
import pytest
from ros_rig import SIDE

from rgbt_tracker_ros.pipeline.conversion import rgb_image

pytestmark = pytest.mark.ros


RANGE = {'thermal__normalization': 'range', 'thermal__max': 8000.0, 'thermal__min': 7000.0}
CELSIUS = {'thermal__normalization': 'range', 'thermal__unit': 'celsius',
           'thermal__min': -203.15, 'thermal__max': -193.15}


def test_thermal_normalization(live):
    ground, target, _ = live.glow()
    live.set(thermal__normalization='range')     # 0 to 65535: hardly any contrast
    after, shown, _ = live.glow()
    assert shown - after < target - ground - 50
    live.set(thermal__normalization='none')
    assert live.status(PLACE)['mode'] == 'rgb'


@pytest.mark.parametrize(('before', 'change', 'darker'), [
    (RANGE, {'thermal__min': 6000.0}, False),
    (RANGE, {'thermal__max': 12000.0}, True),
    (RANGE, {'thermal__unit': 'celsius'}, True),
    (CELSIUS, {'thermal__scale': 0.02}, False),
    (CELSIUS, {'thermal__offset': 0.0}, False),
    ({'thermal__smoothing': 0.0}, {'thermal__low_percentile': 49.0}, True),
    ({'thermal__smoothing': 0.0, 'thermal__low_percentile': 0.0},
     {'thermal__high_percentile': 60.0}, False),
], ids=lambda value: next(iter(value)) if isinstance(value, dict) else '')
def test_thermal_range(live, before, change, darker):
    live.set(**before)
    ground = live.glow()[0]
    live.set(**change)
    after = live.glow()[0]
    assert after < ground - 4 if darker else after > ground + 4


def test_thermal_smoothing(live):
    live.set(thermal__smoothing=0.0)
    steady = live.glow()[0]
    live.set(thermal__smoothing=0.99)
    shifted = live.raw(120)[0] - steady
    assert shifted > 4
    live.set(thermal__smoothing=0.0)
    assert abs(live.raw(120)[0] - steady) < 0.5 * shifted


def test_thermal_clip_limit(live):
    live.set(thermal__normalization='clahe', thermal__smoothing=0.0, thermal__clip_limit=1.0)
    contrast = live.glow()[2]
    live.set(thermal__clip_limit=40.0)
    assert live.glow()[2] > contrast + 4


def test_thermal_tiles(live):
    # One tile shows the warm right half brighter; many make each half as bright as the other.
    def step() -> float:
        thermal = live.scene.thermal(None)
        thermal[:, PLACE + SIDE // 2:] += 400
        live.status_of(thermal=thermal)
        fused = rgb_image(live.next_message(live.fused))[:30].astype(float)
        return float(fused[:, 90:].mean() - fused[:, :38].mean())

    live.set(thermal__normalization='clahe', thermal__smoothing=0.0, thermal__clip_limit=40.0,
             thermal__tiles=1)
    before = step()
    live.set(thermal__tiles=32)
    assert abs(step()) < 0.5 * before


def test_every_dynamic_parameter_of_thermal_was_tried():
    assert not untried('thermal')
