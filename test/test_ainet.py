# SPDX-License-Identifier: Apache-2.0
"""AINet: equal to the published network, order of layers, export."""
from __future__ import annotations

from dataclasses import replace

from exported import assert_plain, assert_same_maps
import numpy as np
import onnx
from parity import (
    assert_blocks,
    assert_maps,
    assert_unchanged,
    crops,
    filled,
    inputs,
    reference,
    seeded,
    with_reference,
)
import pytest
from test_ckd import TINY as CKD_TINY
import torch
from torch.nn import functional as F

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.networks.ainet import PUBLISHED, SHORT_SCANS, AINet, AINetConfig
from rgbt_tracker_ros.networks.ckd import CKD
from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
from rgbt_tracker_ros.networks.families import FAMILIES, save_network
from rgbt_tracker_ros.networks.layer_order import adaptive_average, ascending, relaxed
from rgbt_tracker_ros.networks.mamba import Mamba

TINY = AINetConfig(
    template_size=64, search_size=128, channels=24, heads=2, blocks=3, head_widths=(16, 8),
    state=4, rank=3, skipped_tokens=16, order_pooled=128, order_widths=(16, 8), dfm_steps=10,
    ofm_steps=16)
MAPS = ('score_map', 'size_map', 'offset_map')


@with_reference
def test_equals_the_published_network():
    network = filled(AINet(AINetConfig()), 'ainet', PUBLISHED)
    wanted = reference('ainet')
    with torch.no_grad():
        output, quiet = network(*inputs()), network(*inputs(0.01))
    assert output['order_pi'][0].tolist() == wanted['order_pi'].tolist()
    np.testing.assert_allclose(output['order_logits'][0], wanted['order_logits'], atol=2e-5)
    assert_maps(output, wanted)
    for stream in ('block_rgb', 'block_tir', 'dfm_rgb', 'dfm_tir', 'dfm_u'):
        assert_blocks(output[stream], wanted, stream)
    assert_maps(quiet, wanted, 'lowamp_')


@pytest.mark.parametrize(('published', 'ours'), [
    ('backbone.blocks.2.attn.qkv.weight', 'trunk.blocks.2.attn.qkv.weight'),
    ('backbone.cross_mamba.2.mamba.A_log', 'dfm.2.mamba.select.A_log'),
    ('backbone.cross_mamba.0.mamba.dt_proj.bias', 'dfm.0.mamba.select.dt_proj.bias'),
    ('backbone.cross_mamba.1.mamba.in_proj.weight', 'dfm.1.mamba.in_proj.weight'),
    ('mamba_fusion.fusion.0.mamba.A_s_log', 'ofm.select.2.A_log'),
    ('mamba_fusion.fusion.0.mamba.D_b', 'ofm.select.1.D'),
    ('mamba_fusion.fusion.0.mamba.D', 'ofm.select.0.D'),
    ('mamba_fusion.fusion.0.mamba.x_proj_s.weight', 'ofm.select.2.x_proj.weight'),
    ('mamba_fusion.fusion.0.mamba.mlp.2.weight', 'ofm.order.mlp.2.weight'),
    ('mamba_fusion.fusion.0.norm2.weight', 'ofm.norm2.weight'),
    ('mamba_fusion.norm.bias', 'ofm.norm.bias'),
    ('box_head.conv2_size.0.bias', 'head.size.1.0.bias'),
])
def test_published_names(published, ours):
    assert FAMILIES['ainet'].published.ours(published) == ours
    assert ours in AINet(TINY).state_dict()


def test_gives_what_it_gave_when_it_was_compared():
    with torch.no_grad():
        output = seeded(AINet(TINY))(*crops(64, 128))
    assert_unchanged('ainet', {
        key: output[key] for key in (*MAPS, 'feat_head', 'order_logits')})


def test_template_and_search_give_what_the_whole_gives():
    network = seeded(AINet(TINY))
    images = crops(64, 128)
    with torch.no_grad():
        whole = network(*images)
        maps = network.search(network.template(*images[:2]), *images[2:])
    for name, tensor in zip(MAPS, maps, strict=True):
        torch.testing.assert_close(tensor, whole[name], atol=0, rtol=0)


def test_both_forms_of_the_scan_give_the_same():
    images = crops(64, 128)
    with torch.no_grad():
        two_level, sequential, auto = (
            seeded(AINet(replace(TINY, scan=scan)))(*images)['feat_head']
            for scan in ('two_level', 'sequential', 'auto'))
    torch.testing.assert_close(two_level, sequential, atol=1e-5, rtol=0)
    assert torch.equal(auto, sequential)
    assert torch.equal(seeded(AINet(TINY))(*images)['feat_head'].detach(), two_level)


