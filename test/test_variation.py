# SPDX-License-Identifier: Apache-2.0
"""`evaluate --every`, `--scale`, `--failures`, `--dataset generated` and scores by event."""
from __future__ import annotations

import json
import shutil

import cv2
import miniature
from mock_model import write_bundle
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.datasets import generated
from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
from rgbt_tracker_ros.benchmark.event_scores import AFTER
from rgbt_tracker_ros.benchmark.failures import failing
from rgbt_tracker_ros.benchmark.recording import read_frames
from rgbt_tracker_ros.benchmark.variation import Variation
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError

FRAMES = 20


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.fixture
def pairs(tmp_path):
    """Return a folder of one pair with events, the target hidden in frames 8 and 9."""
    folder = tmp_path / 'pairs' / 'one'
    for kind in ('rgb', 'thermal'):
        miniature.write_images(folder / kind, [f'{number}.png' for number in range(FRAMES)],
                               kind == 'thermal')
    miniature.write_lines(folder / 'groundtruth.txt', miniature.boxes(FRAMES))
    rows = [(number, int(number in (8, 9)), 0,
             'smoke+dark' if number == 4 else 'smoke' if 4 < number < 10 else 'clear')
            for number in range(FRAMES)]
    (folder / 'flags.csv').write_text('\n'.join([
        'frame,occluded,absent,event', *(','.join(map(str, row)) for row in rows)]))
    return tmp_path / 'pairs'


def evaluate(pairs, model, *more):
    return run(['evaluate', '--root', str(pairs), '--model', str(model), *map(str, more)])


def test_every_third_frame_at_half_size(pairs):
    plain = load_dataset('folder', pairs)
    data = Variation(3, 0.5).of(plain)
    one = data.sequences[0]
    assert len(one) == 7
    np.testing.assert_allclose(one.main_truth, np.array(miniature.boxes(FRAMES))[::3] / 2)
    assert one.init == (20, 50, 16, 16)
    assert one.events[2] == 'smoke'
    assert one.use.tolist() == [True] * 3 + [False] + [True] * 3
    frames = list(read_frames(one.rgb, one.thermal))
    whole = list(read_frames(plain.sequences[0].rgb, plain.sequences[0].thermal))[::3]
    assert len(frames) == one.rgb.count == 7
    for each, other in zip(frames, whole, strict=True):
        assert each.stamp == pytest.approx(other.stamp)
        np.testing.assert_array_equal(each.rgb, cv2.resize(
            other.rgb, (160, 120), interpolation=cv2.INTER_AREA))
        assert each.thermal.shape == (120, 160)
    later = list(one.rgb.frames(4))
    np.testing.assert_array_equal(later[0], frames[4].rgb)


def test_nothing_changes_without_a_variation(pairs):
    data = load_dataset('folder', pairs)
    assert Variation().of(data) is data
    assert str(Variation(6, 0.25)) == 'every-6+scale-0.25'


@pytest.mark.parametrize(('more', 'message'), [
    (('--every', '0'), '--every 0: give a whole number over 0'),
    (('--scale', '0'), '--scale 0: give a number over 0'),
    (('--scale', 'nan'), '--scale nan: give a number over 0'),
    (('--peers', '--failures', 'a.png'), 'leave out --corrupt'),
])
def test_bad_variations_are_named(pairs, model, capsys, more, message):
    assert evaluate(pairs, model, *more) == 2
    assert message in capsys.readouterr().err


def test_varied_results_are_kept_apart_and_scored_by_event(pairs, model, tmp_path, capsys):
    out = tmp_path / 'out'
    for more in ((), ('--every', 2)):
        assert evaluate(pairs, model, '--output', out, '--json', tmp_path / 'a.json', *more) == 0
    assert (out / 'mock' / 'one.txt').is_file()
    assert len((out / 'mock+every-2' / 'one.txt').read_text().splitlines()) == FRAMES // 2
    report = json.loads((tmp_path / 'a.json').read_text())
    assert report['variation'] == 'every-2'
    events = report['events']
    assert list(events) == ['clear', 'dark', 'smoke', AFTER]
    # Frames 4, 6 and 8 have smoke; 8 is hidden; 10 to 18 follow within a second.
    assert [events[name]['frames'] for name in ('clear', 'dark', 'smoke', AFTER)] == [6, 1, 2, 5]
    assert events['smoke']['sr'] > 0.5
    assert 'by event' in capsys.readouterr().out


def test_an_event_that_is_missing_is_named(pairs, model, capsys):
    flags = pairs / 'one' / 'flags.csv'
    flags.write_text(flags.read_text().replace('4,0,0,smoke+dark', '4,0,0,'))
    assert evaluate(pairs, model) == 2
    assert 'line 6 has no event' in capsys.readouterr().err


