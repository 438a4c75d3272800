# SPDX-License-Identifier: Apache-2.0
"""The trainings of AINet and PATrack in miniature."""
from __future__ import annotations

import pytest
from tiny_training import (
    RECIPES,
    as_published,
    falls,
    read_log,
    render_once,
    resumed_and_whole,
    tiny,
    weights_of,
)
import torch

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.networks.layer_order import relaxed
from rgbt_tracker_ros.training.patrack_method import ADAPTERS
from rgbt_tracker_ros.training.recipe import read_recipe
from rgbt_tracker_ros.training.run import Run
from rgbt_tracker_ros.training.trainer import train

STAGES = {'ainet': {'kind': 'tracking'}, 'patrack': {'kind': 'adapters'}}
FIXED_NORM = '.norm.'
"""PATrack's norms before CEA stay as they were initialised, as published."""


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Train AINet; a PATrack as a whole, to have a tracker; then its adapters alone."""
    root = tmp_path_factory.mktemp('runs')
    folders = {name: root / name for name in ('ainet', 'tracker', 'patrack')}
    with pytest.MonkeyPatch.context() as patch:
        render_once(patch)
        train(tiny('ainet'), folders['ainet'])
        start = train(tiny('patrack', steps=16), folders['tracker'])
        train(tiny('patrack', STAGES['patrack'], start=start, drop_path=0.1, optim={'lr': 1e-2}),
              folders['patrack'])
        yield folders


def _batch():
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(8, channels, side, side, generator=generator)
              for side in (32, 32, 64) for channels in (3, 1)]
    return [*images, torch.tensor([[0.5, 0.4, 0.2, 0.3]] * 8)]


def test_the_loss_falls(runs):
    assert falls(read_log(runs['ainet'])['loss'], 0.85)
    assert falls(read_log(runs['patrack'])['loss'], 0.95)


def test_the_adapters_alone_change_and_not_even_statistics_beside_them(runs):
    before, after = weights_of(runs['tracker']), weights_of(runs['patrack'])
    assert any(name.endswith('running_mean') for name in before)
    for name in before:
        same = before[name].numpy().tobytes() == after[name].numpy().tobytes()
        assert same == (not name.startswith(ADAPTERS) or FIXED_NORM in name), name


def test_frozen_blocks_are_skipped_too(runs):
    losses = []
    for rate in (0.0, 0.5):
        recipe = tiny('patrack', STAGES['patrack'], start=runs['tracker'] / 'checkpoint.pt',
                      drop_path=rate, task_dropout=0.0)
        losses.append(float(Run(recipe, torch.device('cpu')).advance(_batch())['loss']))
    assert losses[0] != losses[1]


@pytest.mark.parametrize(('gradient', 'learns'), [('straight_through', True), ('none', False)])
def test_the_order_network_learns_by_its_relaxation(gradient, learns, monkeypatch):
    render_once(monkeypatch)
    recipe = tiny('ainet', order_gradient=gradient)
    run = Run(recipe, torch.device('cpu'))
    network = run._method.network
    before = {name: weight.clone() for name, weight in network.named_parameters()}
    run.advance(_batch())
    for name, weight in network.named_parameters():
        changed = not torch.equal(before[name], weight)
        assert changed == (learns or not name.startswith('ofm.order.')), name


@pytest.mark.parametrize('family', ['ainet', 'patrack'])
def test_a_resumed_run_equals_an_uninterrupted_one(runs, family, tmp_path, monkeypatch):
    render_once(monkeypatch)
    start = runs['tracker'] / 'checkpoint.pt' if family == 'patrack' else None
    recipe = tiny(family, STAGES[family], start=start, steps=4, drop_path=0.2,
                  optim={'batch': 2, 'checkpoint_every': 2})
    resumed, whole = resumed_and_whole(recipe, tmp_path, 3, monkeypatch)
    for part in ('step', 'network', 'optimizer'):
        torch.testing.assert_close(resumed[part], whole[part], rtol=0, atol=0)


@pytest.mark.parametrize('family', ['ainet', 'patrack'])
def test_they_start_from_a_one_stream_tracker(family, tmp_path):
    source = Run(tiny(family), torch.device('cpu'))._method.network.state_dict()
    torch.save({'net': as_published(source)}, tmp_path / 'one_stream')
    recipe = tiny(family, start=tmp_path / 'one_stream').model_copy(update={'seed': 9})
    started = Run(recipe, torch.device('cpu'))._method.network.state_dict()
    fusions = ('dfm.', 'ofm.') if family == 'ainet' else ADAPTERS
    for name, tensor in started.items():
        if name.endswith('.weight') and tensor.ndim > 1:
            assert torch.equal(source[name], tensor) != name.startswith(fusions), name


def test_adapters_need_a_tracker_to_start_from(tmp_path):
    with pytest.raises(InputError, match=r'network\.start'):
        train(tiny('patrack', {'kind': 'adapters'}), tmp_path)


@pytest.mark.parametrize(('name', 'samples', 'rates', 'batch', 'drop'), [
    ('ainet', 15 * 60_000, (1e-4, 1e-5), 16, 10 / 15),
    ('patrack', 60 * 60_000, (4e-4, None), 32, 48 / 60)])
def test_the_published_schedule_is_what_the_recipes_say(name, samples, rates, batch, drop):
    recipe = read_recipe(RECIPES / f'{name}.yaml')
    optim = recipe.optim
    assert recipe.name == recipe.network.family == name
    assert recipe.stage.kind == STAGES[name]['kind']
    assert (optim.steps * optim.batch, optim.batch) == (samples, batch)
    assert optim.lr == rates[0]
    assert rates[1] in (None, optim.trunk_lr)
    assert (optim.schedule, optim.weight_decay, optim.clip) == ('step', 1e-4, 0.1)
    assert optim.drop_at == pytest.approx(drop, abs=1e-4)
    assert (recipe.data.sampling, recipe.data.max_gap) == ('ostrack', 200)
    assert (recipe.network.channels, recipe.network.blocks, recipe.network.drop_path) == (
        768, 12, 0.1)
    assert optim.average == 0.0


def test_the_relaxation_finds_a_wanted_order():
    torch.manual_seed(0)
    values, wanted = torch.randn(1, 5, 8), [3, 0, 4, 1, 2]
    logits = torch.randn(1, 5, requires_grad=True)
    assert logits.argsort()[0].tolist() != wanted
    optimizer = torch.optim.Adam([logits], 0.05)
    for _ in range(150):
        optimizer.zero_grad()
        (relaxed(logits, 0.5) @ values - values[:, wanted]).square().mean().backward()
        optimizer.step()
    assert logits.argsort()[0].tolist() == wanted
