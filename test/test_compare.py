# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker compare`: where two trackers differ most, as a table and as a video."""
from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path

import av
import cv2
from hypothesis import given
from hypothesis import strategies as st
from made_up_results import FRAMES, TRACKS, truth, write_results, write_tracks
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.benchmark.box_files import format_boxes, read_boxes
from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence
from rgbt_tracker_ros.benchmark.metrics import Scores
from rgbt_tracker_ros.benchmark.report.duel import (
    LEAD,
    Difference,
    Duel,
    frame_overlaps,
    worst_span,
)
from rgbt_tracker_ros.benchmark.report.duel_video import FIRST, SECOND, draw_duel
from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.imaging.box import Box

DEVELOPMENT = Path(__file__).resolve().parents[2] / 'shared' / 'data' / 'dev'
SIZE = (696, 1284)
AWAY = np.array([60.0, 40, 0, 0])


class Camera:
    """Frames made on demand."""

    text, rate = 'made up', None

    def __init__(self, frames: list[np.ndarray]) -> None:
        self._frames = frames
        self.count = len(frames)

    def frames(self, start: int = 0):
        return iter(self._frames[start:])


def _frames(track: str) -> list[tuple[np.ndarray, np.ndarray]]:
    return [images(box[0], box[1], number=number)
            for number, box in enumerate(truth(track).tolist())]


