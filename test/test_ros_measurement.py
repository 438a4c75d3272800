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
from rgbt_tracker_ros.ros.overhead.measurement import measure, turns
from rgbt_tracker_ros.ros.overhead.summary import INSIDE, TRANSPORT_OUT

pytestmark = pytest.mark.ros


@pytest.fixture(scope='module')
def model(tmp_path_factory: Any) -> Any:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


def test_the_node_is_measured_beside_one_that_does_nothing(model):
    found = measure(str(model), seconds=1.0, rounds=1, rate=20.0, rgb_size=(320, 240),
                    thermal_size=(160, 128))
    for name in ('plain', 'idle', 'network'):
        node = found[name]
        assert 5 <= node['frames'] <= node['frames_sent'] <= 22
        assert 0 < node['pairs_per_s'] < 25
        assert node['cpu_percent'] > 0 < node['memory_mib']
        row = node['overhead_ms']
        assert 0 < row['p50'] <= row['p95'] <= row['p99'] < math.inf
    assert found['plain']['split_ms'] == {}
    for name in ('idle', 'network'):
        node = found[name]
        split = {part: row['mean'] for part, row in node['split_ms'].items()}
        assert sum(split[part] for part in (*INSIDE, TRANSPORT_OUT)) == pytest.approx(
            node['latency_ms']['mean'], abs=0.01)
        assert split['normalize_ms'] <= split['prepare_ms']
        assert split['crop_ms'] + split['backend_ms'] <= split['follow_ms']
    assert found['network']['latency_ms']['p50'] > found['network']['overhead_ms']['p50']
    assert found['overhead_ratio']['p50'] > 0
    for service in ('get_parameters', 'set_parameters'):
        assert 0 < found['parameter_answers_ms'][service]['max'] < math.inf
    assert turns(2) == 7


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
    assert count - 2 <= len(rows) + int(rows[-1]['dropped_frames']) <= count
    np.testing.assert_array_less(0, np.diff([float(row['stamp']) for row in rows]))
    last = rows[-1]
    assert (last['state'], last['mode'], last['thermal_camera']) == ('tracking', 'rgbt', 'ok')
    assert float(last['x']) == pytest.approx(60 + 3 * (count - 1), abs=4)
    assert float(last['latency_ms']) > float(last['backend_ms']) > 0
    assert int(last['pairs']) == count
