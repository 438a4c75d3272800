# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Iterator
import csv
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import av
import cv2
from mock_model import write_bundle
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.benchmark.box_files import read_boxes
from rgbt_tracker_ros.benchmark.metrics import score_track
from rgbt_tracker_ros.benchmark.track_log import LOG_COLUMNS
from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.cli.options import make_settings

FRAMES = 24
INIT = '40,100,32,32'
ENVIRONMENT = os.environ | {'PYTHONPATH': str(Path(__file__).resolve().parents[1])}


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with model/, rgb.mp4, thermal/ (16-bit images) and dark.mp4."""
    folder = tmp_path_factory.mktemp('clip')
    write_bundle(folder / 'model')
    (folder / 'thermal').mkdir()
    with VideoWriter(folder / 'rgb.mp4') as rgb, VideoWriter(folder / 'dark.mp4') as dark:
        for number in range(FRAMES):
            color, heat = images(40 + 3 * number, number=number)
            rgb.write(color)
            dark.write(np.zeros_like(color))
            cv2.imwrite(str(folder / 'thermal' / f'{number}.png'),
                        heat.astype(np.uint16) * 20 + 22000)
    return folder


@pytest.fixture
def track(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a function that runs `rgbt-tracker track` with good arguments but for those given."""
    monkeypatch.chdir(tmp_path)

    def command(**changes: str | None) -> int:
        options = {'rgb': str(clip / 'rgb.mp4'), 'thermal': str(clip / 'thermal'), 'init': INIT,
                   'model': str(clip / 'model')} | changes
        return run(['track', *(part for name, value in options.items() if value is not None
                               for part in (f'--{name}', value))])
    return command


@pytest.fixture
def log_rows() -> Callable[[Path], Iterator[dict[str, str]]]:
    def rows(path: Path) -> Iterator[dict[str, str]]:
        with path.open(newline='') as file:
            yield from csv.DictReader(file)
    return rows


def _truth(count: int = FRAMES, first: int = 0) -> list[list[float]]:
    return [[40 + 3 * number, 100, 32, 32] for number in range(first, first + count)]