@pytest.fixture(scope='module')
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write sequences as folders of images."""
    root = tmp_path_factory.mktemp('pairs')
    for track in TRACKS:
        for number, pair in enumerate(_frames(track)):
            for camera, image in zip(('rgb', 'thermal'), pair, strict=True):
                (root / track / camera).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(root / track / camera / f'{number}.png'), image)
        (root / track / 'groundtruth.txt').write_text(format_boxes(truth(track)))
    return root


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write_results(tmp_path / 'good', 0)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return write_results(tmp_path / 'bad', {'a_1': 1, 'b_1': 6})


def _compare(a: Path | str, b: Path | str, root: Path, *more: str) -> int:
    return run(['compare', str(a), str(b), '--root', str(root), *more])


def _refused(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.startswith('error: ')
    assert said.count('\n') == 1
    return said


@pytest.mark.parametrize(('more', 'message'), [
    (['--dataset', 'depthtrack'], 'has no scoring rules'),
    (['--json', 'none/out.json'], '--json none/out.json cannot be written'),
    (['--video', '.'], '--video . cannot be written'),
])
def test_what_cannot_work_is_refused_before_the_dataset_is_read(
        good, bad, tmp_path, capsys, more, message):
    assert _compare(good, bad, tmp_path / 'none', *more) == 2
    assert message in _refused(capsys)


def _decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]


def _near(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return np.abs(image.astype(int) - color).max(axis=2) < 30


def test_the_sequences_that_differ_most_are_shown_first(good, bad, pairs, tmp_path, capsys):
    video, report = tmp_path / 'out.mp4', tmp_path / 'out.json'
    assert _compare(f'ours={good}', f'theirs={bad}', pairs, '--seconds', '0.5', '--video',
                    str(video), '--json', str(report)) == 0
    out = capsys.readouterr().out
    assert out.index('b_1') < out.index('a_1') < out.index('c_1') < out.index('all (3)')
    told = json.loads(report.read_text())
    # Of the third, in which both are the same, nothing is shown.
    assert list(told['shown']) == ['b_1', 'a_1']
    assert list(told['sequences']) == ['b_1', 'a_1', 'c_1']
    assert told['sequences']['c_1']['sr_difference'] == 0
    assert told['sequences']['b_1']['ours']['pr'] == 1
    gaps = [row['sr_difference'] for row in told['sequences'].values()]
    assert told['mean']['sr_difference'] == pytest.approx(np.mean(gaps))
    frames = _decoded(video)
    assert len(frames) == 30
    assert frames[0].shape == (*SIZE, 3)
    begin, end = told['shown']['b_1']
    # Nothing overlaps from frame 16 on; three frames show how that comes about.
    assert (begin, end) == (13, 28)


def test_tracks_beside_their_videos_are_compared(good, bad, tmp_path):
    root = write_tracks(tmp_path / 'tracks')
    for camera, place in (('rgb', 0), ('thermal', 1)):
        (tmp_path / 'videos' / camera).mkdir(parents=True)
        for track in TRACKS:
            name = track.rpartition('_')[0]
            with VideoWriter(tmp_path / 'videos' / camera / f'{name}.mp4', 10) as writer:
                for pair in _frames(track):
                    image = pair[place]
                    writer.write(image if image.ndim == 3 else np.stack([image] * 3, axis=2))
    video = tmp_path / 'out.mp4'
    assert _compare(good, bad, root, '--sequences', '1', '--seconds', '1', '--video',
                    str(video)) == 0
    with av.open(str(video)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(10)
        assert sum(1 for _ in container.decode(video=0)) == 10


@pytest.mark.skipif(not DEVELOPMENT.is_dir(), reason='the development tracks are not beside this '
                    'checkout (../shared/data/dev)')
def test_real_tracks_are_compared(tmp_path, capsys):
    for name, shift in (('near', 3), ('far', 30)):
        (tmp_path / name).mkdir()
        for folder in sorted((DEVELOPMENT / 'tracks').glob('*/')):
            boxes = read_boxes(folder / 'groundtruth.txt')
            boxes = np.where(np.isfinite(boxes), boxes, 1)
            boxes[:, 0] += shift
            (tmp_path / name / f'{folder.name}.txt').write_text(format_boxes(boxes))
    assert _compare(tmp_path / 'near', tmp_path / 'far', DEVELOPMENT / 'tracks', '--sequences',
                    '1', '--seconds', '0.1', '--video', str(tmp_path / 'out.mp4')) == 0
    assert 'all (5)' in capsys.readouterr().out
    frames = _decoded(tmp_path / 'out.mp4')
    assert len(frames) in (2, 3)
    assert _near(frames[0][40:520], FIRST).sum() > 100


def _duel(rgb: bool = True, thermal: bool = True, **more) -> Duel:
    frames = _frames('a_1')
    boxes = {'first': truth('a_1'), 'second': truth('a_1') + AWAY} | more
    sequence = Sequence(
        'a_1', Camera([pair[0] for pair in frames]) if rgb else None,
        Camera([pair[1] for pair in frames]) if thermal else None,
        {'both': truth('a_1')}, Box(*truth('a_1')[0]), ('LI',), np.ones(FRAMES, bool))
    got = boxes['first'], boxes['second']
    return Duel(sequence, Difference('a_1', Scores(0.9, 1, 1, 29), Scores(0.1, 0, 0, 29)), got,
                tuple(frame_overlaps(item, sequence) for item in got), (5, 9))


def test_boxes_are_drawn_where_they_are():
    pictures = list(draw_duel(_duel(), ('one', 'two')))
    assert len(pictures) == 4
    image = pictures[0]
    assert image.shape == (*SIZE, 3)
    for boxes, color in ((truth('a_1')[5], FIRST), (truth('a_1')[5] + AWAY, SECOND)):
        panel = image[40:520, :640]
        y, x = np.nonzero(_near(panel, color))
        assert x.min() / 2 == pytest.approx(boxes[0], abs=2)
        assert x.max() / 2 == pytest.approx(boxes[0] + boxes[2], abs=2)
        assert y.min() / 2 == pytest.approx(boxes[1], abs=2)
        assert y.max() / 2 == pytest.approx(boxes[1] + boxes[3], abs=2)
    # The same boxes are in the thermal panel, and both curves below.
    assert _near(image[40:520, 644:], FIRST).sum() > 100
    assert _near(image[520:, 340:], FIRST).sum() > 100
    assert _near(image[520:, 340:], SECOND).sum() > 100
    # The cursor moves.
    assert (pictures[0][520:] != pictures[1][520:]).any()


def test_a_small_target_is_enlarged_in_the_other_corner():
    duel = _duel()
    small = truth('a_1') * [1, 1, 0.5, 0.5]
    sequence = replace(duel.sequence, truth={'both': small})
    image = next(iter(draw_duel(replace(duel, sequence=sequence, boxes=(small, small + AWAY)),
                                ('one', 'two'))))
    panel = image[40:520, :640]
    assert not _near(next(iter(draw_duel(duel, ('one', 'two'))))[40:520, 424:640], FIRST).any()
    # 16 pixels of 64 are a quarter of the view's 216.
    y, x = np.nonzero(_near(panel[264:, 424:], FIRST))
    assert (x.min(), y.min()) == pytest.approx((81, 81), abs=3)
    assert (x.max(), y.max()) == pytest.approx((135, 135), abs=3)


@pytest.mark.parametrize(('rgb', 'thermal'), [(True, False), (False, True)])
def test_one_camera_fills_the_picture(rgb, thermal):
    image = next(iter(draw_duel(_duel(rgb, thermal), ('one', 'two'))))
    assert image.shape == (*SIZE, 3)
    assert _near(image[40:520], FIRST).sum() > 100


@pytest.mark.parametrize('box', [(1e12, 0, 10, 10), (-1e300, 5, 1e300, 1), (0, 0, 0, 0),
                                 (5, 5, -10, -10)])
def test_boxes_of_any_kind_can_be_drawn(box):
    duel = _duel(second=np.tile(np.array(box, float), (FRAMES, 1)))
    assert len(list(draw_duel(duel, ('ünïcode' * 20, '')))) == 4


def test_the_iou_is_the_better_camera_s_and_nothing_where_no_frame_counts():
    boxes = truth('a_1')
    both = {'rgb': boxes.copy(), 'thermal': boxes + np.array([16.0, 0, 0, 0])}
    both['rgb'][3] = np.nan
    both['rgb'][4, 2:] = 0
    for camera in both.values():
        camera[6] = np.nan
    use = np.ones(FRAMES, bool)
    use[8] = False
    sequence = Sequence('x', None, None, both, Box(*boxes[0]), (), use)
    ious = frame_overlaps(boxes, sequence)
    assert ious[:3] == pytest.approx(1)
    assert ious[3:5] == pytest.approx(1 / 3)
    assert np.flatnonzero(np.isnan(ious)).tolist() == [6, 8]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=60), st.integers(1, 80))
def test_the_worst_span_is_in_the_sequence_and_no_other_is_worse(gap, frames):
    begin, end = worst_span(np.array(gap), frames)
    assert 0 <= begin < end <= len(gap)
    assert end - begin == min(frames, len(gap))
    core = end - begin - round(LEAD * (end - begin))
    best = max(sum(gap[first:first + core]) for first in range(len(gap) - core + 1))
    within = max(sum(gap[first:first + core]) for first in range(begin, end - core + 1))
    assert within == pytest.approx(best)


def test_the_span_shows_how_a_failure_begins():
    gap = np.zeros(100)
    gap[40:90] = 1
    assert worst_span(gap, 20) == (36, 56)


def test_the_same_results_make_no_video(good, pairs, tmp_path, capsys):
    video = tmp_path / 'out.mp4'
    report = tmp_path / 'out.json'
    assert _compare(f'a={good}', f'b={good}', pairs, '--video', str(video), '--json',
                    str(report)) == 0
    assert 'no video is written' in capsys.readouterr().err
    assert not video.exists()
    assert json.loads(report.read_text())['shown'] == {}


def test_missing_results_are_refused_or_left_out(good, bad, pairs, tmp_path, capsys):
    (bad / 'b_1.txt').unlink()
    video = tmp_path / 'out.mp4'
    more = ['--video', str(video), '--seconds', '0.2']
    assert _compare(good, bad, pairs, *more) == 2
    assert 'b_1.txt is missing' in _refused(capsys)
    assert not video.exists()
    assert _compare(good, bad, pairs, *more, '--allow-missing') == 0
    assert 'left out: bad: b_1.txt is missing' in capsys.readouterr().err


def test_an_image_that_cannot_be_read_leaves_no_half_video(good, bad, pairs, tmp_path, capsys):
    file = pairs / 'b_1' / 'thermal' / '20.png'
    whole = file.read_bytes()
    video = tmp_path / 'out.mp4'
    try:
        file.write_bytes(b'no image')
        assert _compare(good, bad, pairs, '--video', str(video)) == 2
    finally:
        file.write_bytes(whole)
    assert '20.png' in _refused(capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bad', 'good']


@pytest.mark.parametrize(('more', 'message'), [
    (['--video', '{tmp}/no/out.mp4'], 'cannot be written'),
    (['--video', '{tmp}'], 'it is a folder'),
    (['--video', '{tmp}/x', '--json', '{tmp}/x'], 'is the same file'),
    (['--sequences', '0'], '--sequences'),
    (['--seconds', 'nan'], '--seconds'),
    (['--dataset', 'nfs'], '--dataset nfs'),
    (['--root', '{tmp}/good'], 'groundtruth.txt'),
    (['--rgb', '{tmp}/none'], '--rgb'),
])
def test_wrong_options_are_named(good, bad, pairs, tmp_path, capsys, monkeypatch, more, message):
    monkeypatch.chdir(tmp_path)
    filled = [text.format(tmp=tmp_path) for text in more]
    assert _compare(good, bad, pairs, *filled) == 2
    assert message in _refused(capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['bad', 'good']


def test_one_tracker_is_not_two(good, pairs, capsys):
    assert _compare(good, good, pairs) == 2
    assert "there are two trackers 'good'" in _refused(capsys)
    assert run(['compare', str(good), '--root', str(pairs)]) == 2
    assert 'B' in _refused(capsys)
