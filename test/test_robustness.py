# SPDX-License-Identifier: Apache-2.0
"""`evaluate --corrupt` and `--tracker`: corrupted runs are kept apart, resumed and compared."""
from __future__ import annotations

import csv
import json
import pickle

import miniature
from mock_model import write_bundle
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
from rgbt_tracker_ros.benchmark.recording import read_frames
from rgbt_tracker_ros.benchmark.robustness import corrupted
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.synthetic.corruptions import Corruption
from rgbt_tracker_ros.synthetic.patterns import Film, gap

NAMES = ('one', 'two')
FRAMES = 21


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.fixture(scope='module')
def gtot(tmp_path_factory):
    root = tmp_path_factory.mktemp('gtot')
    for name in NAMES:
        miniature.write_gtot(root / name, FRAMES)
    (root / 'SequencesName.txt').write_text('\n'.join(NAMES))
    return root


def evaluate(root, out, *more):
    return run(['evaluate', '--dataset', 'gtot', '--root', str(root), '--output', str(out),
                '--json', str(out / 'report.json'), *map(str, more)])


def modes(folder, name):
    with (folder / 'logs' / f'{name}.csv').open() as file:
        return [row['mode'] for row in csv.DictReader(file)]


def test_what_corruptions_cost_is_told_and_drawn(gtot, model, tmp_path, capsys):
    assert evaluate(gtot, tmp_path, '--model', model, '--corrupt', 'thermal-missing:60',
                    '--corrupt', 'thermal-shifted', '--picture', tmp_path / 'p.png') == 0
    report = json.loads((tmp_path / 'report.json').read_text())
    clean, gone, *moved = report['rows']
    assert (clean['corruption'], gone['corruption'], gone['level']) == (
        'none', 'thermal-missing', 60)
    assert [(row['level'], row['unit']) for row in moved] == [(4, 'px'), (8, 'px'), (16, 'px')]
    for row in (gone, *moved):
        assert row['sr_drop'] == pytest.approx(clean['sr'] - row['sr'])
        assert set(row['sr_by_sequence']) == set(NAMES)
    assert report['mean_sr_drop']['thermal-shifted'] == pytest.approx(
        np.mean([row['sr_drop'] for row in moved]))
    assert moved[-1]['sr'] < clean['sr']
    assert (tmp_path / 'p.png').stat().st_size > 1000
    out = capsys.readouterr().out
    assert 'thermal-missing' in out
    assert '16 px' in out


def test_a_missing_camera_is_missing_in_just_these_frames(gtot, model, tmp_path):
    assert evaluate(gtot, tmp_path, '--model', model, '--corrupt', 'thermal-missing:60',
                    '--corrupt', 'switched-missing:90', '--seed', 5) == 0
    for name in NAMES:
        flags = gap(60, Film(name, FRAMES, 5))
        assert flags.sum() == 12
        assert [mode == 'rgb' for mode in modes(tmp_path / 'mock+thermal-missing-60', name)] == \
            flags.tolist()
        found = modes(tmp_path / 'mock+switched-missing-90', name)
        assert found.count('rgbt') == 3
        assert found.count('rgb') == found.count('thermal') == 9


def test_each_corruption_has_its_folder_and_goes_on_there(gtot, model, tmp_path, capsys):
    wanted = ('--model', model, '--corrupt', 'smoke:40', '--corrupt', 'smoke:70', '--corrupt',
              'smoke:40')
    assert evaluate(gtot, tmp_path, *wanted) == 0
    folders = ['mock', 'mock+smoke-40', 'mock+smoke-70']
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == folders
    before = (tmp_path / 'report.json').read_text()
    files = {path: path.stat().st_mtime_ns for name in folders
             for path in (tmp_path / name).glob('*.txt')}
    torn = tmp_path / 'mock+smoke-70' / 'two.txt'
    torn.unlink()
    assert evaluate(gtot, tmp_path, *wanted) == 0
    assert {path for path, time in files.items() if path.stat().st_mtime_ns != time} == {torn}
    assert (tmp_path / 'report.json').read_text() == before
    capsys.readouterr()
    assert evaluate(gtot, tmp_path, *wanted, '--seed', 1) == 2
    assert 'corruption_seed: 0 there, 1 now' in capsys.readouterr().err