def test_failures_are_drawn(pairs, model, tmp_path, capsys):
    # From frame 12 on the truth is elsewhere: the tracker stays with what it saw.
    rows = miniature.boxes(FRAMES)
    miniature.write_lines(pairs / 'one' / 'groundtruth.txt',
                          [*rows[:12], *((x - 40, 100, w, h) for x, _, w, h in rows[12:])])
    assert evaluate(pairs, model, '--failures', tmp_path / 'f.jpg') == 0
    image = cv2.imread(str(tmp_path / 'f.jpg'))
    assert image.shape[1] > 3 * 176
    assert (tmp_path / 'f.jpg').stat().st_size < 80_000
    green = (image[..., 1] > 150) & (image[..., 0] < 170) & (image[..., 2] < 150)
    red = (image[..., 2] > 180) & (image[..., 1] < 130)
    assert green.sum() > 50
    assert red.sum() > 50
    assert evaluate(pairs, model, '--failures', tmp_path / 'one.png', '--modality', 'rgb') == 0
    assert cv2.imread(str(tmp_path / 'one.png')).shape[0] == image.shape[0]
    shutil.rmtree(pairs / 'one' / 'rgb')
    assert evaluate(pairs, model, '--failures', tmp_path / 'one.png') == 0
    assert cv2.imread(str(tmp_path / 'one.png')).shape[0] == image.shape[0] - 176
    assert evaluate(pairs, model, '--failures', tmp_path / 'f.txt') == 2
    assert 'ends in .png or .jpg' in capsys.readouterr().err


def test_there_is_no_picture_where_nothing_is_lost(pairs, model, tmp_path, capsys):
    assert evaluate(pairs, model, '--failures', tmp_path / 'f.png') == 0
    assert not (tmp_path / 'f.png').exists()
    assert 'no target is lost' in capsys.readouterr().err


@pytest.mark.parametrize(('ious', 'expected'), [
    ([0.9, 0.8, 0.05, 0.4, 0.0, 0.0, 0.0], 4), ([0.9, 0.0, np.nan, 0.0, 0.0, 0.9], 1),
    ([0.9, 0.8, 0.0], 2), ([0.9, 0.8], None), ([0.9, 0.0, 0.0, 0.5], None),
])
def test_a_moment_under_the_threshold_is_no_failure(ious, expected):
    assert failing(np.array(ious), np.ones(len(ious), bool)) == expected


@pytest.fixture
def small_set(monkeypatch):
    monkeypatch.setattr(generated, 'SIZE', (96, 72))
    monkeypatch.setattr(generated, '_SECONDS', 1.0)
    monkeypatch.setattr(generated, 'SCENES', (
        generated.Scene('crowd', 1, ('smoke',)), generated.Scene('far', 2)))


def test_generated_clips_are_made_once(small_set, tmp_path, model):
    root = tmp_path / 'clips'
    data = load_dataset('generated', root)
    assert [sequence.name for sequence in data.sequences] == ['crowd1_smoke', 'far2']
    times = {path: path.stat().st_mtime_ns for path in root.glob('*/meta.json')}
    assert len(times) == 2
    again = load_dataset('generated', root)
    assert {path: path.stat().st_mtime_ns for path in root.glob('*/meta.json')} == times
    assert again.split == data.split
    first = data.sequences[0]
    assert len(first.events) == len(first)
    assert {'smoke', 'crossing'} <= {name for text in first.events for name in text.split('+')}
    alone = load_dataset('generated', root, only=['far2'])
    assert len(alone.sequences) == 1
    assert run(['evaluate', '--dataset', 'generated', '--root', str(root), '--model', str(model),
                '--json', str(tmp_path / 'a.json')]) == 0
    assert 'smoke' in json.loads((tmp_path / 'a.json').read_text())['events']


def test_generated_clips_that_do_not_exist_are_named(small_set, tmp_path):
    with pytest.raises(InputError, match='generated has crowd1_smoke, far2'):
        load_dataset('generated', tmp_path, only=['crowd9'])
    with pytest.raises(InputError, match='bring both cameras'):
        load_dataset('generated', tmp_path, rgb=tmp_path)


def test_the_generated_set_has_every_event():
    spec = {name for scene in generated.SCENES for name in scene.hardships}
    assert {'smoke', 'dark', 'glare', 'occlusion', 'crossover', 'shake', 'freeze'} <= spec
    assert len({scene.number for scene in generated.SCENES}) == len(generated.SCENES)


@pytest.mark.parametrize('scene', generated.SCENES[2:8])
def test_people_of_a_crowd_meet_the_target(scene):
    spec = scene.script()
    target, *others = spec.actors
    crossings = spec.named('crossing')
    assert len(others) == len(crossings) == 3
    for other, event in zip(others, crossings, strict=True):
        middle = (event.start + event.end) / 2
        places = [np.array([np.interp(middle, [point[0] for point in actor.path],
                                      [point[axis] for point in actor.path]) for axis in (1, 2)])
                  for actor in (target, other)]
        assert abs(places[0][0] - places[1][0]) < 1e-6
        assert abs(places[0][1] - places[1][1]) < 0.05
