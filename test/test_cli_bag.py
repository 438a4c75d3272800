# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker bag` says what the node would have said, each time the same, without ROS."""
from __future__ import annotations

from collections.abc import Callable, Iterator
import csv
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any, NamedTuple

from bag_files import (
    BEGIN,
    DETECTION,
    IMAGE,
    LATENCY,
    PERIOD,
    RGB,
    THERMAL,
    Entry,
    image,
    init_box,
    scene,
    write_bag,
)
import cv2
from mock_model import write_bundle
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.bags.reader import BagReader
from rgbt_tracker_ros.benchmark.sources import open_source
from rgbt_tracker_ros.benchmark.tracks import read_boxes
from rgbt_tracker_ros.cli.main import run

FRAMES = 24
INIT = '40,100,32,32'
DETECTIONS, STATUS = '/rgbt_tracker/detections', '/rgbt_tracker/status'


class Said(NamedTuple):
    """One detection of a result bag: record time, stamp and frame, and the box (or None)."""

    time: int
    stamp: int
    frame: str
    box: list[float] | None


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with model/ and bag/."""
    folder = tmp_path_factory.mktemp('clip')
    write_bundle(folder / 'model')
    write_bag(folder / 'bag', scene(FRAMES))
    return folder


@pytest.fixture
def bag(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a function that runs the command with good arguments but for those given."""
    monkeypatch.chdir(tmp_path)

    def command(source: Path = clip / 'bag', *flags: str, **changes: str | None) -> int:
        options = {'output': 'out', 'init': INIT, 'model': str(clip / 'model')} | changes
        return run(['bag', str(source), *flags, *(
            part for name, value in options.items() if value is not None
            for part in (f'--{name.replace("_", "-")}', value))])
    return command


def said(path: Path = Path('out')) -> list[Said]:
    with BagReader(path) as result:
        found = []
        for item in result.messages([DETECTIONS]):
            stamp, detections = item.message.header.stamp, item.message.detections
            box = detections[0].bbox if detections else None
            found.append(Said(item.time, stamp.sec * 10**9 + stamp.nanosec,
                              item.message.header.frame_id, box and [
                                  box.center.position.x - box.size_x / 2,
                                  box.center.position.y - box.size_y / 2, box.size_x, box.size_y]))
    return found


