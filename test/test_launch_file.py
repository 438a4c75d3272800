# SPDX-License-Identifier: Apache-2.0
"""The launch files over stand-ins for `launch`: arguments, parameters, remappings, refusals."""
from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from launch_stand_in import StandIn, kinds
import pytest
import yaml

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.ros.processes import config_file, dds_profile

FILES = ('tracker', 'demo', 'bag')
_IMAGE = 'sensor_msgs/msg/Image'


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*dds_profile(), 'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTDDS_BUILTIN_TRANSPORTS'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture
def tracker(monkeypatch):
    return StandIn(monkeypatch, 'tracker.launch.py')


@pytest.fixture
def demo(monkeypatch):
    return StandIn(monkeypatch, 'demo.launch.py')


@pytest.fixture
def bag(monkeypatch):
    return StandIn(monkeypatch, 'bag.launch.py')


def bag_folder(folder: Path, *topics: str, kind: str = _IMAGE) -> str:
    folder.mkdir()
    (folder / 'metadata.yaml').write_text(yaml.safe_dump({'rosbag2_bagfile_information': {
        'topics_with_message_count': [
            {'topic_metadata': {'name': topic, 'type': kind}} for topic in topics]}}))
    return str(folder)


def nodes(actions: list[Any]) -> dict[str, Any]:
    return {item.executable: item for item in actions if type(item).__name__ == 'Node'}


@pytest.mark.parametrize('name', FILES)
def test_every_argument_is_explained_and_its_default_is_a_choice(monkeypatch, name):
    arguments = StandIn(monkeypatch, f'{name}.launch.py').arguments
    assert all(item.description for item in arguments.values())
    assert all(item.default_value in item.choices for item in arguments.values() if item.choices)


def test_the_arguments_of_the_tracker(tracker):
    assert list(tracker.arguments) == [
        'namespace', 'params_file', 'rgb_topic', 'thermal_topic', 'rgb_info_topic',
        'thermal_info_topic', 'model', 'backend', 'image_transport', 'use_sim_time', 'autostart',
        'rviz', 'log_level', 'shared_memory']


def test_defaults_leave_the_parameter_file_as_it_is(tracker):
    node, = tracker.start()
    file, over = node.parameters
    assert file == str(config_file('tracker.yaml'))
    assert over == {'use_sim_time': False, 'autostart': True}


def test_arguments_reach_the_node(tracker):
    node, rviz = tracker.start(
        model='small', rgb_topic='/front/image', image_transport='compressed',
        namespace='robot/front', log_level='debug', autostart='false', rviz='true',
        thermal_info_topic='/calibration')
    assert node.parameters[1] == {
        'use_sim_time': False, 'autostart': False, 'model.name': 'small',
        'image_transport': 'compressed'}
    assert dict(node.remappings) == {
        'rgb/image_raw': '/front/image', 'rgb/image_raw/compressed': '/front/image/compressed',
        'rgb/camera_info': '/front/camera_info', 'thermal/image_raw': 'thermal/image_raw',
        'thermal/image_raw/compressed': 'thermal/image_raw/compressed',
        'thermal/camera_info': '/calibration'}
    assert node.namespace == rviz.namespace == 'robot/front'
    assert node.ros_arguments == ['--log-level', 'robot.front.rgbt_tracker:=debug']
    assert Path(rviz.arguments[1]).is_file()


def test_the_dds_profile_goes_to_the_node_alone_and_is_the_users_choice(tracker, monkeypatch):
    assert tracker.start()[0].additional_env == dds_profile()
    assert tracker.start(shared_memory='false')[0].additional_env == {}
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'LARGE_DATA')
    assert tracker.start()[0].additional_env == {}


@pytest.mark.parametrize(('values', 'message'), [
    ({'params_file': '/no/such.yaml'}, r"params_file = '/no/such\.yaml' is no file: give a YAML"),
    ({'namespace': '3d'}, "namespace = '3d' is no ROS namespace: give"),
    ({'namespace': 'front//left'}, 'is no ROS namespace'),
    ({'rgb_topic': 'a b'}, "rgb_topic = 'a b' is no ROS topic: give"),
    ({'thermal_topic': ''}, "thermal_topic = '' is no ROS topic"),
    ({'rgb_topic': '/cam/compressed'}, "give '/cam' and image_transport:=compressed"),
])
def test_a_wrong_value_is_named_with_a_remedy(tracker, values, message):
    with pytest.raises(InputError, match=message):
        tracker.start(**values)