def test_it_writes_boxes_log_and_video(
        track: Callable[..., int], log_rows: Callable[..., Iterator[dict[str, str]]],
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert track(boxes='boxes.txt', log='log.csv', video='out.mp4') == 0
    boxes = read_boxes(tmp_path / 'boxes.txt')
    assert boxes[0].tolist() == [40, 100, 32, 32]
    assert score_track(boxes, _truth()).sr > 0.7
    rows = list(log_rows(tmp_path / 'log.csv'))
    assert tuple(rows[0]) == LOG_COLUMNS
    assert [int(row['frame']) for row in rows] == list(range(FRAMES))
    assert {row['state'] for row in rows} == {'tracking'}
    assert {row['mode'] for row in rows} == {'rgbt'}
    assert rows[-1]['template_frame'] == '15'
    np.testing.assert_allclose([[float(row[key]) for key in 'xywh'] for row in rows], boxes)
    with av.open(str(tmp_path / 'out.mp4')) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAMES
    out = capsys.readouterr().out
    assert out.startswith(f'{FRAMES} frames in ')
    assert 'lost in 0 frames' in out
    assert out.count('\n') == 1
    assert {path.name for path in tmp_path.iterdir()} == {'boxes.txt', 'log.csv', 'out.mp4'}


@pytest.mark.parametrize('missing', ['rgb', 'thermal'])
def test_one_camera_is_enough(
        track: Callable[..., int], log_rows: Callable[..., Iterator[dict[str, str]]],
        tmp_path: Path, missing: str) -> None:
    assert track(**{missing: None}, boxes='b.txt', log='l.csv', video='o.mp4') == 0
    assert score_track(read_boxes(tmp_path / 'b.txt'), _truth()).sr > 0.7
    assert {row['mode'] for row in log_rows(tmp_path / 'l.csv')} == {'rgb', 'thermal'} - {missing}


def test_a_blank_camera_is_left_out_and_named(
        track: Callable[..., int], log_rows: Callable[..., Iterator[dict[str, str]]], clip: Path,
        tmp_path: Path) -> None:
    assert track(rgb=str(clip / 'dark.mp4'), boxes='b.txt', log='l.csv', video='o.mp4') == 0
    assert {row['mode'] for row in log_rows(tmp_path / 'l.csv')} == {'thermal'}
    assert score_track(read_boxes(tmp_path / 'b.txt'), _truth()).sr > 0.7


def test_a_frozen_camera_is_left_out_and_taken_back(
        track: Callable[..., int], log_rows: Callable[..., Iterator[dict[str, str]]], clip: Path,
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'frozen').mkdir()
    for number in range(FRAMES):
        source = 8 if 8 <= number < 15 else number
        content = (clip / 'thermal' / f'{source}.png').read_bytes()
        (tmp_path / 'frozen' / f'{number}.png').write_bytes(content)
    assert track(thermal='frozen', log='l.csv', boxes='b.txt') == 0
    modes = [row['mode'] for row in log_rows(tmp_path / 'l.csv')]
    # Three identical images are needed to notice, and three good ones to trust again.
    assert modes == ['rgbt'] * 10 + ['rgb'] * 7 + ['rgbt'] * 7
    assert score_track(read_boxes(tmp_path / 'b.txt'), _truth()).sr > 0.6
    notes = capsys.readouterr().err
    assert 'frame 10: using rgb instead of rgbt (thermal: 3 identical images)' in notes
    assert 'frame 17: using rgbt instead of rgb' in notes


def test_start_skips_frames(track: Callable[..., int], tmp_path: Path) -> None:
    assert track(start='10', init='70,100,32,32', boxes='b.txt', log='l.csv') == 0
    boxes = read_boxes(tmp_path / 'b.txt')
    assert len(boxes) == FRAMES - 10
    assert score_track(boxes, _truth(FRAMES - 10, 10)).sr > 0.7
    assert (tmp_path / 'l.csv').read_text().splitlines()[1].startswith('10,70.00,')


def test_different_lengths_track_the_common_part_and_say_so_once(
        track: Callable[..., int], clip: Path, tmp_path: Path,
        capsys: pytest.CaptureFixture[str]) -> None:
    assert track(thermal=str(clip / 'thermal' / '?.png'), boxes='b.txt') == 0
    assert len(read_boxes(tmp_path / 'b.txt')) == 10
    assert capsys.readouterr().err.count('only the common part is tracked') == 1


def test_numbers_may_have_an_exponent() -> None:
    settings = make_settings(['thermal.max=3e4', 'template.update=off'], 'a', 'auto')
    assert (settings.thermal.max, settings.template.update) == (30000.0, 'off')


def test_settings_are_taken(track: Callable[..., int], tmp_path: Path) -> None:
    assert track(set='template.update=off', log='l.csv') == 0
    assert all(line.split(',')[8] == '0'
               for line in (tmp_path / 'l.csv').read_text().splitlines()[1:])


BAD = [
    ({'rgb': 'nowhere.mp4'}, '--rgb nowhere.mp4: does not exist'),
    ({'thermal': 'broken.mp4'}, '--thermal broken.mp4: is no readable video'),
    ({'thermal': 'empty'}, '--thermal empty: the folder holds no images'),
    ({'rgb': 'broken'}, '--rgb broken: frame 1 (1.png) is no readable image'),
    ({'rgb': None, 'thermal': None}, 'give --rgb, --thermal or both'),
    ({'init': '0,0,0,0'}, '--init: box (0.0, 0.0, 0.0, 0.0) has a side under 2 px'),
    ({'init': 'nan,0,10,10'}, '--init: box (nan, 0.0, 10.0, 10.0) is not finite'),
    ({'init': '1,2,3'}, "--init: box '1,2,3' is not x,y,w,h"),
    ({'init': '900,900,20,20'}, 'first box (--init): box (900.0, 900.0, 20.0, 20.0) lies outside'),
    ({'model': 'no_such_model'}, "model 'no_such_model' not found"),
    ({'model': 'wrong_shapes'}, 'model.yaml says tensor(float) [1, 1, 32, 32]'),
    ({'backend': 'abacus'}, "model.backend = 'abacus' is not one of"),
    ({'set': 'template.interval=often'}, "parameter template.interval = 'often'"),
    ({'set': 'template.interval=0'}, 'out of range'),
    ({'set': 'no.such=1'}, "unknown parameter 'no.such'"),
    ({'set': 'template.interval'}, 'give NAME=VALUE'),
    ({'start': '500'}, '--start 500'),
    ({'start': '-1'}, '--start'),
    ({'boxes': 'no/folder/b.txt'}, 'no/folder/b.txt cannot be written'),
    ({'video': 'no/folder/v.mp4'}, 'no/folder/v.mp4 cannot be written'),
    ({'boxes': 'empty'}, 'empty cannot be written (it is a folder)'),
    ({'log': './b.txt'}, '--log b.txt: --boxes is the same file'),
    ({'rgb': 'dark', 'thermal': None}, 'frame 0 is of no use to start with'),
]


@pytest.mark.parametrize(('changes', 'message'), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_one_line_and_status_2(
        track: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str],
        changes: dict[str, str | None], message: str) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'broken.mp4').write_bytes(b'no video')
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'dark').mkdir()
    cv2.imwrite('broken/0.png', images(40)[0])
    cv2.imwrite('dark/0.png', np.zeros((240, 320, 3), np.uint8))
    (tmp_path / 'broken' / '1.png').write_bytes(b'no image')
    write_bundle(tmp_path / 'wrong_shapes', cells=16)
    before = {path.name for path in tmp_path.iterdir()}
    assert track(**({'boxes': 'b.txt', 'log': 'l.csv', 'video': 'v.mp4'} | changes)) == 2
    captured = capsys.readouterr()
    errors = [line for line in captured.err.splitlines() if line.startswith('error: ')]
    assert len(errors) == 1
    assert message in errors[0]
    assert captured.err.splitlines()[-1] == errors[0]
    assert captured.out == ''
    assert {path.name for path in tmp_path.iterdir()} == before


