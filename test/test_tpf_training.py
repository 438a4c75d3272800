# SPDX-License-Identifier: Apache-2.0
"""TPF's training in miniature: a tracker, expert distillation, decoupled fine-tuning."""
from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper
import pytest
from tiny_training import (
    RECIPES,
    STEPS,
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
from rgbt_tracker_ros.networks.tpf import ONE_STREAM
from rgbt_tracker_ros.training import dataset
from rgbt_tracker_ros.training.decoupling import cross_correlation
from rgbt_tracker_ros.training.distillation import (
    Distillation,
    expert_weights,
    image_distance,
    pictures,
)
from rgbt_tracker_ros.training.experts import GuidedFilter, LaplacianPyramid, WeightedAverage
from rgbt_tracker_ros.training.onnx_expert import OnnxExpert
from rgbt_tracker_ros.training.recipe import Recipe, read_recipe
from rgbt_tracker_ros.training.recipe_stages import DistillationStage
from rgbt_tracker_ros.training.trainer import averaged_network, train, training_data

DISTILLATION = {'kind': 'distillation', 'experts': [{'kind': 'laplacian'}]}
EXPERTS = [WeightedAverage(), LaplacianPyramid(), GuidedFilter()]


def _recipe(stage, start=None, steps=STEPS, optim=None, **network):
    return tiny('tpf', stage, start=start, steps=steps, optim=optim, **network)


def _fusion_model(file, scale=0.5, size='n', channels=(3, 3)):
    """Write a fusion model: (first + second) x scale, each averaged over its channels."""
    nodes = [helper.make_node('ReduceMean', [name], [f'{name}_grey'], axes=[1])
             for name in ('visible', 'infrared')]
    nodes += [helper.make_node('Add', ['visible_grey', 'infrared_grey'], ['sum']),
              helper.make_node('Mul', ['sum', 'scale'], ['fused'])]
    images = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ['n', count, size, size])
              for name, count in zip(('visible', 'infrared', 'fused'), (*channels, 1),
                                     strict=True)]
    graph = helper.make_graph(nodes, 'fusion', images[:2], images[2:],
                              [helper.make_tensor('scale', TensorProto.FLOAT, [], [scale])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    onnx.save(model, str(file))
    return file


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Train a tracker, then both stages; return their folders by name."""
    root = tmp_path_factory.mktemp('runs')
    folders = {name: root / name for name in ('tracker', 'distilled', 'decoupled')}
    grey = _fusion_model(root / 'grey.onnx', 0.0)
    with pytest.MonkeyPatch.context() as patch:
        render_once(patch)
        start = train(_recipe({'kind': 'tracking'}, steps=2 * STEPS), folders['tracker'])
        distilled = train(_recipe(DISTILLATION | {'experts': [
            {'kind': 'laplacian'}, {'kind': 'onnx', 'file': str(grey)}]}, str(start)),
            folders['distilled'])
        train(_recipe({'kind': 'decoupled', 'correlation': 1.0, 'reconstruction': 1.0},
                      str(distilled), frozen=['adapter.stem_rgb', 'trunk.blocks.0']),
              folders['decoupled'])
        yield folders


def test_the_single_stream_tracker_learns(runs):
    assert falls(read_log(runs['tracker'])['loss'], 0.8)


def test_distillation_brings_the_adapter_near_the_experts(runs):
    samples = dataset.PairDataset(_recipe({'kind': 'tracking'}))
    *_, rgb, thermal, _ = (torch.stack(part) for part in zip(
        *(samples[10**6 + index] for index in range(12)), strict=True))
    both = rgb.flatten(1).any(1) & thermal.flatten(1).any(1)
    distances = []
    for folder in (runs['tracker'], runs['distilled']):
        network = averaged_network(folder / 'checkpoint.pt')[0]
        inputs = network.inputs
        images = (pictures(rgb[both], inputs.rgb), pictures(thermal[both], inputs.thermal))
        with torch.no_grad():
            fused = pictures(network.adapter(rgb[both], thermal[both]), inputs.rgb)
        distances.append(image_distance(
            fused, LaplacianPyramid()(*images), DistillationStage(**DISTILLATION)).mean())
    assert distances[1] < 0.9 * distances[0]


def test_the_expert_in_whose_images_the_tracker_does_better_gets_the_weight(runs):
    log = read_log(runs['distilled'])
    np.testing.assert_allclose(log['weight_laplacian'] + log['weight_grey'], 1.0, atol=2e-4)
    assert log['weight_laplacian'].mean() > 0.55


def test_the_tracker_keeps_still_while_the_adapter_is_distilled(runs):
    before, after = weights_of(runs['tracker']), weights_of(runs['distilled'])
    for name in before:
        assert torch.equal(before[name], after[name]) != name.startswith('adapter.'), name


def test_decoupled_fine_tuning_tracks_better_and_takes_the_parts_apart(runs):
    log = read_log(runs['decoupled'])
    assert falls(log['loss'], 0.95)
    assert falls(log['reconstruction'], 0.95)
    assert falls(log['correlation'], 0.95)


def test_named_parts_stay_frozen_and_all_others_move(runs):
    before, after = weights_of(runs['distilled']), weights_of(runs['decoupled'])
    for name in before:
        frozen = name.startswith(('adapter.stem_rgb', 'trunk.blocks.0'))
        assert torch.equal(before[name], after[name]) == frozen, name


@pytest.mark.parametrize('stage', [DISTILLATION, {'kind': 'decoupled'}],
                         ids=lambda stage: stage['kind'])
def test_stages_run_in_mixed_precision(runs, stage, tmp_path):
    recipe = _recipe(stage, str(runs['tracker'] / 'checkpoint.pt'), steps=1,
                     optim={'precision': 'bf16'})
    weights = torch.load(train(recipe, tmp_path), weights_only=True)['network']
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


@pytest.mark.parametrize('stage', [
    {'kind': 'tracking'}, DISTILLATION, {'kind': 'decoupled'}], ids=lambda stage: stage['kind'])
def test_a_resumed_run_equals_an_uninterrupted_one(runs, stage, tmp_path, monkeypatch):
    start = str(runs['tracker'] / 'checkpoint.pt')
    recipe = _recipe(stage, start, steps=5, optim={'checkpoint_every': 2, 'average': 0.9})
    resumed, whole = resumed_and_whole(recipe, tmp_path, 3, monkeypatch)
    assert whole['step'] == resumed['step'] == 5
    for part in ('network', 'extra', 'average'):
        for name, tensor in whole[part].items():
            assert torch.equal(tensor, resumed[part][name]), (part, name)


def test_the_model_card_names_what_a_training_started_from(runs):
    recipe = averaged_network(runs['distilled'] / 'checkpoint.pt')[1]
    assert training_data(recipe) == ('generated (1)', 'what checkpoint.pt was trained on')


def test_experts_of_the_same_name_are_told_apart():
    distillation = Distillation(DistillationStage(**DISTILLATION), [*EXPERTS[:1] * 2, EXPERTS[2]])
    assert distillation.parts == (
        'distance', 'weight_average_0', 'weight_average_1', 'weight_guided_filter')


def test_a_folder_of_another_stage_is_refused(runs):
    with pytest.raises(InputError, match='another stage'):
        train(_recipe({'kind': 'decoupled'}), runs['tracker'])


def test_distillation_needs_a_tracker_to_start_from(tmp_path):
    with pytest.raises(InputError, match=r'network\.start'):
        train(_recipe(DISTILLATION), tmp_path)


def test_a_start_of_another_family_or_size_or_none_is_refused(runs, tmp_path):
    start = runs['tracker'] / 'checkpoint.pt'
    with pytest.raises(InputError, match='not a checkpoint'):
        train(_recipe({'kind': 'tracking'}, str(start), channels=48), tmp_path)
    with pytest.raises(InputError, match='no such file'):
        train(_recipe({'kind': 'tracking'}, str(tmp_path / 'none.pt')), tmp_path)
    content = torch.load(start, weights_only=True)
    torch.save({**content, 'family': 'unified'}, tmp_path / 'other.pt')
    with pytest.raises(InputError, match='family unified'):
        train(_recipe({'kind': 'tracking'}, str(tmp_path / 'other.pt')), tmp_path)


def test_a_published_one_stream_tracker_is_a_start(runs, tmp_path):
    """Its trunk and head are taken over; the adapter, which it has none of, is new."""
    weights = weights_of(runs['tracker'])
    theirs = as_published(weights)
    assert {ONE_STREAM.ours(key) for key in theirs} == {
        key for key in weights if key.startswith(('head.', 'trunk.'))}
    torch.save({'net': theirs}, tmp_path / 'ostrack.pt')
    recipe = _recipe(DISTILLATION, str(tmp_path / 'ostrack.pt'), steps=1)
    after = torch.load(train(recipe, tmp_path / 'run'), weights_only=True)['network']
    for name in weights:
        if not name.startswith(('adapter.', 'slot')) and not name.endswith('batches_tracked'):
            assert torch.equal(after[name], weights[name]), name
    del theirs['backbone.norm.weight']
    torch.save({'net': theirs}, tmp_path / 'ostrack.pt')
    with pytest.raises(InputError, match=r'lacks 1 weights, trunk\.norm\.weight'):
        train(recipe, tmp_path / 'other')


def test_names_to_freeze_must_exist(tmp_path):
    with pytest.raises(InputError, match=r"frozen.*'trunc'"):
        train(_recipe({'kind': 'tracking'}, frozen=['trunc']), tmp_path)


def test_weights_go_to_the_expert_with_the_least_loss():
    losses = torch.tensor([[1.0, 2.0, 4.0], [40.0, 20.0, 10.0], [3.0, 3.0, 3.0]])
    weights = expert_weights(losses, 0.5)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert weights.argmax(1).tolist()[:2] == [0, 2]
    torch.testing.assert_close(weights[2], torch.full((3,), 1 / 3))
    torch.testing.assert_close(expert_weights(10 * losses, 0.5), weights)
    assert (expert_weights(losses, 0.05)[:2].amax(1) > weights[:2].amax(1)).all()


def test_image_distance_is_zero_for_the_same_and_grows_with_blur():
    image = torch.rand(2, 3, 32, 32)
    blurred = torch.nn.functional.avg_pool2d(image, 3, 1, 1)
    stage = DistillationStage(**DISTILLATION)
    assert image_distance(image, image, stage).abs().max() < 1e-5
    assert (image_distance(image, blurred, stage) > 0.1).all()


def test_cross_correlation_tells_the_same_from_unrelated_codes():
    first, second = torch.randn(2, 4, 1, 60, 60).unbind(0)
    assert float(cross_correlation(first, -2 * first + 1)) == pytest.approx(1.0, abs=1e-3)
    assert float(cross_correlation(first, second)) < 1e-3


@pytest.mark.parametrize('expert', EXPERTS, ids=lambda expert: expert.name)
@pytest.mark.parametrize('size', [32, 128])
def test_experts_fuse_in_range_and_show_both(expert, size):
    """A mark that only thermal sees and one that only RGB sees are both in the fused image."""
    rgb, thermal = torch.full((2, 3, size, size), 0.3), torch.full((2, 1, size, size), 0.3)
    quarter = size // 4
    rgb[..., quarter:quarter + 4, quarter:quarter + 4] = 0.9
    thermal[..., -quarter - 4:-quarter, -quarter - 4:-quarter] = 0.9
    fused = expert(rgb, thermal)
    assert fused.shape == rgb.shape
    assert 0 <= float(fused.min()) <= float(fused.max()) <= 1
    grey = fused.mean(1)
    for mark in (quarter + 2, -quarter - 2):
        assert (grey[:, mark, mark] > grey[:, 0, 0] + 0.2).all()


@pytest.mark.parametrize('expert', EXPERTS, ids=lambda expert: expert.name)
def test_experts_leave_what_both_cameras_agree_on(expert):
    grey = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(
        expert(grey.expand(-1, 3, -1, -1), grey), grey.expand(-1, 3, -1, -1), atol=1e-4, rtol=0)


def test_a_lone_camera_is_taught_as_it_is(runs):
    network = averaged_network(runs['tracker'] / 'checkpoint.pt')[0]
    distillation = Distillation(DistillationStage(**DISTILLATION), EXPERTS[:1])
    rgb, thermal = torch.randn(1, 3, 64, 64), torch.randn(1, 1, 64, 64)
    nothing = torch.zeros_like(rgb)
    taught = distillation._taught
    assert torch.equal(taught(network, EXPERTS[0], (rgb, nothing[:, :1])), rgb)
    assert torch.equal(taught(network, EXPERTS[0], (nothing, thermal)),
                       thermal.expand(-1, 3, -1, -1))


@pytest.mark.parametrize('options', [
    {}, {'size': 16}, {'channels': (1, 1)}, {'channels': (3, 1)}], ids=str)
def test_a_fusion_model_of_the_users_is_an_expert(tmp_path, options):
    expert = OnnxExpert(_fusion_model(tmp_path / 'mean.onnx', 0.5, **options))
    assert expert.name == 'mean'
    rgb, thermal = torch.full((2, 3, 32, 32), 0.2), torch.full((2, 1, 32, 32), 0.6)
    torch.testing.assert_close(
        expert(rgb, thermal), torch.full((2, 3, 32, 32), 0.4), atol=1e-3, rtol=0)


def test_a_fusion_model_may_take_thermal_first_and_bytes(tmp_path):
    file = _fusion_model(tmp_path / 'mean.onnx', channels=(1, 3))
    expert = OnnxExpert(file, thermal_first=True, byte_range=True)
    rgb, thermal = torch.full((1, 3, 32, 32), 0.2), torch.full((1, 1, 32, 32), 0.6)
    torch.testing.assert_close(expert(rgb, thermal), torch.full((1, 3, 32, 32), 0.4))


def test_what_is_no_fusion_model_is_refused(tmp_path):
    with pytest.raises(InputError, match='No such file'):
        OnnxExpert(tmp_path / 'none.onnx')
    (tmp_path / 'torn.onnx').write_bytes(b'torn')
    with pytest.raises(InputError, match=r'torn\.onnx'):
        OnnxExpert(tmp_path / 'torn.onnx')
    with pytest.raises(InputError, match='takes two images'):
        OnnxExpert(_fusion_model(tmp_path / 'four.onnx', channels=(4, 1)))


@pytest.mark.parametrize('name', ['tpf_stage1', 'tpf_stage2'])
def test_shipped_recipes_are_valid_and_full_size(name):
    recipe = read_recipe(RECIPES / f'{name}.yaml')
    assert recipe.name == name
    assert (recipe.network.family, recipe.network.channels, recipe.network.blocks) == (
        'tpf', 768, 12)
    assert recipe.stage.kind == {'tpf_stage1': 'distillation', 'tpf_stage2': 'decoupled'}[name]
    assert recipe.network.start is not None


def test_stages_of_tpf_are_not_for_other_families():
    with pytest.raises(ValueError, match='not of unified'):
        Recipe.model_validate({
            'name': 'x', 'stage': DISTILLATION, 'data': {'root': '.'}, 'optim': {'steps': 1}})
