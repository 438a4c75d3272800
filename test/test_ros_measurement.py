# SPDX-License-Identifier: Apache-2.0
"""Player, tracker and recorder together: what is measured, and what is written down."""
from __future__ import annotations

import csv
import math
from typing import Any

import cv2
from mock_model import write_bundle
import numpy as np
import pytest
from ros_rig import SIDE, Rig, Scene

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.ros.frame_log import COLUMNS
from rgbt_tracker_ros.ros.latency import measure

pytestmark = pytest.mark.ros


@pytest.fixture(scope='module')
def model(tmp_path_factory: Any) -> Any:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


def test_the_whole_node_is_measured(model):
    found = measure(str(model), seconds=1.0, rate=20.0, size=(320, 240))
    assert found['frames_tracked'] + found['frames_dropped'] >= 10
    for name in ('latency_ms', 'backend_ms', 'overhead_ms'):
        row = found[name]
        assert row['p50'] <= row['p95'] <= row['p99']
        assert all(map(math.isfinite, row.values()))
    assert found['latency_ms']['p50'] > found['backend_ms']['p50'] > 0
    assert 0 < found['pairs_per_s'] < 25


def test_a_model_that_does_not_exist_cannot_be_measured():
    with pytest.raises(ModelError, match="model 'no_such' not found"):
        measure('no_such', seconds=0.5)


def test_the_recorder_writes_a_line_per_frame_and_ends_by_itself(model, tmp_path):
    scene, count = Scene(), 12
    for camera in ('rgb', 'thermal'):
        (tmp_path / camera).mkdir()
        for number in range(count):
            image = scene.rgb(60 + 3 * number) if camera == 'rgb' \
                else scene.thermal(60 + 3 * number)
            cv2.imwrite(str(tmp_path / camera / f'{number}.png'), image)
    with Rig() as rig:
        recorder = rig.start('recorder_node', output=tmp_path / 'out', quiet=0.5)
        rig.start('tracker_node', model__name=model, initial_box=[60, 100, SIDE, SIDE])
        rig.start('player_node', rgb=tmp_path / 'rgb', thermal=tmp_path / 'thermal',
                  rgb_rate=20.0, thermal_rate=20.0)
        assert recorder.wait(30) == 0
    with (tmp_path / 'out' / 'boxes.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert count - 2 <= len(rows) <= count
    np.testing.assert_array_less(0, np.diff([float(row['stamp']) for row in rows]))
    last = rows[-1]
    assert (last['state'], last['mode'], last['thermal_camera']) == ('tracking', 'rgbt', 'ok')
    assert float(last['x']) == pytest.approx(60 + 3 * (count - 1), abs=4)
    assert float(last['latency_ms']) > float(last['backend_ms']) > 0
    assert int(last['pairs']) == count
