# SPDX-License-Identifier: Apache-2.0
"""Batches made on the device that trains: what the network gets of them."""
from __future__ import annotations

import numpy as np
import pytest
from tiny_training import read_log, resumed_and_whole
import torch

from rgbt_tracker_ros.networks.inputs import RGB, THERMAL
from rgbt_tracker_ros.training import processes, trainer
from rgbt_tracker_ros.training.batched.crops import CropBatch, SampleBatch
from rgbt_tracker_ros.training.batched.loader import BatchedLoader
from rgbt_tracker_ros.training.recipe import SOURCES, Recipe

CPU = torch.device('cpu')


def recipe(*, faults=False, **optim):
    """Return a recipe whose crops come from a stand-in."""
    return Recipe.model_validate({
        'name': 'tiny', 'network': {'channels': 32, 'blocks': 1, 'start': 'scratch'},
        'data': {'root': '.', 'workers': 0, 'batched': True, 'faults': faults, 'styles': faults,
                 **dict.fromkeys(SOURCES, 0.0), 'rgbt_stills': 1.0},
        'optim': {'steps': 6, 'batch': 4, 'warmup': 1, 'log_every': 1, 'precision': 'fp32',
                  'fusion_from': 0.5, 'threads': 1, **optim}})


class StandIn:
    """Gives crops of random grey levels, without thermal in every other row, and remembers."""

    def __init__(self, sizes=(128, 128, 256)):
        self.sizes, self.asked, self.given = sizes, [], []

    def draw(self, step, rows, *, hard):
        self.asked.append((step, rows, hard))
        rng = np.random.default_rng([step, rows.start])
        batch = SampleBatch(*(self._crops(rng, len(rows), size) for size in self.sizes))
        self.given.append(batch)
        return batch

    def _crops(self, rng, count, size):
        def images(channels):
            grey = rng.integers(0, 256, (count, channels, 8, 8)).astype(np.float32)
            return torch.nn.functional.interpolate(torch.from_numpy(grey), size=(size, size))
        seen = np.arange(count) % 2 == 0
        box = np.tile(np.array([0.5, 0.45, 0.2, 0.3], np.float32), (count, 1))
        return CropBatch(images(3), images(1), torch.zeros(count, 1, size, size),
                         np.ones(count, bool), seen, np.zeros(count, bool), box)


def test_a_step_gives_seven_normalised_tensors(monkeypatch):
    monkeypatch.setattr('rgbt_tracker_ros.training.batched.loader.augmented',
                        lambda samples, *_: samples)
    source = StandIn()
    *images, boxes = BatchedLoader(recipe(), source, CPU, 0).batch(2)
    given = source.given[0]
    assert [tuple(image.shape) for image in images] == [
        (4, 3, 128, 128), (4, 1, 128, 128)] * 2 + [(4, 3, 256, 256), (4, 1, 256, 256)]
    for index, crop in enumerate(given):
        rgb = crop.rgb[0].permute(1, 2, 0).numpy().astype(np.uint8)
        np.testing.assert_allclose(
            images[2 * index][0], RGB.apply(rgb, crop.size)[0], atol=1e-5)
        thermal = crop.thermal[0, 0].numpy().astype(np.uint8)
        np.testing.assert_allclose(
            images[2 * index + 1][0], THERMAL.apply(thermal, crop.size)[0], atol=1e-5)
        assert not images[2 * index + 1][1].any()
    np.testing.assert_array_equal(boxes, given.search.box)


def test_what_a_missing_camera_holds_does_not_matter():
    source = StandIn()
    clean = BatchedLoader(recipe(), source, CPU, 0).batch(0)

    class Spoilt(StandIn):
        def draw(self, step, rows, *, hard):
            batch = super().draw(step, rows, hard=hard)
            for crop in batch:
                crop.thermal[1::2] = 17.0
            return batch

    for one, other in zip(clean, BatchedLoader(recipe(), Spoilt(), CPU, 0).batch(0), strict=True):
        assert torch.isfinite(one).all()
        assert torch.equal(one, other)


def test_samples_are_a_function_of_the_step_and_get_hard(monkeypatch):
    whole = StandIn()
    run = list(BatchedLoader(recipe(faults=True), whole, CPU, 0))
    later = list(BatchedLoader(recipe(faults=True), StandIn(), CPU, 4))
    assert [step for step, _, _ in whole.asked] == list(range(6))
    assert [hard for _, _, hard in whole.asked] == [False] * 3 + [True] * 3
    for one, other in zip(run[4:], later, strict=True):
        assert all(torch.equal(first, second) for first, second in zip(one, other, strict=True))
    assert not torch.equal(run[4][4], run[5][4])
    monkeypatch.setattr(processes, 'count', lambda: 2)
    monkeypatch.setattr(processes, 'rank', lambda: 1)
    second = StandIn()
    assert len(BatchedLoader(recipe(), second, CPU, 0).batch(0)[-1]) == 2
    assert second.asked[0][1] == range(2, 4)


def test_training_on_such_batches_resumes_exactly(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, 'build_bank', lambda *_: None)
    monkeypatch.setattr(trainer, 'BatchedSource', lambda *_: StandIn())
    resumed, whole = resumed_and_whole(
        recipe(steps=3, batch=2, checkpoint_every=2), tmp_path, 2, monkeypatch)
    torch.testing.assert_close(resumed['network'], whole['network'], rtol=0, atol=0)


def test_training_with_all_data_on_the_device(tmp_path):
    content = recipe(faults=True, steps=2, fusion_from=0.0).model_dump(mode='json')
    content['data'] |= {'rgbt_stills': 0.0, 'generated': 1.0, 'generated_clips': 1,
                        'root': str(tmp_path), 'cache': str(tmp_path / 'cache')}
    for name in ('first', 'second'):
        trainer.train(Recipe.model_validate(content), tmp_path / name)
    logs = [read_log(tmp_path / name) for name in ('first', 'second')]
    assert np.isfinite(logs[0]['loss']).all()
    assert (logs[0]['iou'] > 0).all()
    assert logs[0]['loss'].tolist() == logs[1]['loss'].tolist()
    assert len(list((tmp_path / 'cache').glob('bank_*.pt'))) == 1


def test_sampling_that_cannot_be_batched_is_refused():
    content = recipe().model_dump(mode='json')
    content['data']['sampling'] = 'ostrack'
    with pytest.raises(ValueError, match=r'data\.batched makes no samples as ostrack does'):
        Recipe.model_validate(content)
