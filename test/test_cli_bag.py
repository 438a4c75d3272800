# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker bag` says what the node would have said, each time the same, without ROS."""
from __future__ import annotations

import csv
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from bag_files import (
    BEGIN,
    LATENCY,
    PERIOD,
    RGB,
    THERMAL,
    scene,
    write_bag,
)
from bag_run import FRAMES, INIT, Clip, said, statuses
import cv2
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.bags.reader import BagReader
from rgbt_tracker_ros.benchmark.box_files import read_boxes
from rgbt_tracker_ros.benchmark.sources import open_source
from rgbt_tracker_ros.cli.main import run


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(tmp_path_factory.mktemp('clip'))


@pytest.fixture
def bag(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clip:
    """Return the command, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return clip


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_detections_carry_the_headers_of_the_rgb_images(
        bag: Clip, storage: str) -> None:
    assert bag(storage=storage) == 0
    found = said()
    assert [item.stamp for item in found] == [BEGIN + n * PERIOD for n in range(FRAMES)]
    assert {item.frame for item in found} == {'rgb_optical'}
    # A pair is complete when the thermal image is there.
    assert [item.time for item in found] == [
        BEGIN + LATENCY + 1000 + n * PERIOD for n in range(FRAMES)]
    for number, item in enumerate(found):
        assert item.box == pytest.approx([40 + 3 * number, 100, 32, 32], abs=4)


def test_boxes_are_those_of_track_to_the_last_bit(
        bag: Clip, clip: Clip, tmp_path: Path) -> None:
    for name in ('rgb', 'thermal'):
        (tmp_path / name).mkdir()
    for number in range(FRAMES):
        color, heat = images(40 + 3 * number, number=number)
        cv2.imwrite(f'rgb/{number}.png', color)
        cv2.imwrite(f'thermal/{number}.png', heat.astype(np.uint16) * 20 + 22000)
    assert run(['track', '--rgb', 'rgb', '--thermal', 'thermal', '--init', INIT, '--model',
                str(clip.model), '--boxes', 'boxes.txt']) == 0
    assert bag(log='log.csv') == 0
    with open('log.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    logged = [[float(row[name]) for name in 'xywh'] for row in rows]
    assert logged == read_boxes(Path('boxes.txt')).tolist()
    assert rows[1]['stamp'] == f'{BEGIN // 10**9}.{PERIOD:09d}'


def test_two_runs_give_the_same_bytes(bag: Clip, tmp_path: Path) -> None:
    for name in ('a', 'b'):
        (tmp_path / name).mkdir()
        assert bag(output=f'{name}/out') == 0
    first, second = ((tmp_path / name / 'out' / 'out.mcap').read_bytes() for name in 'ab')
    assert first == second


def test_it_says_how_the_frames_went(
        bag: Clip, capsys: pytest.CaptureFixture[str]) -> None:
    assert bag() == 0
    out, err = capsys.readouterr()
    assert out.startswith(f'{FRAMES} frames ({FRAMES} of both cameras)')
    assert f'tracked in {FRAMES} of {FRAMES} frames with a target (100 %), lost in 0' in out
    assert f'rgb is {RGB}, thermal is {THERMAL}' in err
    assert 'target 1 starts at 40.0, 100.0, 32.0, 32.0 px' in err
    target = statuses()[-1]['target']
    assert (target['state'], target['id'], target['mode']) == ('tracking', '1', 'rgbt')
    assert target['last_request'].startswith('initial_box: yes')
    assert statuses()[-1]['frames']['pairs'] == str(FRAMES)


def test_annotated_images_and_video(bag: Clip, clip: Clip) -> None:
    assert bag(clip.bag, '--with-images', video='out.mp4') == 0
    with BagReader(Path('out')) as result:
        shown = [item.message for item in
                 result.messages(['/rgbt_tracker/annotated_image/compressed'])]
    assert len(shown) == FRAMES
    picture = cv2.imdecode(shown[0].data, cv2.IMREAD_COLOR)
    assert picture.shape == (240, 320, 3)
    assert len(list(open_source('out.mp4', 'rgb').frames())) == FRAMES


@pytest.mark.parametrize(('changes', 'message'), [
    ({'init': None}, 'no target: give --init'),
    ({'init': '4,4'}, '--init'),
    ({'init': '5000,5000,32,32'}, '--init'),
    ({'init_stamp': '5'}, '--init: no frame is near its stamp'),
    ({'init_stamp': '1.9e9'}, '--init: there is no frame to start on'),
    ({'init': None, 'init_stamp': '5'}, '--init-stamp without --init'),
    ({'start': '5', 'end': '4'}, '--end 4 is not after --start 5'),
    ({'start': '500'}, 'no usable frame'),
    ({'rgb_topic': '/nowhere'}, '--rgb-topic /nowhere'),
    ({'output': '.'}, '--output . exists already'),
    ({'output': 'missing/out'}, '--output missing/out cannot be written'),
    ({'set': 'sync.policy=exact'}, 'for a bag use nearest'),
    ({'set': 'sync.slop=9'}, 'sync.slop'),
    ({'params': 'none.yaml'}, '--params none.yaml'),
    ({'log': 'x', 'video': 'x'}, '--log is the same file'),
])
def test_bad_input_is_one_line_and_leaves_nothing(
        bag: Clip, changes: dict[str, str], message: str, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert bag(**changes) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1
    assert message in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_the_span_is_cut(bag: Clip) -> None:
    assert bag(start='0.2', end='0.5', init='61,100,32,32') == 0
    stamps = [item.stamp for item in said()]
    assert stamps == [BEGIN + n * PERIOD for n in range(7, 16)]


def test_a_parameter_file_of_the_node_is_obeyed(bag: Clip, clip: Clip) -> None:
    Path('mine.yaml').write_text(
        '/**:\n  ros__parameters:\n    use_sim_time: true\n    sync: {slop: 0.0}\n'
        f'rgbt_tracker:\n  ros__parameters:\n    sync.slop: 0.01\n    model.name: {clip.model}\n'
        '    initial_box: [40, 100, 32, 32]\nother:\n  ros__parameters: {sync: {slop: -1}}\n')
    assert bag(init=None, model=None, params='mine.yaml') == 0
    assert said()[0].box == pytest.approx([40, 100, 32, 32], abs=1)
    Path('none.yaml').write_text('camera:\n  ros__parameters: {rate: 3}\n')
    assert bag(params='none.yaml', output='o') == 2


GUARD = '''
import sys
class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('rclpy', 'std_msgs', 'sensor_msgs', 'vision_msgs',
                                      'diagnostic_msgs', 'builtin_interfaces', 'message_filters'):
            raise AssertionError(name + ' is of ROS')
sys.meta_path.insert(0, Guard())
from rgbt_tracker_ros.cli.main import run
sys.exit(run(sys.argv[1:]))
'''
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith(('ROS_', 'AMENT_'))} | {
    'PYTHONPATH': str(Path(__file__).resolve().parents[1])}


def test_it_needs_no_ros(clip: Clip, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-c', GUARD, 'bag', str(clip.bag), '--output', str(tmp_path / 'out'),
         '--init', INIT, '--model', str(clip.model)], env=ENVIRONMENT, text=True,
        capture_output=True, check=False)
    assert (done.returncode, done.stderr.count('Error')) == (0, 0), done.stderr
    assert (tmp_path / 'out' / 'metadata.yaml').exists()


def test_ctrl_c_leaves_nothing(clip: Clip, tmp_path: Path) -> None:
    write_bag(tmp_path / 'long', scene(300))
    work = tmp_path / 'work'
    work.mkdir()
    process = subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'bag', str(tmp_path / 'long'),
         '--output', 'out', '--log', 'log.csv', '--video', 'out.mp4', '--init', INIT, '--model',
         str(clip.model)], env=ENVIRONMENT, cwd=work, text=True, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not list(work.glob('.out.part*/out/*')) and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    # In code that rosbags compiles, Python ends itself by the signal; a shell says 130 for both.
    assert process.returncode in (130, -signal.SIGINT), err
    assert 'Traceback' not in err
    assert list(work.iterdir()) == []


def test_messages_hold_what_any_reader_expects(bag: Clip) -> None:
    from rosbags.interfaces import QosDurability, QosReliability
    from rosbags.rosbag2 import Reader

    assert bag() == 0
    with Reader('out') as result:
        for connection in result.connections:
            (profile,) = connection.ext.offered_qos_profiles
            assert profile.reliability == QosReliability.RELIABLE
            assert profile.durability == QosDurability.VOLATILE
            assert 'std_msgs/Header header' in connection.msgdef.data
            assert connection.digest.startswith('RIHS01_')
