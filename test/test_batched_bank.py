# SPDX-License-Identifier: Apache-2.0
"""The bank of all images: built from the training data, kept in a file, drawn from."""
from __future__ import annotations

import csv
import shutil

import cv2
import numpy as np
import pytest
import torch
from training_sets import write_sets

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.training.batched import bank as banks
from rgbt_tracker_ros.training.batched.bank import build_bank
from rgbt_tracker_ros.training.batched.composites import composite_samples
from rgbt_tracker_ros.training.batched.source import BatchedSource
from rgbt_tracker_ros.training.batched.tables import size
from rgbt_tracker_ros.training.composite import CompositeSource
from rgbt_tracker_ros.training.dataset import PairDataset
from rgbt_tracker_ros.training.image_sets import PAIR_SETS, set_cut_outs, set_pairs
from rgbt_tracker_ros.training.recipe import SOURCES, Recipe


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp('data'))


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    """Make sets in which one set's objects are red, and everything else is blue or black."""
    root = write_sets(tmp_path_factory.mktemp('people'))
    for table in root.rglob('boxes.csv'):
        table.write_text('file,x,y,w,h\na.jpg,1,2,3,4\n')
    folder = root / 'train_rgb' / 'human_seg'
    rows = [('file', 'x', 'y', 'w', 'h')]
    for number in range(3):
        rgb, mask = np.zeros((120, 160, 3), np.uint8), np.zeros((120, 160), np.uint8)
        mask[20:100, 40 + number:90] = 255
        rgb[mask > 0] = (0, 0, 200) if number == 0 else (200, 0, 0)
        cv2.imwrite(str(folder / 'images' / f'{number}.png'), rgb)
        cv2.imwrite(str(folder / 'masks' / f'{number}.png'), mask)
        rows.append((f'{number}.png', 40 + number, 20, 50 - number, 80))
    with (folder / 'boxes.csv').open('w', newline='') as file:
        csv.writer(file).writerows(rows)
    for image in root.rglob('train/*/*/b.png'):
        cv2.imwrite(str(image), np.zeros((120, 160, 3), np.uint8))
    return root


def recipe(root, cache=None, workers=0, **shares):
    """Return a recipe on stills; `shares` of its sources."""
    return Recipe.model_validate({
        'name': 'tiny', 'network': {'channels': 32, 'blocks': 1, 'start': 'scratch'},
        'data': {'root': str(root), 'workers': workers, 'cache': cache, 'batched': True,
                 **dict.fromkeys(SOURCES, 0.0),
                 **(shares or {'rgb_stills': 0.3, 'rgbt_stills': 0.3, 'composites': 0.4})},
        'optim': {'steps': 10, 'batch': 6}})


def same(one, other):
    return torch.equal(one.pixels, other.pixels) and all(
        np.array_equal(rows, other.tables[name]) for name, rows in one.tables.items())


def test_a_bank_holds_each_image_once_and_what_the_sources_say_of_it(root):
    made = recipe(root)
    bank = build_bank(made, 'cpu')
    tables = bank.tables
    assert list(zip(tables['pools']['source'], tables['pools']['name'], strict=True)) == [
        ('rgb_stills', 'coco_mini'), *(('rgbt_stills', name) for name in PAIR_SETS)]
    assert len(tables['groups']) == 5
    assert len(tables['backgrounds']) == 4
    pairs = tables['moments'][1:]
    np.testing.assert_array_equal(pairs['rgb'], tables['backgrounds']['rgb'])
    assert size(tables) == len(bank.pixels)
    still = tables['moments'][0]
    assert still['thermal'] == -1
    np.testing.assert_array_equal(still['box'], (120, 80, 48, 80))
    np.testing.assert_array_equal(still['corner'], (119, 79))
    mask = tables['images'][still['mask']]
    patch = bank.pixels[mask['offset']:][:mask['height'] * mask['width']]
    assert (mask['width'], mask['height']) == (50, 82)
    assert patch.min() > 0


def test_a_kept_bank_is_read_again_and_one_of_other_data_is_built(root, tmp_path, monkeypatch):
    first = build_bank(recipe(root, tmp_path), 'cpu')
    with monkeypatch.context() as once:
        once.setattr(banks, 'parts_of', lambda *_: pytest.fail('built again'))
        assert same(build_bank(recipe(root, tmp_path), 'cpu'), first)
        other_shares = recipe(root, tmp_path, rgb_stills=0.9, rgbt_stills=0.1, composites=0.1)
        assert same(build_bank(other_shares, 'cpu'), first)
    other = build_bank(recipe(root, tmp_path, rgb_stills=1.0), 'cpu')
    assert len(other.tables['moments']) == 1
    assert len(list(tmp_path.glob('bank_*.pt'))) == 2


def test_several_processes_build_the_same_bank(root):
    assert same(build_bank(recipe(root, workers=2), 'cpu'), build_bank(recipe(root), 'cpu'))


