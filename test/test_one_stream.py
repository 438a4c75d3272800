# SPDX-License-Identifier: Apache-2.0
"""Weights of other crop sizes, and of one-stream RGB trackers, as DropTrack's."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
from parity import seeded
import pytest
from test_checkpoint import published_state
from tiny_published import NETWORKS
from tiny_training import as_published, tiny
import torch

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.networks import families
from rgbt_tracker_ros.networks.checkpoint import load_published
from rgbt_tracker_ros.networks.families import load_network
from rgbt_tracker_ros.networks.tpf import ONE_STREAM, TPF
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker
from rgbt_tracker_ros.training.run import Run

FAMILIES = ('ckd', 'ainet', 'patrack', 'tpf')
CROPS = {'template_size': 128, 'search_size': 256}


def droptrack(**sizes):
    """Return the state of a tiny one-stream tracker under the published names, and its trunk."""
    network = seeded(TPF(replace(NETWORKS['tpf'][1], **sizes)))
    state = as_published(network.state_dict())
    channels = network.config.channels
    state['backbone.temporal_pos_embed_z'] = torch.randn(1, 1, channels)
    state['backbone.temporal_pos_embed_x'] = torch.randn(1, 1, channels)
    return state, network.trunk


@pytest.fixture
def tiny_families(monkeypatch):
    """Make the four published networks tiny, with crops of the published size."""
    for name in FAMILIES:
        config = NETWORKS[name][1]
        monkeypatch.setitem(families.FAMILIES, name, replace(
            families.FAMILIES[name], config=lambda config=config, **sizes: replace(
                config, **{**CROPS, **sizes})))


def test_what_marks_a_crop_is_added_to_its_positions():
    state, source = droptrack()
    network = TPF(NETWORKS['tpf'][1])
    report = load_published(network.eval(), state, ONE_STREAM)
    assert report.added == ('backbone.temporal_pos_embed_z', 'backbone.temporal_pos_embed_x')
    assert report.unexpected == report.resized == ()
    for crop, side, embed in (
            ('z', 'template_size', 'embed_template'), ('x', 'search_size', 'embed_search')):
        image = torch.randn(1, 3, *[getattr(network.config, side)] * 2)
        with torch.no_grad():
            torch.testing.assert_close(
                getattr(network.trunk, embed)(image),
                getattr(source, embed)(image) + state[f'backbone.temporal_pos_embed_{crop}'])


def test_a_mark_does_not_change_with_the_size_of_its_table():
    state, _ = droptrack(**CROPS)
    mark = state['backbone.temporal_pos_embed_x']
    state['backbone.pos_embed_x'] = torch.zeros_like(state['backbone.pos_embed_x'])
    network = TPF(replace(NETWORKS['tpf'][1], template_size=192, search_size=384))
    report = load_published(network, state, ONE_STREAM)
    assert report.resized == ('trunk.pos_embed_z', 'trunk.pos_embed_x')
    torch.testing.assert_close(network.trunk.pos_embed_x, mark.expand(1, 576, -1))


@pytest.mark.parametrize('mark', [torch.zeros(1, 1, 7), torch.zeros(1, 2, 24),
                                  torch.full((1, 1, 24), float('nan'))])
def test_a_damaged_mark_is_named(mark):
    state, _ = droptrack(channels=24, heads=2)
    state['backbone.temporal_pos_embed_z'] = mark
    with pytest.raises(InputError, match='temporal_pos_embed_z'):
        load_published(TPF(replace(NETWORKS['tpf'][1], channels=24, heads=2)), state, ONE_STREAM)


@pytest.mark.parametrize('family', FAMILIES)
def test_training_starts_from_droptrack(family, tmp_path):
    recipe = tiny(family)
    network = recipe.network
    state, _ = droptrack(
        template_size=network.template_size, search_size=network.search_size,
        channels=network.channels, heads=network.heads, blocks=network.blocks,
        head_widths=network.head_widths)
    torch.save({'net': state}, tmp_path / 'droptrack.pth.tar')
    started = Run(tiny(family, start=tmp_path / 'droptrack.pth.tar'),
                  torch.device('cpu'))._method.network
    for trunk in ('rgb', 'thermal') if family == 'ckd' else ('trunk',):
        for crop in 'zx':
            torch.testing.assert_close(
                getattr(getattr(started, trunk), f'pos_embed_{crop}').detach(),
                state[f'backbone.pos_embed_{crop}'] + state[f'backbone.temporal_pos_embed_{crop}'])


@pytest.mark.parametrize('family', FAMILIES)
def test_a_one_stream_tracker_of_256_pixels_becomes_a_start_of_384(
        family, tiny_families, tmp_path, capsys):
    config = NETWORKS[family][1]
    state, _ = droptrack(**CROPS, channels=config.channels, heads=config.heads,
                         blocks=config.blocks, head_widths=config.head_widths)
    torch.save({'net': state}, tmp_path / 'droptrack.pth.tar')
    assert run(['import-checkpoint', str(tmp_path / 'droptrack.pth.tar'), '--family', family,
                '--one-stream', '--output', str(tmp_path / 'start.pt'), '--template-size', '192',
                '--search-size', '384']) == 0
    trunks = 2 if family == 'ckd' else 1
    out = capsys.readouterr().out
    assert f'{2 * trunks} marks of a crop added to its position table' in out
    assert f'{2 * trunks} position tables brought to another size' in out
    stored = load_network(tmp_path / 'start.pt')
    assert stored.origin.startswith('unknown: trunk and head, beside random weights,')
    assert (stored.network.config.template_size, stored.network.config.search_size) == (192, 384)


def test_a_trunk_without_a_head_is_no_start(tiny_families, tmp_path, capsys):
    state, _ = droptrack()
    torch.save({name: tensor for name, tensor in state.items() if 'backbone' in name},
               tmp_path / 'file')
    assert run(['import-checkpoint', str(tmp_path / 'file'), '--family', 'tpf', '--one-stream',
                '--output', str(tmp_path / 'start.pt')]) == 2
    assert 'head.score.0.0.weight' in capsys.readouterr().out
    assert not (tmp_path / 'start.pt').exists()


def test_sizes_must_be_whole_patches(tmp_path, capsys):
    assert run(['import-checkpoint', str(tmp_path / 'file'), '--family', 'ckd', '--search-size',
                '380', '--output', str(tmp_path / 'start.pt')]) == 2
    assert '--search-size 380' in capsys.readouterr().err


def test_official_weights_of_256_pixels_track_with_384(tiny_families, tmp_path):
    source = seeded(families.random_network('ckd'))
    torch.save({'net': published_state(source)}, tmp_path / 'official.pth.tar')
    assert run(['import-checkpoint', str(tmp_path / 'official.pth.tar'), '--family', 'ckd',
                '--output', str(tmp_path / 'ckd.pt'), '--bundle', str(tmp_path / 'bundle'),
                '--template-size', '192', '--search-size', '384']) == 0
    network = load_network(tmp_path / 'ckd.pt').network
    for trunk in ('rgb', 'thermal'):
        for table, old, new in (('pos_embed_z', 8, 12), ('pos_embed_x', 16, 24)):
            before, after = (
                getattr(getattr(found, trunk), table).detach().reshape(cells, cells, -1)
                for found, cells in ((source, old), (network, new)))
            assert torch.isfinite(after).all()
            for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
                torch.testing.assert_close(after[row, column], before[row, column])
    tracker = Tracker.from_model(tmp_path / 'bundle', 'onnxruntime', Settings().updated(
        {'target.lost_threshold': 0.0}))
    rng = np.random.default_rng(0)
    pairs = [ImagePair(rng.integers(0, 255, (120, 160, 3), np.uint8),
                       rng.integers(0, 255, (120, 160), np.uint8)) for _ in range(2)]
    tracker.initialize(pairs[0], Box(60, 40, 24, 30))
    result = tracker.track(pairs[1])
    tracker.close()
    assert np.isfinite(result.box).all()
    assert 0.0 <= result.score <= 1.0
