# SPDX-License-Identifier: Apache-2.0
"""The trainer: several processes, precision, what it writes, and what its terms do."""
from __future__ import annotations

from pathlib import Path
import subprocess
import sys

import miniature
import numpy as np
import pytest
from tiny_training import RECIPES, read_log, render_once, resumed_and_whole, tiny
import torch
from torch import nn
import yaml

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.vit import ViT, ViTConfig
from rgbt_tracker_ros.training import processes
from rgbt_tracker_ros.training.dataset import PairDataset
from rgbt_tracker_ros.training.drop_path import add_drop_path
from rgbt_tracker_ros.training.log import TrainingLog
from rgbt_tracker_ros.training.published_inputs import loss_of_maps, template_and_search
from rgbt_tracker_ros.training.recipe import named_datasets, read_recipe
from rgbt_tracker_ros.training.run import Run, learning_rate_share
from rgbt_tracker_ros.training.trainer import SPEED, averaged_network, train


@pytest.fixture(autouse=True)
def _one_clip(monkeypatch):
    render_once(monkeypatch)


def test_two_processes_give_the_losses_of_one_with_the_same_batch(tmp_path):
    """With everything that looks at a whole batch: normalisation, dropout, stochastic depth."""
    for name in ('one', 'two'):
        miniature.write_pair(tmp_path / 'data' / name)
    recipe = tiny('patrack', steps=3, drop_path=0.3)
    (tmp_path / 'recipe.yaml').write_text(yaml.safe_dump(recipe.model_dump(mode='json')))
    data = f'folder:{tmp_path / "data"}'
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', '2',
         '-m', 'rgbt_tracker_ros.cli.main', 'train', str(tmp_path / 'recipe.yaml'),
         '--output', str(tmp_path / 'both'), '--dataset', data],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('checkpoint:') == 1
    train(recipe.on_datasets(named_datasets([data], False)), tmp_path / 'alone')
    both, alone = read_log(tmp_path / 'both'), read_log(tmp_path / 'alone')
    assert both['step'].tolist() == [1, 2, 3]
    for name in alone.keys() - {SPEED}:
        np.testing.assert_allclose(both[name], alone[name], atol=2e-4)
    assert {file.name for file in (tmp_path / 'both').iterdir()} == {
        'checkpoint.pt', 'log.csv', 'log.png'}


def test_a_batch_must_be_divisible_among_the_processes(monkeypatch):
    monkeypatch.setattr(processes, 'count', lambda: 3)
    assert processes.own_rows(9) == range(3)
    with pytest.raises(InputError, match=r'batch 8 cannot be divided among 3'):
        processes.own_rows(8)


def test_normalisation_over_all_processes_is_the_usual_one_for_a_lone_one():
    torch.manual_seed(0)
    usual, whole = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
    whole.__class__ = processes._WholeBatchNorm
    for maps in torch.randn(3, 5, 4, 6, 6) * 3 + 1:
        torch.testing.assert_close(whole(maps), usual(maps))
    torch.testing.assert_close(whole.state_dict(), usual.state_dict())
    torch.testing.assert_close(whole.eval()(maps), usual.eval()(maps))


def test_half_precision_with_scaled_gradients_resumes_exactly(tmp_path, monkeypatch):
    recipe = tiny('ckd', steps=3, optim={
        'precision': 'fp16', 'batch': 2, 'checkpoint_every': 2})
    resumed, whole = resumed_and_whole(recipe, tmp_path, 2, monkeypatch)
    for part in ('network', 'optimizer', 'scaler'):
        torch.testing.assert_close(resumed[part], whole[part], rtol=0, atol=0)
    assert whole['scaler']['scale'] > 1
    assert all(torch.isfinite(tensor).all() for tensor in whole['network'].values())


def test_averaging_is_off_unless_a_recipe_wants_it(tmp_path):
    file = train(tiny('ckd', steps=1), tmp_path)
    assert 'average' not in torch.load(file, weights_only=True)
    network = torch.load(file, weights_only=True)['network']
    torch.testing.assert_close(averaged_network(file)[0].state_dict(), network)
    with pytest.raises(InputError, match=r'another optim\.average'):
        train(tiny('ckd', steps=2, optim={'average': 0.9}), tmp_path)
    assert read_recipe(RECIPES / 'unified_nano.yaml').optim.average == 0.998


