# SPDX-License-Identifier: Apache-2.0
"""The launch files run for real; collected only where `launch` and `launch_ros` are installed."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from launch_rig import LaunchRig
from lifecycle_msgs.srv import GetState
import pytest
from rcl_interfaces.srv import GetParameters
from ros_rig import SIDE, Scene
from std_srvs.srv import Trigger
from vision_msgs.msg import Detection2DArray
import yaml

pytestmark = pytest.mark.ros


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[LaunchRig]:
    with LaunchRig(tmp_path) as rig:
        yield rig


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two seconds of a target that moves to the right."""
    folder = tmp_path_factory.mktemp('clip')
    scene = Scene()
    for camera in ('rgb', 'thermal'):
        (folder / camera).mkdir()
        lines = []
        for number in range(60):
            lines.append(f'{number / 30:.6f}')
            cv2.imwrite(str(folder / camera / f'{number:03d}.png'),
                        getattr(scene, camera)(100 + number))
        (folder / f'{camera}_stamps.txt').write_text('\n'.join(lines))
    (folder / 'init.txt').write_text(f'100,100,{SIDE},{SIDE}\n')
    return folder


def state(rig: LaunchRig, node: str) -> str:
    return str(rig.call(GetState, f'{node}/get_state', GetState.Request()).current_state.label)


def parameter(rig: LaunchRig, node: str, name: str) -> Any:
    request = GetParameters.Request(names=[name])
    return rig.call(GetParameters, f'{node}/get_parameters', request).values[0]


def boxes(messages: list[Any]) -> list[Any]:
    return [item for message in messages for item in message.detections]


def test_the_tracker_comes_up_under_its_namespace_and_ends_on_ctrl_c(rig):
    process = rig.launch(
        'tracker.launch.py', 'namespace:=robot/front', 'rgb_topic:=/cam/image_raw')
    node = '/robot/front/rgbt_tracker'
    rig.until(lambda: state(rig, node) == 'active', 'active tracker')
    rig.until(lambda: rig.node.count_subscribers('/cam/image_raw'), 'subscription')
    assert rig.node.count_subscribers('/robot/front/thermal/image_raw') == 1
    assert rig.interrupt(process) == 0
    assert 'Traceback' not in rig.output()
    assert 'finished cleanly' in rig.output()


def test_arguments_go_over_the_parameter_file(rig, tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text(yaml.safe_dump({'/**': {'ros__parameters': {
        'autostart': True, 'target': {'lost_frames': 7}, 'model': {'name': 'absent'}}}}))
    rig.launch('tracker.launch.py', f'params_file:={file}', 'autostart:=false',
               'model:=unified_nano', 'use_sim_time:=true', 'log_level:=error')
    node = '/rgbt_tracker'
    rig.until(lambda: state(rig, node) == 'unconfigured', 'tracker')
    assert parameter(rig, node, 'target.lost_frames').integer_value == 7
    assert parameter(rig, node, 'model.name').string_value == 'unified_nano'
    assert parameter(rig, node, 'use_sim_time').bool_value
    rig.spin(1.0)
    assert state(rig, node) == 'unconfigured'
    assert '[rgbt_tracker]' not in rig.output()


def test_a_wrong_argument_ends_the_launch_with_a_word(rig):
    process = rig.launch('tracker.launch.py', 'params_file:=/no/such.yaml')
    assert process.wait(30) == 1
    assert "params_file = '/no/such.yaml' is no file: give" in rig.output()


def test_two_trackers_side_by_side_keep_apart(rig, clip):
    spaces = ('left', 'right')
    answers = {space: rig.listen(Detection2DArray, f'/{space}/rgbt_tracker/detections')
               for space in spaces}
    reports = rig.listen(DiagnosticArray, '/diagnostics')
    for space in spaces:
        rig.launch('demo.launch.py', f'namespace:={space}', f'clip:={clip}', 'loop:=true')
    rig.until(lambda: all(map(boxes, answers.values())), 'boxes from both')
    assert sorted(rig.node_names()) == [
        '/left/player', '/left/rgbt_tracker', '/rig', '/right/player', '/right/rgbt_tracker']
    wanted = {f'{space}/rgbt_tracker: node' for space in spaces}
    rig.until(lambda: wanted <= {item.name for message in reports for item in message.status},
              'diagnostics of both')
    assert rig.call(Trigger, '/left/rgbt_tracker/reset', Trigger.Request()).success
    rig.spin(0.5)
    for messages in answers.values():
        messages.clear()
    rig.until(lambda: boxes(answers['right']), 'boxes of the other')
    assert not boxes(answers['left'])


def test_the_demonstration_ends_by_itself(rig, clip):
    answers = rig.listen(Detection2DArray, '/rgbt_tracker/detections')
    process = rig.launch('demo.launch.py', f'rgb:={clip / "rgb"}', f'thermal:={clip / "thermal"}',
                         f'init:=100,100,{SIDE},{SIDE}')
    rig.until(lambda: process.poll() is not None, 'end of the launch', 60.0)
    assert process.returncode == 0, rig.output()
    assert 'Traceback' not in rig.output()
    assert len(boxes(answers)) > 10
    assert boxes(answers)[-1].bbox.center.position.x > 120


def test_a_recording_that_cannot_be_played_is_reported(rig, clip):
    process = rig.launch('demo.launch.py', 'rgb:=/no/rgb', f'thermal:={clip / "thermal"}',
                         f'init:=100,100,{SIDE},{SIDE}')
    rig.until(lambda: process.poll() is not None, 'end of the launch', 60.0)
    assert process.returncode == 1
    assert '/no/rgb' in rig.output()
    assert 'the player ended with status 2' in rig.output()


def test_a_tracker_that_cannot_work_ends_the_demonstration(rig, clip):
    process = rig.launch('demo.launch.py', f'clip:={clip}', 'namespace:=front', 'model:=absent')
    rig.until(lambda: process.poll() is not None, 'end of the launch', 60.0)
    assert process.returncode == 1
    assert "the tracker cannot work: unconfigured: cannot configure: model 'absent'" \
        in rig.output()
