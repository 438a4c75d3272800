# SPDX-License-Identifier: Apache-2.0
"""CKD: equal to the published network, candidate elimination, export."""
from __future__ import annotations

from dataclasses import replace

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

from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.networks.ckd import CKD, PUBLISHED, CKDConfig
from rgbt_tracker_ros.networks.elimination import (
    best_candidates,
    centre_token,
    keep_candidates,
    kept_tokens,
    restored,
)
from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
from rgbt_tracker_ros.settings import ModelSettings

TINY = CKDConfig(template_size=64, search_size=128, channels=24, heads=2, blocks=4,
                 head_widths=(16, 8))
ELIMINATING = replace(TINY, eliminate_at=(1, 2))
MAPS = ('score_map', 'size_map', 'offset_map')


@with_reference
def test_equals_the_published_network():
    with torch.device('meta'):
        network = CKD(CKDConfig())
    network = filled(network.to_empty(device='cpu'), 'ckd', PUBLISHED)
    wanted = reference('ckd')
    with torch.no_grad():
        output, quiet = network(*inputs()), network(*inputs(0.01))
    assert_maps(output, wanted)
    assert_blocks(output['block_rgb'], wanted, 'block_rgb')
    assert_blocks(output['block_tir'], wanted, 'block_tir')
    assert_maps(quiet, wanted, 'lowamp_')


@pytest.mark.parametrize(('name', 'config'), [('ckd', TINY), ('ckd_eliminating', ELIMINATING)])
def test_gives_what_it_gave_when_it_was_compared(name, config):
    with torch.no_grad():
        output = seeded(CKD(config))(*crops(64, 128))
    assert_unchanged(name, {key: output[key] for key in (*MAPS, 'feat_head')})


def test_template_and_search_give_what_the_whole_gives():
    network = seeded(CKD(ELIMINATING))
    images = crops(64, 128)
    with torch.no_grad():
        whole = network(*images)
        maps = network.search(network.template(*images[:2]), *images[2:])
    for name, tensor in zip(MAPS, maps, strict=True):
        torch.testing.assert_close(tensor, whole[name], atol=0, rtol=0)


def test_published_numbers_of_candidates():
    counts = [256]
    for _ in range(3):
        counts.append(kept_tokens(counts[-1], 0.7))
    assert counts == [256, 180, 126, 89]
    assert centre_token(64) == 27


def test_either_camera_can_keep_a_candidate():
    weights = [torch.zeros(1, 2, 10, 10) for _ in range(2)]
    weights[0][0, :, 0, 4 + 2] = 0.5
    weights[1][0, 0, 0, 4 + 5] = 0.9
    weights[1][0, :, 1, 4 + 3] = 1.0  # another row of the template has no say
    assert best_candidates(weights, 4, 2)[0].tolist() == [2, 5]


def test_tokens_come_back_to_their_places():
    tokens = torch.arange(2 * 7 * 3, dtype=torch.float32).reshape(2, 7, 3) + 1
    kept = torch.tensor([[3, 0], [1, 4]])
    left = keep_candidates(tokens, 2, kept)
    assert torch.equal(left[:, :2], tokens[:, :2])
    back = restored(left[:, 2:], kept, 5)
    for sample in range(2):
        for place in range(5):
            wanted = tokens[sample, 2 + place] if place in kept[sample] else torch.zeros(3)
            assert torch.equal(back[sample, place], wanted)


def test_both_streams_drop_the_same_tokens_and_each_sample_its_own():
    network = seeded(CKD(ELIMINATING))
    pairs = [torch.cat(both) for both in zip(crops(64, 128, 1), crops(64, 128, 2), strict=True)]
    with torch.no_grad():
        output = network(*pairs)
        single = network(*crops(64, 128, 2))
    assert [tokens.shape[1] for tokens in output['block_rgb']] == [80, 61, 48, 48]
    gone = (output['feat_head'] == 0).all(1).flatten(1)
    assert gone.sum(1).tolist() == [64 - 32] * 2
    assert not torch.equal(gone[0], gone[1])
    torch.testing.assert_close(output['score_map'][1:], single['score_map'], atol=1e-5, rtol=0)


def test_keeping_all_tokens_changes_nothing():
    plain, eliminating = seeded(CKD(TINY)), seeded(CKD(replace(ELIMINATING, keep=1.0)))
    with torch.no_grad():
        torch.testing.assert_close(
            eliminating(*crops(64, 128))['feat_head'], plain(*crops(64, 128))['feat_head'],
            atol=1e-5, rtol=0)


def test_masked_tokens_keep_their_position_only():
    network = seeded(CKD(TINY))
    images = crops(64, 128)
    blank = [*images[:2], *(torch.zeros_like(image) for image in images[2:])]
    with torch.no_grad():
        for trunk, image, nothing in zip((network.rgb, network.thermal), images[2:], blank[2:],
                                         strict=True):
            keep = torch.ones(1, 64)
            keep[0, :10] = 0
            masked = trunk.embed_search(image, keep)
            assert torch.equal(masked[:, :10], trunk.pos_embed_x[:, :10])
            assert torch.equal(masked[:, 10:], trunk.embed_search(image)[:, 10:])
            assert not torch.equal(masked, trunk.embed_search(nothing))
        assert not torch.equal(network(*images, keep)['score_map'], network(*images)['score_map'])


@pytest.mark.parametrize('config', [TINY, ELIMINATING])
def test_exported_bundle_gives_the_same_maps(config, tmp_path):
    network = seeded(CKD(config))
    export_bundle(network, ModelFacts('tiny', ()), tmp_path / 'ckd')
    assert_same_maps(network, tmp_path / 'ckd')


def test_half_precision_is_near_and_half_as_large(tmp_path):
    network = seeded(CKD(TINY))
    images = [image.numpy() for image in crops(64, 128, 3)]
    maps = []
    for half in (False, True):
        export_bundle(network, ModelFacts('tiny', ()), tmp_path / str(half), half=half)
        backend = load_backend(
            load_bundle(tmp_path / str(half)), ModelSettings(backend='onnxruntime', threads=1))
        maps.append(backend.search([backend.template(*images[:2])], *images[2:]))
    for name in ('score', 'size', 'offset'):
        single, halved = (getattr(item, name) for item in maps)
        assert not np.array_equal(single, halved)
        np.testing.assert_allclose(halved, single, atol=0.01)
    sizes = [(tmp_path / str(half) / 'search.onnx').stat().st_size for half in (False, True)]
    assert sizes[1] < 0.7 * sizes[0]


@pytest.mark.parametrize('config', [TINY, ELIMINATING])
def test_exported_graph_is_plain_and_static(config, tmp_path):
    export_bundle(seeded(CKD(config)), ModelFacts('tiny', ()), tmp_path / 'ckd')
    assert_plain(tmp_path / 'ckd')