def test_a_checkpoint_that_is_broken_off_leaves_the_one_before(tmp_path, monkeypatch):
    recipe = tiny('ckd', steps=2, optim={'checkpoint_every': 1})
    save, written = torch.save, []

    def broken(state, file):
        written.append(state['step'])
        if state['step'] == 2:
            Path(file).write_bytes(b'half')
            raise KeyboardInterrupt
        save(state, file)

    monkeypatch.setattr(torch, 'save', broken)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path)
    assert written == [1, 2]
    assert torch.load(tmp_path / 'checkpoint.pt', weights_only=True)['step'] == 1
    assert {file.name for file in tmp_path.iterdir()} == {'checkpoint.pt', 'log.csv'}


def test_a_loss_that_is_no_number_ends_the_training_and_is_not_kept(tmp_path, monkeypatch):
    advance = Run.advance

    def diverging(run, batch):
        parts = advance(run, batch)
        return {name: value * (np.nan if run.step > 2 else 1) for name, value in parts.items()}

    monkeypatch.setattr(Run, 'advance', diverging)
    with pytest.raises(InputError, match='by step 4 the loss is no longer a number'):
        train(tiny('ckd', steps=6, optim={'checkpoint_every': 2, 'log_every': 9}), tmp_path)
    assert torch.load(tmp_path / 'checkpoint.pt', weights_only=True)['step'] == 2


def test_the_log_has_each_step_once_and_is_drawn(tmp_path, monkeypatch):
    file = tmp_path / 'log.csv'
    log = TrainingLog(file, ('loss', 'iou'), 0)
    log.draw()
    assert not (tmp_path / 'log.png').exists()
    for step in (20, 40, 60):
        log.add(step, [1 / step, 0.5])
    with file.open('a') as table:
        table.write('80,0.0')
    again = TrainingLog(file, ('loss', 'iou'), 40)
    again.add(60, [0.25, 0.75])
    assert file.read_text().splitlines() == [
        'step,loss,iou', '20,0.0500,0.5000', '40,0.0250,0.5000', '60,0.2500,0.7500']
    with monkeypatch.context() as without:
        without.setitem(sys.modules, 'matplotlib.figure', None)
        again.draw()
    assert not (tmp_path / 'log.png').exists()
    again.draw()
    assert (tmp_path / 'log.png').read_bytes().startswith(b'\x89PNG')


def test_the_rate_falls_to_a_tenth_at_its_step():
    optim = tiny('ckd', steps=100, optim={
        'schedule': 'step', 'drop_at': 0.8, 'warmup': 0}).optim
    assert [learning_rate_share(step, optim) for step in (0, 79, 80, 99)] == [1, 1, 0.1, 0.1]


def test_stochastic_depth_keeps_the_mean_and_is_off_outside_of_training():
    trunk = ViT(ViTConfig(template_size=16, search_size=32, channels=8, heads=1, blocks=2))
    branch = torch.ones(4000, 1, 8)
    plain = trunk.blocks[1].mlp(branch).detach()
    add_drop_path(trunk, 0.25, 2000)
    torch.manual_seed(0)
    dropped = trunk.blocks[1].mlp(branch)
    gone = (dropped == 0).all((1, 2))
    assert 0.22 < gone.float().mean() < 0.28
    torch.testing.assert_close(dropped[~gone], plain[~gone] / 0.75)
    assert torch.equal(trunk.blocks[0].mlp(branch), plain.new_tensor(
        trunk.eval().blocks[0].mlp(branch).tolist()))
    assert torch.equal(trunk.blocks[1].mlp(branch), plain)


def test_a_lost_camera_costs_less_after_training_with_lost_cameras(tmp_path):
    samples = PairDataset(tiny('ckd', data={'sampling': 'ostrack'}))
    batch = [torch.stack(part) for part in zip(
        *(samples[10**6 + index] for index in range(48)), strict=True)]
    costs = []
    for share in (0.0, 0.6):
        recipe = tiny('ckd', steps=48, data={'sampling': 'ostrack', 'drop_camera': share},
                      optim={'schedule': 'constant'})
        network = averaged_network(train(recipe, tmp_path / str(share)))[0]
        with torch.no_grad():
            both, *alone = (
                loss_of_maps(network(*template_and_search(
                    [torch.zeros_like(part) if index in lost else part
                     for index, part in enumerate(batch)])), batch[-1])[0]
                for lost in ((), (0, 4), (1, 5)))
        costs.append(float(sum(alone) - 2 * both))
    assert costs[1] < 0.6 * costs[0]