def test_the_command_runs_as_a_process(clip: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'track', '--rgb', clip / 'rgb.mp4',
         '--thermal', clip / 'thermal', '--init', INIT, '--model', clip / 'model',
         '--boxes', 'b.txt'],
        cwd=tmp_path, env=ENVIRONMENT, text=True, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout.startswith(f'{FRAMES} frames')
    assert len(read_boxes(tmp_path / 'b.txt')) == FRAMES


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_half_written_file(clip: Path, tmp_path: Path, number: int) -> None:
    (tmp_path / 'long').mkdir()
    for frame in range(4000):
        (tmp_path / 'long' / f'{frame}.png').symlink_to(
            clip / 'thermal' / f'{frame % FRAMES}.png')
    (tmp_path / 'b.txt').write_text('from before')
    process = subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'track', '--thermal', 'long', '--init',
         INIT, '--model', str(clip / 'model'), '--boxes', 'b.txt', '--video', 'v.mp4'],
        cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        # Only once frames are being written is there anything that could be left half done.
        while not any(path.stat().st_size for path in tmp_path.glob('.v.*')):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(timeout=60) == 130
    finally:
        process.kill()
        process.wait()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['b.txt', 'long']
    assert (tmp_path / 'b.txt').read_text() == 'from before'


def test_a_parameter_file_of_the_node_holds_here_too(track, tmp_path: Path, capsys) -> None:
    parameters = tmp_path / 'registration.yaml'
    parameters.write_text('/**: {ros__parameters: {registration: {homography: '
                          '[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]}}}')
    assert track(params=str(parameters)) == 0
    parameters.write_text('/**: {ros__parameters: {registration: {homography: [1.0]}}}')
    assert track(params=str(parameters)) == 2
    assert f'--params {parameters}' in capsys.readouterr().err