@pytest.mark.parametrize(('text', 'message'), [
    ('rgbt_tracker: {target: 1}', 'holds no ros__parameters'), ('[1, 2', 'cannot be read')])
def test_a_parameter_file_that_ros_would_not_read_is_refused(tracker, tmp_path, text, message):
    file = tmp_path / 'mine.yaml'
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        tracker.start(params_file=str(file))


def test_a_package_that_is_absent_is_named(tracker, bag, tmp_path):
    tracker.installed.clear()
    with pytest.raises(InputError, match=r'rviz = true needs .*: sudo apt install ros-.*-rviz2'):
        tracker.start(rviz='true')
    bag.installed.clear()
    recording = bag_folder(tmp_path / 'run', '/rgb/image_raw', '/thermal/image_raw')
    with pytest.raises(InputError, match='playing a bag needs the package ros2bag'):
        bag.start(bag=recording)


def test_the_demonstration_plays_own_recordings(demo):
    found = nodes(demo.start(rgb='a.mp4', thermal='b.mp4', init='1,2,30,40', loop='true'))
    assert found['player_node'].parameters == [
        {'rgb': 'a.mp4', 'thermal': 'b.mp4', 'loop': True, 'wait': 600.0}]
    assert found['tracker_node'].parameters[1] == {'initial_box': [1.0, 2.0, 30.0, 40.0]}
    assert found['tracker_node'].remappings == []


def test_the_demonstration_generates_its_clip_once(demo, tmp_path):
    notice, then, generator = demo.start(seed='3')
    folder = Path(generator.cmd[-3])
    assert folder.parent == tmp_path / 'cache' / 'rgbt_tracker_ros'
    assert str(folder) in notice.msg
    folder.mkdir(parents=True)
    (folder / 'init.txt').write_text('5,6,70,80\n')
    on_exit = then.positional[0].on_exit
    made = on_exit(SimpleNamespace(returncode=0), SimpleNamespace(is_shutdown=False))
    assert nodes(made)['player_node'].parameters[0]['clip'] == str(folder)
    assert kinds(demo.start(seed='3')) == kinds(made)
    with pytest.raises(RuntimeError, match='the generator ended with status 2'):
        on_exit(SimpleNamespace(returncode=2), SimpleNamespace(is_shutdown=False))
    assert on_exit(SimpleNamespace(returncode=-2), SimpleNamespace(is_shutdown=True)) == []


@pytest.mark.parametrize(('values', 'message'), [
    ({'rgb': 'a.mp4'}, "need all of rgb, thermal and init; given: rgb = 'a.mp4'"),
    ({'clip': '/no/clip'}, "clip = '/no/clip' is no folder of a generated clip"),
    ({'clip': '/no/clip', 'rgb': 'a.mp4'}, 'clip and rgb exclude each other'),
    ({'seed': '-1'}, "seed = '-1' is no whole number"),
    ({'rgb': 'a', 'thermal': 'b', 'init': '1,2,3'}, "init: box '1,2,3' is not x,y,w,h"),
])
def test_the_demonstration_refuses_what_it_cannot_play(demo, values, message):
    with pytest.raises(InputError, match=message):
        demo.start(**values)


def test_the_end_of_the_recording_ends_everything(demo):
    of_player, of_tracker = demo.start(rgb='a', thermal='b', init='1,2,30,40')[:2]
    running = SimpleNamespace(is_shutdown=False)
    timer, = of_player.positional[0].on_exit(SimpleNamespace(returncode=0), running)
    assert kinds(timer.actions) == ['Shutdown']
    with pytest.raises(RuntimeError, match='the tracker ended with status 1'):
        of_tracker.positional[0].on_exit(SimpleNamespace(returncode=1), running)