def statuses(path: Path = Path('out')) -> list[dict[str, dict[str, str]]]:
    """Return the status messages: part → its numbers."""
    with BagReader(path) as result:
        return [{part.name.partition(': ')[2]: {item.key: item.value for item in part.values}
                 for part in item.message.status} for item in result.messages([STATUS])]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_detections_carry_the_headers_of_the_rgb_images(
        bag: Callable[..., int], storage: str) -> None:
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
        bag: Callable[..., int], clip: Path, tmp_path: Path) -> None:
    for name in ('rgb', 'thermal'):
        (tmp_path / name).mkdir()
    for number in range(FRAMES):
        color, heat = images(40 + 3 * number, number=number)
        cv2.imwrite(f'rgb/{number}.png', color)
        cv2.imwrite(f'thermal/{number}.png', heat.astype(np.uint16) * 20 + 22000)
    assert run(['track', '--rgb', 'rgb', '--thermal', 'thermal', '--init', INIT, '--model',
                str(clip / 'model'), '--boxes', 'boxes.txt']) == 0
    assert bag(log='log.csv') == 0
    with open('log.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    logged = [[float(row[name]) for name in 'xywh'] for row in rows]
    assert logged == read_boxes(Path('boxes.txt')).tolist()
    assert rows[1]['stamp'] == f'{BEGIN // 10**9}.{PERIOD:09d}'


def test_two_runs_give_the_same_bytes(bag: Callable[..., int], tmp_path: Path) -> None:
    for name in ('a', 'b'):
        (tmp_path / name).mkdir()
        assert bag(output=f'{name}/out') == 0
    first, second = ((tmp_path / name / 'out' / 'out.mcap').read_bytes() for name in 'ab')
    assert first == second


def test_it_says_how_the_frames_went(
        bag: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
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


def test_annotated_images_and_video(bag: Callable[..., int], clip: Path) -> None:
    assert bag(clip / 'bag', '--with-images', video='out.mp4') == 0
    with BagReader(Path('out')) as result:
        shown = [item.message for item in
                 result.messages(['/rgbt_tracker/annotated_image/compressed'])]
    assert len(shown) == FRAMES
    picture = cv2.imdecode(shown[0].data, cv2.IMREAD_COLOR)
    assert picture.shape == (240, 320, 3)
    assert len(list(open_source('out.mp4', 'rgb').frames())) == FRAMES


def test_compressed_images_are_tracked_alike(bag: Callable[..., int], tmp_path: Path) -> None:
    write_bag(tmp_path / 'packed', scene(FRAMES, packed=True), storage='sqlite3',
              distribution='humble', version=8)
    assert bag(tmp_path / 'packed') == 0
    assert bag(output='raw') == 0
    assert [item.box for item in said()] == [item.box for item in said(Path('raw'))]


def recorded_request(after: int, stamp: int, box: tuple[float, ...]) -> Entry:
    return Entry(BEGIN + after * PERIOD + 2 * LATENCY, '/rgbt_tracker/init_box', DETECTION,
                 init_box(stamp, *box))


def test_a_recorded_init_box_starts_the_target_on_its_frame(
        bag: Callable[..., int], tmp_path: Path) -> None:
    entries = sorted([*scene(FRAMES), recorded_request(
        6, BEGIN + 5 * PERIOD, (55, 100, 32, 32))], key=lambda entry: entry.time)
    write_bag(tmp_path / 'bag', entries)
    assert bag(tmp_path / 'bag', init=None) == 0
    found = said()
    assert [item.box is None for item in found[:8]] == [True] * 7 + [False]
    # The newest frame is said once more, now with the target.
    assert found[7].stamp == found[6].stamp
    assert found[-1].box == pytest.approx([40 + 3 * (FRAMES - 1), 100, 32, 32], abs=4)
    assert statuses()[7]['request']['accepted'] == 'True'


def test_init_stamp_names_the_frame_of_the_box(bag: Callable[..., int]) -> None:
    stamp = (BEGIN + 10 * PERIOD) * 1e-9
    assert bag(init='70,100,32,32', init_stamp=f'{stamp:.6f}') == 0
    found = said()
    assert [item.box is None for item in found] == [True] * 10 + [False] * (FRAMES - 10)
    assert found[10].box == pytest.approx([70, 100, 32, 32], abs=1)


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
        bag: Callable[..., int], changes: dict[str, str], message: str, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert bag(**changes) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1
    assert message in errors[0]
    assert list(tmp_path.iterdir()) == []


def test_the_span_is_cut(bag: Callable[..., int]) -> None:
    assert bag(start='0.2', end='0.5', init='61,100,32,32') == 0
    stamps = [item.stamp for item in said()]
    assert stamps == [BEGIN + n * PERIOD for n in range(7, 16)]


def test_predictions_are_those_at_the_record_times(bag: Callable[..., int]) -> None:
    Path('p.yaml').write_text('/**:\n  ros__parameters:\n    target: {predict_to_now: true}\n')
    assert bag(params='p.yaml') == 0
    with BagReader(Path('out')) as result:
        messages = list(result.messages([DETECTIONS]))
    for item in messages:
        measured, predicted = item.message.detections
        stamp = predicted.header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == item.time
        assert predicted.id == f'{measured.id}/predicted'
        assert predicted.header.frame_id == 'rgb_optical'
    ahead = predicted.bbox.center.position.x - measured.bbox.center.position.x
    assert ahead == pytest.approx(3 * LATENCY / PERIOD, rel=0.5)


def test_a_parameter_file_of_the_node_is_obeyed(bag: Callable[..., int], clip: Path) -> None:
    Path('mine.yaml').write_text(
        '/**:\n  ros__parameters:\n    use_sim_time: true\n    sync: {slop: 0.0}\n'
        f'rgbt_tracker:\n  ros__parameters:\n    sync.slop: 0.01\n    model.name: {clip}/model\n'
        '    initial_box: [40, 100, 32, 32]\nother:\n  ros__parameters: {sync: {slop: -1}}\n')
    assert bag(init=None, model=None, params='mine.yaml') == 0
    assert said()[0].box == pytest.approx([40, 100, 32, 32], abs=1)
    Path('none.yaml').write_text('camera:\n  ros__parameters: {rate: 3}\n')
    assert bag(params='none.yaml', output='o') == 2


def silent_thermal() -> Iterator[Entry]:
    """Yield a scene whose thermal camera says nothing for a second."""
    for entry in scene(90):
        if entry.topic == RGB or not 30 <= (entry.time - BEGIN) // PERIOD < 60:
            yield entry


def test_while_thermal_is_missing_rgb_goes_on_alone(
        bag: Callable[..., int], tmp_path: Path) -> None:
    write_bag(tmp_path / 'gap', silent_thermal())
    assert bag(tmp_path / 'gap') == 0
    modes = [item['target']['mode'] for item in statuses() if 'target' in item]
    assert modes[0] == modes[-1] == 'rgbt'
    assert modes.count('rgb') >= 20
    assert len(modes) >= 85


def test_a_loop_of_the_bag_goes_on(bag: Callable[..., int], tmp_path: Path) -> None:
    later = [entry._replace(time=entry.time + 40 * PERIOD) for entry in scene(20)]
    write_bag(tmp_path / 'loop', [*scene(40), *later])
    assert bag(tmp_path / 'loop') == 0
    found = said()
    assert len(found) >= 57
    assert found[-1].stamp == BEGIN + 19 * PERIOD
    assert statuses()[-1]['frames']['jumps'] == '1'


def test_thermal_that_arrives_late_and_out_of_order_is_still_paired(
        bag: Callable[..., int], tmp_path: Path) -> None:
    delays = (60_000_000, 5_000_000)
    entries = [entry if entry.topic == RGB else entry._replace(
        time=entry.time + delays[(entry.time - BEGIN) // PERIOD % 2]) for entry in scene(60)]
    write_bag(tmp_path / 'late', sorted(entries, key=lambda entry: entry.time))
    assert bag(tmp_path / 'late') == 0
    found = said()
    assert [item.stamp for item in found] == sorted(item.stamp for item in found)
    assert int(statuses()[-1]['frames']['pairs']) >= 25


def test_zero_stamps_are_replaced_by_record_times(
        bag: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def unstamped() -> Iterator[Entry]:
        for number in range(10):
            color, heat = images(40 + 3 * number, number=number)
            time_ = BEGIN + number * PERIOD
            yield Entry(time_, RGB, IMAGE, image(0, color, 'bgr8'))
            yield Entry(time_ + 1000, THERMAL, IMAGE, image(0, heat, 'mono8'))

    write_bag(tmp_path / 'zero', unstamped())
    assert bag(tmp_path / 'zero') == 0
    assert said()[0].stamp == BEGIN
    assert capsys.readouterr().err.count('stamps are zero') == 2


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


def test_it_needs_no_ros(clip: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-c', GUARD, 'bag', str(clip / 'bag'), '--output', str(tmp_path / 'out'),
         '--init', INIT, '--model', str(clip / 'model')], env=ENVIRONMENT, text=True,
        capture_output=True, check=False)
    assert (done.returncode, done.stderr.count('Error')) == (0, 0), done.stderr
    assert (tmp_path / 'out' / 'metadata.yaml').exists()


def test_ctrl_c_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    write_bag(tmp_path / 'long', scene(300))
    work = tmp_path / 'work'
    work.mkdir()
    process = subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'bag', str(tmp_path / 'long'),
         '--output', 'out', '--log', 'log.csv', '--video', 'out.mp4', '--init', INIT, '--model',
         str(clip / 'model')], env=ENVIRONMENT, cwd=work, text=True, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not list(work.glob('.out.part*/out/*')) and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert 'Traceback' not in err
    assert list(work.iterdir()) == []


def test_messages_hold_what_any_reader_expects(bag: Callable[..., Any]) -> None:
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
