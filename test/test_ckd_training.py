# SPDX-License-Identifier: Apache-2.0
"""CKD's training in miniature: both stages, and what each term of the loss does."""
from __future__ import annotations

import numpy as np
import pytest
from tiny_training import (
    RECIPES,
    STEPS,
    falls,
    read_log,
    render_once,
    resumed_and_whole,
    tiny,
    weights_of,
)
import torch

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.networks.inputs import RGB, THERMAL
from rgbt_tracker_ros.training.ckd_method import CKDMethod
from rgbt_tracker_ros.training.coupling import content_distance, shared_mask, style_distance
from rgbt_tracker_ros.training.published_inputs import three_channels
from rgbt_tracker_ros.training.recipe import Recipe, read_recipe
from rgbt_tracker_ros.training.trainer import averaged_network, train

OPTIM = {'schedule': 'constant'}


def _recipe(stage, start=None, steps=STEPS):
    return tiny('ckd', stage, start=start, steps=steps, optim=OPTIM)


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Train stage 1 with a strong and without any pull on the style, then stage 2."""
    root = tmp_path_factory.mktemp('runs')
    folders = {name: root / name for name in ('coupled', 'apart', 'head')}
    with pytest.MonkeyPatch.context() as patch:
        render_once(patch)
        start = train(_recipe({'kind': 'coupled', 'style': 0.2}), folders['coupled'])
        train(_recipe({'kind': 'coupled', 'style': 0.0, 'content': 0.0}), folders['apart'])
        train(_recipe({'kind': 'head'}, str(start), steps=4), folders['head'])
        yield folders


def test_students_and_teachers_learn(runs):
    log = read_log(runs['coupled'])
    assert all(falls(log[name], 0.9) for name in ('loss', 'teacher_rgb', 'teacher_thermal'))


def test_distillation_brings_styles_together_and_keeps_content(runs):
    coupled, apart = read_log(runs['coupled']), read_log(runs['apart'])
    assert coupled['style'][-8:].mean() < 0.5 * apart['style'][-8:].mean()
    assert coupled['content'][-8:].mean() < apart['content'][-8:].mean()


def test_the_second_stage_trains_the_head_alone_with_elimination(runs):
    before, after = weights_of(runs['coupled']), weights_of(runs['head'])
    changed = {name.partition('.')[0] for name in after
               if not torch.equal(before[name], after[name])}
    assert changed == {'head'}
    assert averaged_network(runs['head'] / 'checkpoint.pt')[0].config.eliminate_at == (3,)


def test_interrupted_training_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    render_once(monkeypatch)
    recipe = tiny('ckd', {'kind': 'coupled'}, steps=4, optim={'checkpoint_every': 2, 'batch': 2})
    resumed, whole = resumed_and_whole(recipe, tmp_path, 3, monkeypatch)
    for part in ('step', 'network', 'extra', 'optimizer'):
        torch.testing.assert_close(resumed[part], whole[part], rtol=0, atol=0)


def test_style_is_mean_and_deviation_of_each_channel():
    torch.manual_seed(0)
    tokens = torch.randn(2, 10, 4, dtype=torch.float64)
    assert style_distance([tokens], [tokens[:, torch.randperm(10)]]) < 1e-20
    assert style_distance([tokens], [tokens + 0.5]).item() == pytest.approx(0.25)
    both = style_distance([tokens] * 2, [2 * tokens] * 2)
    mean, std = tokens.mean(1), tokens.std(1)
    assert both.item() == pytest.approx(2 * (mean ** 2 + std ** 2).mean().item())


def test_content_is_what_style_is_not():
    torch.manual_seed(0)
    tokens = torch.randn(2, 50, 4)
    assert content_distance([tokens], [3 * tokens + 7]) < 1e-6
    assert content_distance([tokens], [tokens[:, torch.randperm(50)]]) > 1.0
    student, teacher = (torch.randn(1, 5, 3, requires_grad=True) for _ in range(2))
    content_distance([student], [teacher]).backward()
    assert student.grad is not None
    assert teacher.grad is None


def test_masks_differ_from_step_to_step_and_have_their_share():
    first, again, other = (shared_mask(64, 256, 0.25, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.mean().item() == pytest.approx(0.75, abs=0.02)
    assert shared_mask(1, 256, 0.0, 1).all()


def test_grey_crops_become_what_the_tracker_will_feed():
    grey = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    crop = torch.from_numpy(THERMAL.apply(grey, 16))
    wanted = Normalization(RGB.mean, RGB.std).apply(grey, 16)
    np.testing.assert_allclose(three_channels(crop).numpy(), wanted, atol=1e-5)
    assert not three_channels(torch.zeros(2, 1, 4, 4)).any()


def test_students_and_teachers_start_from_a_one_stream_tracker(tmp_path):
    method = CKDMethod(_recipe({'kind': 'coupled'}), _recipe({'kind': 'coupled'}).network,
                       torch.device('cpu'))
    state = {f'backbone.{name}': tensor
             for name, tensor in method.extra.rgb.state_dict().items()}
    for branch, ours in (('ctr', 'score'), ('offset', 'offset'), ('size', 'size')):
        for name, tensor in getattr(method.extra.rgb_head, ours).state_dict().items():
            layer, _, rest = name.partition('.')
            state[f'box_head.conv{int(layer) + 1}_{branch}.{rest}'] = tensor
    torch.save({'net': state}, tmp_path / 'one_stream')
    recipe = _recipe({'kind': 'coupled'}, str(tmp_path / 'one_stream'))
    started = CKDMethod(recipe, recipe.network, torch.device('cpu'))
    source = method.extra.rgb.state_dict()
    for trunk in (started.network.rgb, started.network.thermal, started.extra.rgb,
                  started.extra.thermal):
        assert all(torch.equal(source[name], tensor)
                   for name, tensor in trunk.state_dict().items())
    for head in (started.extra.rgb_head, started.extra.thermal_head):
        assert all(torch.equal(method.extra.rgb_head.state_dict()[name], tensor)
                   for name, tensor in head.state_dict().items() if 'num_batches' not in name)
    first = method.extra.rgb_head.score[0][0].weight
    assert torch.equal(started.network.head.score[0][0].weight, torch.cat([first, first], 1))


def test_a_start_of_another_network_is_refused(tmp_path):
    torch.save({'net': {'backbone.norm.weight': torch.ones(32)}}, tmp_path / 'part')
    recipe = _recipe({'kind': 'coupled'}, str(tmp_path / 'part'))
    with pytest.raises(InputError, match='lacks'):
        CKDMethod(recipe, recipe.network, torch.device('cpu'))


def test_stages_belong_to_their_family():
    with pytest.raises(ValueError, match='family ckd'):
        Recipe.model_validate({
            **_recipe({'kind': 'tracking'}).model_dump(), 'network': {'family': 'tpf'},
            'stage': {'kind': 'coupled'}})


@pytest.mark.parametrize(('name', 'kind'), [('ckd_stage1', 'coupled'), ('ckd_stage2', 'head')])
def test_the_published_schedule_is_what_the_recipes_say(name, kind):
    recipe = read_recipe(RECIPES / f'{name}.yaml')
    assert recipe.stage.kind == kind
    assert (recipe.optim.lr, recipe.optim.weight_decay, recipe.optim.clip) == (5e-5, 1e-4, 0.1)
    assert recipe.optim.schedule == 'constant'
    assert recipe.network.channels == 768