def test_a_tracker_that_cannot_work_ends_everything(demo, monkeypatch):
    over, waiting = demo.start(
        rgb='a', thermal='b', init='1,2,30,40', namespace='/front')[2:4]
    assert over.positional[0].target_action is waiting
    reports = [('rgbt_tracker: node', DiagnosticStatus.ERROR, 'of another tracker'),
               ('front/rgbt_tracker: node', DiagnosticStatus.WARN, 'building'),
               ('front/rgbt_tracker: node', DiagnosticStatus.ERROR, 'no such model')]
    freed = []

    def subscribe(kind, topic, callback, depth):
        for name, level, words in reports:
            callback(DiagnosticArray(status=[DiagnosticStatus(
                name=name, level=level, message=words)]))
        return topic

    node = SimpleNamespace(create_subscription=subscribe, destroy_subscription=freed.append)
    monkeypatch.setitem(waiting.coroutine.__globals__, 'get_ros_node', lambda context: node)
    asyncio.run(waiting.coroutine(None))
    assert freed == ['/diagnostics']
    end = over.positional[0].on_completion
    with pytest.raises(RuntimeError, match='the tracker cannot work: no such model'):
        end(None, SimpleNamespace(is_shutdown=False))
    assert end(None, SimpleNamespace(is_shutdown=True)) == []


def test_a_bag_waits_for_the_tracker_and_gives_it_the_time(bag, tmp_path):
    recording = bag_folder(tmp_path / 'run', '/cam/rgb', '/front/heat')
    started = bag.start(bag=recording, rgb_topic='/cam/rgb', thermal_topic='heat',
                        namespace='front', rate='0.5', loop='true', init='1,2,30,40')
    assert nodes(started)['tracker_node'].parameters[1] == {
        'use_sim_time': True, 'initial_box': [1.0, 2.0, 30.0, 40.0]}
    assert 'ExecuteProcess' not in kinds(started)
    begin, waiting = started[-2:]
    assert begin.positional[0].target_action is waiting
    play, = begin.positional[0].on_completion(None, SimpleNamespace(is_shutdown=False))
    assert play.cmd == ['ros2', 'bag', 'play', recording, '--clock', '100', '--rate', '0.5',
                        '--delay', '1.0', '--loop']


@pytest.mark.parametrize(('values', 'message'), [
    ({'bag': '/no/bag'}, "bag = '/no/bag' is no bag: give the folder"),
    ({'rgb_topic': '/other'}, r'no rgb images on /other: give rgb_topic.*/a, /b/compressed'),
    ({'rgb_topic': '/a', 'thermal_topic': '/b'}, 'on /b: give image_transport:=compressed'),
    ({'rgb_topic': '/a', 'thermal_topic': '/a', 'rate': 'fast'}, "rate = 'fast' is no number"),
])
def test_a_bag_that_does_not_fit_is_refused(bag, tmp_path, values, message):
    recording = bag_folder(tmp_path / 'run', '/a', '/b/compressed')
    with pytest.raises(InputError, match=message):
        bag.start(**{'bag': recording, **values})


def test_a_damaged_bag_is_refused(bag, tmp_path):
    (tmp_path / 'metadata.yaml').write_text('nothing: [')
    with pytest.raises(InputError, match=r'metadata\.yaml that cannot be read'):
        bag.start(bag=str(tmp_path))


def argument_table(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the README's table as the launch files make it."""
    rows: dict[str, list[str]] = {}
    for name in FILES:
        for argument, item in StandIn(monkeypatch, f'{name}.launch.py').arguments.items():
            default = item.default_value
            shown = ('required' if default is None else 'empty' if not default else
                     f'config/{Path(default).name}' if Path(default).is_absolute() else default)
            choices = [choice for choice in item.choices or () if choice]
            accepted = f' ({", ".join(choices)})' if choices else ''
            row = f'| `{argument}` | {shown} | {item.description}{accepted} |'
            rows.setdefault(row, []).append(name)
    lines = ['| argument | default | meaning | of |', '|---|---|---|---|']
    for row, files in rows.items():
        lines.append(f'{row} {"all" if len(files) == len(FILES) else ", ".join(files)} |')
    return '\n'.join(lines)


def test_the_readme_has_the_arguments(monkeypatch):
    table = argument_table(monkeypatch)
    readme = (Path(__file__).resolve().parents[1] / 'README.md').read_text()
    assert table in readme, f'put this table into README.md:\n{table}'