@pytest.mark.parametrize('damage', ['torn', 'short', 'foreign'])
def test_a_damaged_bank_is_named(root, tmp_path, damage):
    build_bank(recipe(root, tmp_path, rgb_stills=1.0), 'cpu')
    file, = tmp_path.glob('bank_*.pt')
    if damage == 'torn':
        file.write_bytes(file.read_bytes()[:5000])
    else:
        content = torch.load(file, weights_only=True)
        content = {'short': {**content, 'pixels': content['pixels'][:-9]}, 'foreign': [1]}[damage]
        torch.save(content, file)
    with pytest.raises(InputError, match=rf'{file.name} is damaged .* delete it'):
        build_bank(recipe(root, tmp_path, rgb_stills=1.0), 'cpu')


def test_samples_are_a_function_of_the_step_and_the_rows(root):
    made = recipe(root)
    bank = build_bank(made, 'cpu')

    def drawn(step, rows, hard=True):
        return BatchedSource(made, bank).draw(step, rows, hard=hard)

    first, again = drawn(4, range(6)), drawn(4, range(6))
    for crops, others in zip(first, again, strict=True):
        assert torch.equal(crops.rgb, others.rgb)
        assert torch.equal(crops.thermal, others.thermal)
        np.testing.assert_array_equal(crops.box, others.box)
    assert [crops.size for crops in first] == [128, 128, 256]
    for other in (drawn(5, range(6)), drawn(4, range(6, 12))):
        assert len(other.search) == 6
        assert not torch.equal(first.search.rgb, other.search.rgb)


def test_sources_are_drawn_by_their_shares(root):
    made = recipe(root, rgb_stills=0.5, rgbt_stills=0.25, composites=0.25)
    source = BatchedSource(made, build_bank(made, 'cpu'))
    source._sizes = (8, 8)
    search = source.draw(0, range(1200), hard=False).search
    assert search.has_rgb.all()
    assert abs((~search.has_thermal).mean() - 0.5) < 0.05
    np.testing.assert_array_equal(search.has_mask, ~search.has_thermal)


@pytest.mark.parametrize('hard', [False, True])
def test_composites_show_the_target_in_its_box_and_are_as_those_made_one_by_one(people, hard):
    bank = build_bank(recipe(people, composites=1.0), 'cpu')
    samples = composite_samples(bank, 400, np.random.default_rng(2), (16, 32), hard=hard)
    single_source = CompositeSource(
        [set_cut_outs(people, 'human_seg')], set_pairs(people, 'tno'))
    rng = np.random.default_rng(3)
    single = [single_source.crops(rng, 16, 32, hard=hard).search for _ in range(400)]
    boxes = np.array([crop.box or (0.5, 0.5, 0.0, 0.0) for crop in single])
    search, present = samples.search, samples.search.box[:, 2] > 0
    assert abs(present.mean() - (boxes[:, 2] > 0).mean()) < 0.09
    quantiles = [np.quantile(some[some[:, 2] > 0], (0.25, 0.5, 0.75), axis=0)
                 for some in (boxes, search.box)]
    np.testing.assert_allclose(*quantiles, atol=0.06)
    levels = [np.stack([crop.rgb.mean((0, 1)) for crop in single]).mean(0),
              search.rgb.mean((0, 2, 3)).numpy()]
    np.testing.assert_allclose(*levels, rtol=0.25)
    warm = [np.mean([crop.thermal.mean() for crop in single]), float(search.thermal.mean())]
    np.testing.assert_allclose(*warm, rtol=0.25)
    # In each template the target fills its box, but for what a rival hides.
    at = (np.arange(16) + 0.5) / 16
    crops = samples.template
    for row in range(0, 400, 8):
        cx, cy, w, h = crops.box[row]
        inside = (np.abs(at - cy) < h / 2.2)[:, None] & (np.abs(at - cx) < w / 2.2)
        assert crops.rgb[row].amax(0).numpy()[inside].mean() > 150


@pytest.mark.parametrize('source', ['', 'composites', 'rgb_stills', 'rgbt_stills'])
def test_sources_without_a_target_are_refused(root, tmp_path, source):
    bare = shutil.copytree(root, tmp_path / 'data')
    for table in bare.rglob('boxes.csv'):
        table.write_text('file,x,y,w,h\na.jpg,1,2,3,4\n')
    for thermal in bare.rglob('thermal/*.png'):
        cv2.imwrite(str(thermal), np.full((120, 160), 9, np.uint8))
    made = recipe(bare, **{source or 'generated': float(bool(source))})
    with pytest.raises(InputError, match='share') as batched:
        BatchedSource(made, build_bank(made, 'cpu'))
    with pytest.raises(InputError) as single:
        PairDataset(made)
    assert str(batched.value) == str(single.value)


def test_meetings_need_batches(root):
    data = {**recipe(root).data.model_dump(), 'batched': False, 'meetings': 0.3}
    with pytest.raises(ValueError, match=r'data\.meetings needs data\.batched'):
        Recipe.model_validate({**recipe(root).model_dump(), 'data': data})


def test_datasets_are_too_large(root):
    made = recipe(root, rgb_stills=1.0)
    data = {**made.data.model_dump(), 'datasets': ['lasher:/data/LasHeR']}
    made = Recipe.model_validate({**made.model_dump(), 'data': data})
    with pytest.raises(InputError, match=r'data\.datasets are too large'):
        build_bank(made, 'cpu')
