# SPDX-License-Identifier: Apache-2.0
"""How the tracker node starts and ends, and what a broken model does to it."""
from __future__ import annotations

import subprocess
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from mock_model import write_bundle
import pytest
from ros_rig import PERIOD, SIDE, TrackerRig
from sensor_msgs.msg import CompressedImage

from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.processes import ros_environment, start_node

pytestmark = pytest.mark.ros


def state(rig: TrackerRig) -> str:
    return str(rig.call(GetState, f'{rig.name}/get_state', GetState.Request()).current_state.label)


def report(rig: TrackerRig, words: str) -> str:
    diagnostics = rig.listen(DiagnosticArray, '/diagnostics')
    return str(rig.until(lambda: [
        part.message for message in diagnostics for part in message.status
        if words in part.message], f'report of {words!r}')[0])


@pytest.mark.parametrize(('parameters', 'words'), [
    ({'model__name': 'no_such_model'}, "cannot configure: model 'no_such_model' not found"),
    ({'sync__slop': 9.0}, 'Parameter sync.slop out of range'),
    ({'registration__homography': [0.0] * 9}, 'registration.homography'),
], ids=['model', 'range', 'homography'])
def test_a_node_that_cannot_be_configured_stays_up_and_says_why(parameters, words):
    with TrackerRig('/broken') as rig:
        process = rig.start('tracker_node', '/broken', **parameters)
        assert words in report(rig, words)
        assert state(rig) == 'unconfigured'
        process.send_signal(2)
        assert process.wait(10) == 0


def test_a_model_that_gives_nan_is_reported_and_the_node_goes_on(tmp_path: Any):
    with TrackerRig('/robot_1') as rig:
        rig.start('tracker_node', '/robot_1', model__name=write_bundle(tmp_path / 'nan', nan=True))
        rig.connect()
        rig.status(60)
        rig.init_box(60)
        statuses = [rig.status(60 + 2 * number) for number in range(4)]
        assert any('NaN' in values['error'] or 'finite' in values['error'] for values in statuses)
        assert all(values['state'] in ('tracking', 'lost') for values in statuses)
        assert values_of(rig.statuses[-1], 'target')['last_error']


def test_without_autostart_nothing_is_loaded():
    with TrackerRig('/waiting') as rig:
        rig.start('tracker_node', '/waiting', autostart=False)
        assert report(rig, 'unconfigured') == 'unconfigured'
        assert state(rig) == 'unconfigured'


@pytest.mark.parametrize('moment', ['loading the model', 'is loaded'])
def test_ctrl_c_while_the_node_starts_leaves_no_traceback(tmp_path: Any, moment: str):
    process = start_node(
        'tracker_node', {'model.name': write_bundle(tmp_path / 'mock')}, ros_environment(),
        stderr=subprocess.PIPE)
    assert any(moment in line for line in process.stderr)
    process.send_signal(2)
    process.send_signal(2)
    words = process.communicate(timeout=10)[1]
    assert process.returncode == 0
    assert 'Traceback' not in words


def test_arguments_that_ros_cannot_read_end_the_node_with_status_2():
    process = start_node('tracker_node', {}, ros_environment(), {'no such name': 'x y'},
                         stderr=subprocess.PIPE)
    words = process.communicate(timeout=20)[1]
    assert process.returncode == 2
    assert 'TrackerNode cannot run: ' in words
    assert 'Traceback' not in words


def test_compressed_images_are_tracked_and_bad_ones_reported(tmp_path: Any):
    with TrackerRig('/robot_2') as rig:
        rig.start('tracker_node', '/robot_2', model__name=write_bundle(tmp_path / 'mock'),
                  image_transport='compressed')
        topics = {camera: rig.publisher(
            CompressedImage, f'/robot_2/{camera}/image_raw/compressed')
            for camera in ('rgb', 'thermal')}

        def show(x: float, cut: int | None = None) -> dict[str, str]:
            rig.stamp += PERIOD
            for camera, pixels, suffix in (
                    ('rgb', rig.scene.rgb(x)[:, :, ::-1], '.jpg'),
                    ('thermal', rig.scene.thermal(x), '.png')):
                data = cv2.imencode(suffix, pixels)[1].tobytes()
                topics[camera].publish(CompressedImage(
                    header=rig.header(), format=suffix,
                    data=data[:cut] if camera == 'rgb' else data))
            return rig.next_status()

        rig.spin(0.5)
        show(60)
        assert rig.init_box(60)['accepted'] == 'True'
        statuses = [show(60 + 2 * number) for number in range(4)]
        assert (statuses[-1]['state'], statuses[-1]['mode']) == ('tracking', 'rgbt')
        assert rig.detection().header == rig.header()
        broken = show(68, cut=1000)
        assert 'is cut off' in broken['error']
        assert (broken['state'], broken['mode']) == ('tracking', 'thermal')


def test_thermal_alone_is_tracked_under_its_own_header(tmp_path: Any):
    with TrackerRig('/robot_3') as rig:
        rig.start('tracker_node', '/robot_3', model__name=write_bundle(tmp_path / 'mock'),
                  initial_box=[60, 100, SIDE, SIDE], sync__timeout=0.1)
        for number in range(30):
            rig.show(60 + number, rgb=None)
            rig.spin(0.06)
        message = rig.until(lambda: [item for item in rig.detections if item.detections],
                            'detections')[-1]
        assert message.header.frame_id == 'camera_optical'
        status = values_of(rig.statuses[-1], 'target')
        assert (status['state'], status['mode']) == ('tracking', 'thermal')
        assert rig.statuses[-1].status[1].message == 'rgb: no image yet'


def test_quality_of_service_can_be_overridden(tmp_path: Any):
    with TrackerRig('/robot_4') as rig:
        override = {'qos_overrides./robot_4/rgb/image_raw.subscription.reliability': 'reliable'}
        rig.start('tracker_node', '/robot_4', model__name=write_bundle(tmp_path / 'mock'),
                  **override)
        found = rig.until(
            lambda: rig.node.get_subscriptions_info_by_topic('/robot_4/rgb/image_raw'),
            'subscription')
        assert found[0].qos_profile.reliability.name == 'RELIABLE'