def test_each_sample_has_its_own_order():
    network = seeded(AINet(TINY))
    pairs = [torch.cat(both) for both in zip(crops(64, 128, 1), crops(64, 128, 7), strict=True)]
    with torch.no_grad():
        both = network(*pairs)
        single = network(*crops(64, 128, 7))
    assert both['order_pi'][0].tolist() != both['order_pi'][1].tolist()
    torch.testing.assert_close(both['feat_head'][1:], single['feat_head'], atol=1e-5, rtol=0)


def test_published_form_for_384_pixels_keeps_a_part_of_the_template():
    config = replace(TINY, template_size=96)
    with torch.no_grad():
        network = seeded(AINet(config))
        output = network(*crops(96, 128))
        tokens = network.fused(
            network.template(*crops(96, 128)[:2]), *crops(96, 128)[2:]).joined
    assert tokens.shape[1] == 36 + 64 - 16
    assert output['score_map'].shape == (1, 1, 8, 8)


@pytest.mark.parametrize(('length', 'pooled'), [(3072, 2048), (12, 5), (7, 3), (6, 6)])
def test_pooling_matrix_is_adaptive_pooling(length, pooled):
    values = torch.randn(2, length, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        values @ adaptive_average(length, pooled).T, F.adaptive_avg_pool1d(values, pooled))


def test_permutation_sorts_and_takes_the_first_of_equals():
    logits = torch.tensor([[0.5, -1.0, 0.5, 0.0], [3.0, 2.0, 1.0, 0.0]])
    order = ascending(logits).argmax(2)
    assert order.tolist() == [[1, 3, 0, 2], [3, 2, 1, 0]]
    assert torch.equal(ascending(logits).sum(1), torch.ones(2, 4))


def test_relaxed_order_is_the_order_with_a_gradient():
    logits = torch.tensor([[0.3, -0.2, 0.1]], requires_grad=True)
    matrix = relaxed(logits, 0.1)
    torch.testing.assert_close(matrix, ascending(logits), atol=1e-6, rtol=0)
    # More of the first place for layer 0: its logit has to fall, the first one's to rise.
    (gradient,) = torch.autograd.grad(matrix[0, 0, 0], logits)
    assert gradient[0, 0] < 0 < gradient[0, 1]


@pytest.mark.parametrize(('form', 'learns'), [('straight_through', True), ('none', False)])
def test_every_weight_learns_except_the_published_order_network(form, learns):
    network = seeded(AINet(replace(TINY, order_gradient=form))).train()
    output = network(*(torch.cat([image, image.flip(3)]) for image in crops(64, 128)))
    sum(output[name].square().sum() for name in MAPS).backward()
    for name, parameter in network.named_parameters():
        reached = parameter.grad is not None and float(parameter.grad.abs().sum()) > 0
        assert reached == (learns or not name.startswith('ofm.order.')), name


def test_mamba_reads_no_later_token():
    torch.manual_seed(0)
    mixer = Mamba(8, expand=2, state=4, rank=2, steps=3)
    tokens = torch.randn(1, 10, 8)
    changed = tokens.clone()
    changed[:, 6:] += 1.0
    before, after = mixer(tokens), mixer(changed)
    torch.testing.assert_close(before[:, :6], after[:, :6], atol=1e-6, rtol=0)
    assert (before[:, 6:] - after[:, 6:]).abs().amax(2).min() > 1e-5


def test_exported_bundle_gives_the_same_maps_from_a_plain_graph(tmp_path):
    network = seeded(AINet(TINY))
    export_bundle(network, ModelFacts('tiny', ()), tmp_path / 'ainet')
    assert_same_maps(network, tmp_path / 'ainet', seeds=(3, 7))
    assert_plain(tmp_path / 'ainet')


def test_short_scans_make_another_graph_with_the_same_maps(tmp_path, capsys):
    network = seeded(AINet(replace(TINY, blocks=1)))
    save_network(network, 'here', tmp_path / 'ainet.pt')
    assert run(['export', '--model', 'ainet', '--checkpoint', str(tmp_path / 'ainet.pt'),
                '--output', str(tmp_path / 'short'), '--short-scans']) == 0
    assert_same_maps(network, tmp_path / 'short', seeds=(3,))
    splits = [len(node.output) for node in onnx.load(tmp_path / 'short/search.onnx').graph.node
              if node.op_type == 'Split']
    assert set(SHORT_SCANS.values()) <= set(splits)
    save_network(CKD(CKD_TINY), 'here', tmp_path / 'ckd.pt')
    assert run(['export', '--model', 'ckd', '--checkpoint', str(tmp_path / 'ckd.pt'),
                '--output', str(tmp_path / 'ckd'), '--short-scans']) == 2
    assert '--short-scans' in capsys.readouterr().err
