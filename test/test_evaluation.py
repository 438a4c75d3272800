# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

from mock_model import write_bundle
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.benchmark.box_files import read_boxes
from rgbt_tracker_ros.benchmark.recording import read_frames
from rgbt_tracker_ros.benchmark.sources import open_source
from rgbt_tracker_ros.benchmark.tracks import load_tracks, read_flags
from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError

FRAMES = 20
FIRST = 4


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with model/, videos/{rgb,thermal}/scene.mp4 and tracks/scene_{1,2}."""
    folder = tmp_path_factory.mktemp('data')
    write_bundle(folder / 'model')
    for camera in ('rgb', 'thermal'):
        (folder / 'videos' / camera).mkdir(parents=True)
    with VideoWriter(folder / 'videos/rgb/scene.mp4') as rgb, \
            VideoWriter(folder / 'videos/thermal/scene.mp4') as thermal:
        for number in range(FRAMES):
            color, heat = images(40 + 3 * number, number=number)
            rgb.write(color)
            thermal.write(np.repeat(heat[..., None], 3, axis=2))
    for name, first, hidden in (('scene_1', 0, ()), ('scene_2', FIRST, (FIRST + 6,))):
        _write_track(folder / 'tracks' / name, first, hidden)
    return folder


def _write_track(folder: Path, first: int, hidden: tuple[int, ...]) -> None:
    folder.mkdir(parents=True)
    numbers = range(first, FRAMES)
    boxes = [f'{40 + 3 * number}.0,100.0,32.0,32.0' for number in numbers]
    (folder / 'groundtruth.txt').write_text('\n'.join(boxes) + '\n')
    rows = [f'{number},{int(number in hidden)},0' for number in numbers]
    (folder / 'flags.csv').write_text('\n'.join(['frame,occluded,absent', *rows]) + '\n')


def _evaluate(data: Path, *more: str) -> int:
    return run(['evaluate', '--root', str(data / 'tracks'), '--model', str(data / 'model'), *more])


@pytest.mark.parametrize('modality', ['rgbt', 'rgb', 'thermal'])
def test_tracks_are_scored_with_their_videos(
        data: Path, tmp_path: Path, modality: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'scores.json'
    assert _evaluate(data, '--modality', modality, '--json', str(out)) == 0
    report = json.loads(out.read_text())
    assert (report['modality'], set(report['tracks'])) == (modality, {'scene_1', 'scene_2'})
    # Without the first frame of each, and without the hidden one of the second.
    assert report['tracks']['scene_1']['frames'] == FRAMES - 1
    assert report['tracks']['scene_2']['frames'] == FRAMES - FIRST - 2
    assert report['mean']['sr'] > 0.7
    assert report['mean']['pr'] == 1.0
    assert 'scene_2' in capsys.readouterr().out


def test_written_boxes_score_the_same(data: Path, tmp_path: Path) -> None:
    assert _evaluate(data, '--output', str(tmp_path / 'boxes'), '--json',
                     str(tmp_path / 'a.json')) == 0
    assert run(['score', '--results', str(tmp_path / 'boxes/model'), '--groundtruth',
                str(data / 'tracks'), '--json', str(tmp_path / 'b.json')]) == 0
    first, second = (json.loads((tmp_path / name).read_text()) for name in ('a.json', 'b.json'))
    assert second['mean'] == first['mean']
    assert second['notes'] == []


BAD = [
    (['--root', 'nowhere'], 'no */groundtruth.txt in nowhere'),
    (['--modality', 'radar'], '--modality radar: give rgbt, rgb, thermal'),
    (['--dataset', 'otb'], '--dataset otb: give gtot, rgbt210'),
    (['--rgb', 'nowhere'], '--rgb nowhere: no such folder'),
    (['--rgb', '.'], 'no recording scene.*'),
    (['--model', 'none'], "model 'none' not found"),
]


@pytest.mark.parametrize(('more', 'message'), BAD, ids=[message for _, message in BAD])
def test_bad_arguments_are_named(
        data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str], more: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert _evaluate(data, *more) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith('error: ')
    assert captured.err.count('\n') == 1


@pytest.mark.parametrize(('text', 'message'), [
    ('1,2,3\n', "line 1: '1,2,3' is not x,y,w,h"), ('1,2,3,4\n\nx,y,w,h\n', 'line 3'),
    ('\n', 'is empty'),
])
def test_bad_box_files_are_named_with_their_line(
        tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / 'b.txt').write_text(text)
    with pytest.raises(InputError, match=message):
        read_boxes(tmp_path / 'b.txt')


def test_box_files_may_hold_nan_tabs_and_blanks(tmp_path: Path) -> None:
    (tmp_path / 'b.txt').write_text('1\t2\t3\t4\nnan,nan,nan,nan\n 5 6 7 8\n')
    np.testing.assert_array_equal(
        read_boxes(tmp_path / 'b.txt'), [[1, 2, 3, 4], [np.nan] * 4, [5, 6, 7, 8]])


@pytest.mark.parametrize('flags', [
    'frame,occluded\n0,0\n1,0\n', 'frame,occluded,absent\n0,0,0\n2,0,0\n',
    'frame,occluded,absent\n0,0,0\n', 'frame,occluded,absent\n0,0,0\n1,maybe,0\n',
])
def test_flags_that_do_not_fit_are_refused(tmp_path: Path, flags: str) -> None:
    (tmp_path / 'a_1').mkdir()
    (tmp_path / 'a_1' / 'groundtruth.txt').write_text('1,2,3,4\n1,2,3,4\n')
    (tmp_path / 'a_1' / 'flags.csv').write_text(flags)
    with pytest.raises(InputError, match=r'flags\.csv'):
        load_tracks(tmp_path, None, None)


def test_flags_that_are_no_text_are_refused_and_those_of_spreadsheets_read(
        tmp_path: Path) -> None:
    (tmp_path / 'flags.csv').write_bytes(b'\xff\xfe\x00')
    with pytest.raises(InputError, match=r'flags\.csv'):
        read_flags(tmp_path / 'flags.csv', 1)
    (tmp_path / 'flags.csv').write_bytes(b'\xef\xbb\xbfframe,occluded,absent\r\n7,0,1\r\n')
    assert read_flags(tmp_path / 'flags.csv', 1)[0] == 7


def test_a_track_without_its_videos_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'street').mkdir()
    (tmp_path / 'street' / 'groundtruth.txt').write_text('1,2,3,4\n')
    with pytest.raises(InputError, match='the name must be <video>_<number>'):
        load_tracks(tmp_path, tmp_path, None)


def test_a_track_longer_than_its_videos_is_refused(data: Path, tmp_path: Path) -> None:
    _write_track(tmp_path / 'tracks' / 'scene_1', 0, ())
    (tmp_path / 'tracks/scene_1/flags.csv').unlink()
    truth = tmp_path / 'tracks/scene_1/groundtruth.txt'
    truth.write_text(truth.read_text() * 2)
    assert run(['evaluate', '--root', str(tmp_path / 'tracks'), '--model', str(data / 'model'),
                '--rgb', str(data / 'videos/rgb')]) == 2


def test_frames_of_two_cameras_come_with_number_and_time(data: Path) -> None:
    sources = [open_source(data / 'videos' / kind / 'scene.mp4', kind)
               for kind in ('rgb', 'thermal')]
    frames = list(read_frames(*sources, start=5))
    assert [frame.number for frame in frames] == list(range(5, FRAMES))
    assert frames[1].stamp == pytest.approx(6 / 30)
    assert frames[0].rgb.shape == (240, 320, 3)
    assert frames[0].thermal.shape == (240, 320)
    alone = next(read_frames(None, sources[1]))
    assert alone.rgb is None
    assert alone.thermal is not None


def test_different_rates_are_noted(data: Path, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / 'slow.mp4', 9.0) as slow:
        for number in range(3):
            slow.write(images(40, number=number)[0])
    notes: list[str] = []
    rgb = open_source(data / 'videos/rgb/scene.mp4', 'rgb')
    assert len(list(read_frames(rgb, open_source(tmp_path / 'slow.mp4', 'thermal'),
                                warn=notes.append))) == 3
    assert 'has 30 frames per second' in notes[0]
    assert notes[1].endswith('only the common part is tracked')