def test_a_corrupted_dataset_reads_lazily_and_travels(gtot):
    data = load_dataset('gtot', gtot)
    first, second = (
        [frames.thermal for frames in read_frames(sequence.rgb, sequence.thermal)]
        for sequence in (corrupted(data, Corruption('thermal-late', 3)).sequences[0],
                         pickle.loads(pickle.dumps(
                             corrupted(data, Corruption('thermal-late', 3)).sequences[0]))))
    assert len(first) == FRAMES
    np.testing.assert_array_equal(first, second)
    plain = [frames.thermal for frames in read_frames(None, data.sequences[0].thermal)]
    np.testing.assert_array_equal(first, plain[:1] * 3 + plain[:-3])
    later = corrupted(data, Corruption('thermal-late', 3)).sequences[0].thermal
    np.testing.assert_array_equal(list(later.frames(5)), first[5:])


def test_opencv_trackers_are_evaluated_the_same_way(gtot, tmp_path):
    for view in ('rgb', 'average'):
        assert evaluate(gtot, tmp_path, '--tracker', 'opencv:mil', '--modality', view,
                        '--corrupt', 'rgb-missing:90') == 0
        report = json.loads((tmp_path / 'report.json').read_text())
        assert (report['model'], report['modality']) == ('opencv:mil', view)
        assert (tmp_path / f'opencv-mil-{view}' / 'one.txt').is_file()
        clean, gone = report['rows']
        assert clean['sr'] > 0.4
        if view == 'rgb':
            assert gone['sr'] < clean['sr']


def test_all_trackers_come_in_one_table(gtot, model, tmp_path, capsys):
    other = write_bundle(tmp_path / 'other')
    assert evaluate(gtot, tmp_path, '--model', model, '--peers', '--with', other, '--sequences',
                    'one', '--picture', tmp_path / 'curves.png') == 0
    rows = {(row['tracker'], row['view']): row for row in
            json.loads((tmp_path / 'report.json').read_text())['trackers']}
    expected = {*((name, view) for name in ('mock', 'other')
                  for view in ('rgbt', 'rgb', 'thermal')),
                *(('opencv:mil', view) for view in ('rgb', 'thermal', 'average'))}
    assert expected <= set(rows)
    assert not any('nano' in name for name, _ in rows)
    for row in rows.values():
        assert 0 < row['ms'] < 60_000
        assert row['sr_by_sequence'].keys() == {'one'}
        assert 'events' not in row
    assert [row['sr'] for row in rows.values()] == sorted(
        (row['sr'] for row in rows.values()), reverse=True)
    assert (tmp_path / 'curves.png').stat().st_size > 10_000
    captured = capsys.readouterr()
    assert all(name in captured.out for name, _ in expected)
    assert 'opencv:nano is left out, it needs: --weights' in captured.err


def test_sequences_without_a_scored_frame_are_refused(gtot, model, tmp_path, capsys):
    folder = tmp_path / 'pairs' / 'hidden'
    miniature.write_images(folder / 'rgb', ['0.png', '1.png'])
    (folder / 'groundtruth.txt').write_text('40,100,32,32\nnan,nan,nan,nan\n')
    for more in (('--corrupt', 'smoke:40'), ('--peers',)):
        assert run(['evaluate', '--root', str(tmp_path / 'pairs'), '--model', str(model),
                    *more]) == 2
        assert 'nothing to compare' in capsys.readouterr().err


@pytest.mark.parametrize(('more', 'message'), [
    (('--peers', '--modality', 'rgb'), '--peers goes over all trackers: leave out'),
    (('--corrupt', 'fog'), "--corrupt: corruption 'fog' is unknown: give all"),
    (('--corrupt', 'smoke:101'), 'give a level from 0 to 100 %'),
    (('--picture', 'a.png'), '--picture a.png: there is one with --corrupt or --peers only'),
    (('--with', 'b'), '--with b: models stand side by side with --peers only'),
    (('--tracker', 'opencv:best'), '--tracker opencv:best: give opencv:csrt'),
    (('--tracker', 'opencv:nano', '--weights', 'nowhere'), '--weights nowhere: opencv:nano needs'),
    (('--tracker', 'opencv:mil', '--modality', 'rgbt'), 'looks at one image: give rgb'),
    (('--modality', 'average'), '--modality average: give rgbt, rgb, thermal'),
])
def test_bad_arguments_are_named(gtot, model, tmp_path, capsys, more, message):
    assert evaluate(gtot, tmp_path, '--model', model, *more) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count('\n') == 1
