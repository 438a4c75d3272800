# SPDX-License-Identifier: Apache-2.0
"""PATrack: equal to the published network, frozen parts, export."""
from __future__ import annotations

from exported import assert_plain, assert_same_maps
import numpy as np
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
import torch
from torch.nn import functional as F

from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
from rgbt_tracker_ros.networks.families import FAMILIES
from rgbt_tracker_ros.networks.patrack import PUBLISHED, PATrack, PATrackConfig
from rgbt_tracker_ros.networks.patrack_adapters import FrequencyAdapter, TokenConv

TINY = PATrackConfig(
    template_size=64, search_size=128, channels=24, heads=2, blocks=3, head_widths=(16, 8),
    entangled_at=(1,), entangled_channels=6, task_channels=6)
MAPS = ('score_map', 'size_map', 'offset_map')


@with_reference
def test_equals_the_published_network():
    with torch.device('meta'):
        network = PATrack(PATrackConfig())
    network = filled(network.to_empty(device='cpu'), 'patrack', PUBLISHED)
    wanted = reference('patrack')
    images = inputs()
    with torch.no_grad():
        output = network.forward_stacked(torch.cat(images[:2], 1), torch.cat(images[2:], 1))
        quiet = network(*inputs(0.01))
    assert_maps(output, wanted)
    assert_blocks(output['block_rgb'], wanted, 'block_rgb')
    assert_blocks(output['block_tir'], wanted, 'block_tir')
    np.testing.assert_allclose(
        output['norm_sum'][0, wanted['probe_tokens'], :16], wanted['probe_norm_sum'], atol=1e-4)
    assert_maps(quiet, wanted, 'lowamp_')


@pytest.mark.parametrize(('published', 'ours'), [
    ('backbone.blocks.2.norm1.bias', 'trunk.blocks.2.norm1.bias'),
    ('backbone.blocks.0.adap_t.D_fc1.weight', 'beside_attention.0.down.weight'),
    ('backbone.blocks.2.adap2_t.high_mixer.proj2.bias', 'beside_mlp.2.largest.bias'),
    ('backbone.blocks.2.adap2_t.proj.weight', 'beside_mlp.2.up.weight'),
    ('backbone.blocks.1.highfuseadapter2.obj_fuse.linear4.weight', 'beside_mlp.1.values.1.weight'),
    ('backbone.blocks.1.highfuseadapter1.obj_fuse.linearcat.weight',
     'beside_attention.1.joint.weight'),
    ('backbone.blocks.1.norml1.weight', 'beside_attention.1.norm.weight'),
    ('adapter_head.adapter_mid.bias', 'task.mid.bias'),
    ('box_head.conv3_offset.weight', 'head.offset.2.weight'),
])
def test_published_names(published, ours):
    assert FAMILIES['patrack'].published.ours(published) == ours
    assert ours in PATrack(TINY).state_dict()


@pytest.mark.parametrize(('key', 'dead'), [
    ('backbone.blocks.3.adap_t.proj.bias', True),
    ('backbone.blocks.2.adap_t.proj.bias', False),
    ('backbone.blocks.4.highfuseadapter1.up.weight', True),
    ('backbone.blocks.6.highfuseadapter1.up.weight', False),
    ('backbone.blocks.9.highfuseadapter2.obj_fuse.gamma1', True),
    ('backbone.blocks.10.norml2.bias', True),
    ('backbone.blocks.9.norml2.bias', False),
    ('norm1.weight', True),
    ('backbone.norm.weight', False),
])
def test_what_the_published_network_owns_but_does_not_use(key, dead):
    assert FAMILIES['patrack'].published.is_unused(key) == dead


def test_gives_what_it_gave_when_it_was_compared():
    with torch.no_grad():
        output = seeded(PATrack(TINY))(*crops(64, 128))
    assert_unchanged('patrack', {key: output[key] for key in (*MAPS, 'feat_head')})


def test_template_and_search_give_what_the_whole_gives():
    network = seeded(PATrack(TINY))
    images = crops(64, 128)
    with torch.no_grad():
        whole = network(*images)
        stacked = network.forward_stacked(torch.cat(images[:2], 1), torch.cat(images[2:], 1))
        maps = network.search(network.template(*images[:2]), *images[2:])
    for name, tensor in zip(MAPS, maps, strict=True):
        assert torch.equal(tensor, whole[name])
        assert torch.equal(stacked[name], whole[name])


def test_samples_of_a_batch_do_not_mix():
    network = seeded(PATrack(TINY))
    pairs = [torch.cat(both) for both in zip(crops(64, 128, 1), crops(64, 128, 2), strict=True)]
    with torch.no_grad():
        both, single = network(*pairs), network(*crops(64, 128, 2))
    torch.testing.assert_close(both['feat_head'][1:], single['feat_head'], atol=1e-5, rtol=0)


def test_frequency_adapter_gives_each_stream_what_is_in_the_other():
    adapter = seeded(FrequencyAdapter(6, (2, 4)))
    tokens = torch.randn(2, 20, 6, generator=torch.Generator().manual_seed(0))
    changed = tokens.clone()
    changed[0, 4:] += 1.0  # RGB, search part
    identity = torch.nn.Identity()
    with torch.no_grad():
        before, after = (adapter(part, part, identity) for part in (tokens, changed))
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1, :4], after[1, :4])
    assert (before[1, 4:] - after[1, 4:]).abs().amax(1).min() > 0


def test_token_convolution_is_a_1x1_convolution():
    layer = seeded(TokenConv(3, 5, bias=True))
    grid = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = F.conv2d(grid, layer.weight, layer.bias).flatten(2).transpose(1, 2)
        torch.testing.assert_close(layer(grid.flatten(2).transpose(1, 2)), wanted)


def test_only_adapters_change_once_frozen():
    network = seeded(PATrack(TINY))
    network.freeze()
    network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimiser = torch.optim.SGD((p for p in network.parameters() if p.requires_grad), lr=0.1)
    output = network(*crops(64, 128))
    sum(output[name].square().sum() for name in MAPS).backward()
    optimiser.step()
    changed = {name for name, tensor in network.state_dict().items()
               if not torch.equal(tensor, before[name])}
    adapters = {name for name in before
                if name.startswith(('beside_', 'task.')) and '.norm.' not in name}
    assert changed == adapters


def test_published_network_trains_few_weights():
    with torch.device('meta'):
        network = PATrack(PATrackConfig())
    assert sum(weight.numel() for weight in network.adapters()) == 3_722_904
    assert sum(weight.numel() for weight in network.parameters()) == 96_098_589


def test_exported_bundle_gives_the_same_maps_from_a_plain_graph(tmp_path):
    network = seeded(PATrack(TINY))
    export_bundle(network, ModelFacts('tiny', ()), tmp_path / 'patrack')
    assert_same_maps(network, tmp_path / 'patrack')
    assert_plain(tmp_path / 'patrack')
