# SPDX-License-Identifier: Apache-2.0
"""The `unified` network, its fusion and its export."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.networks import inputs
from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
from rgbt_tracker_ros.networks.fusion import PixelFusion
from rgbt_tracker_ros.networks.unified import UnifiedConfig, UnifiedTracker
from rgbt_tracker_ros.settings import ModelSettings

SMALL = UnifiedConfig(channels=32, blocks=2, heads=2, state=8)


@pytest.fixture(scope='module', params=[False, True], ids=['plain', 'fine'])
def network(request):
    """Make a network with random weights and normalisation statistics that fit them."""
    torch.manual_seed(3)
    made = UnifiedTracker(replace(SMALL, fine=request.param)).train()
    if made.fine is not None:
        made.fine.down.weight.data.normal_(std=0.05)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        made.template(torch.randn(4, 3, 128, 128), torch.randn(4, 1, 128, 128))
    return made.eval()


def _crops(size, seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(1, 3, size, size, generator=generator),
            torch.randn(1, 1, size, size, generator=generator))


def test_fusion_starts_as_the_mean_of_both():
    rgb, thermal = _crops(64, 0)
    fused = PixelFusion()(rgb, thermal)
    torch.testing.assert_close(fused, (rgb + thermal) / 2, atol=0.02, rtol=0)


def test_fusion_shows_the_other_camera_when_one_is_missing():
    rgb, thermal = _crops(64, 1)
    fusion = PixelFusion()
    torch.testing.assert_close(
        fusion(torch.zeros_like(rgb), thermal), thermal.expand(-1, 3, -1, -1), atol=1e-2, rtol=0)
    torch.testing.assert_close(fusion(rgb, torch.zeros_like(thermal)), rgb, atol=1e-2, rtol=0)


def test_fusion_of_two_blank_crops_is_finite():
    blank = torch.zeros(1, 3, 64, 64)
    assert torch.isfinite(PixelFusion()(blank, blank[:, :1])).all()


def test_maps_have_their_shapes_and_ranges(network):
    with torch.no_grad():
        tokens = network.template(*_crops(128, 2))
        score, size, offset, fused = network.search([tokens, tokens], *_crops(256, 3))
    assert tokens.shape == (1, 128 if network.config.fine else 64, 32)
    assert score.shape == (1, 1, 16, 16)
    assert size.shape == offset.shape == (1, 2, 16, 16)
    assert fused.shape == (1, 3, 256, 256)
    assert 0 < float(score.min()) <= float(score.max()) < 1
    assert 0 < float(size.min()) <= float(size.max()) < 1


def test_both_template_slots_matter(network):
    with torch.no_grad():
        first, other = (network.template(*_crops(128, seed)) for seed in (4, 5))
        search = _crops(256, 6)
        base = network.search([first, first], *search)[0]
        assert (network.search([other, first], *search)[0] - base).abs().max() > 1e-5
        assert (network.search([first, other], *search)[0] - base).abs().max() > 1e-5


def test_fine_matching_starts_as_nothing_and_learns_what_is_alike():
    torch.manual_seed(5)
    sizes = {'channels': 32, 'blocks': 1, 'heads': 2, 'state': 8}
    network = UnifiedTracker(UnifiedConfig(**sizes, fine=True)).eval()
    plain = UnifiedTracker(UnifiedConfig(**sizes)).eval()
    assert not plain.load_state_dict(network.state_dict(), strict=False).missing_keys
    template, search = _crops(128, 9), _crops(256, 10)
    tokens = network.template(*template)
    assert tokens.shape == (1, 128, 32)
    torch.testing.assert_close(tokens[:, :64], plain.template(*template))
    before = network.search([tokens, tokens], *search)[0]
    torch.testing.assert_close(before, plain.search(2 * [tokens[:, :64]], *search)[0])
    network.fine.down.weight.data.normal_()
    assert (network.search([tokens, tokens], *search)[0] - before).abs().max() > 1e-4
    detail = torch.cat([tokens[:, :64], torch.randn(1, 64, 32)], 1)
    changed = [network.search(slots, *search)[0] for slots in (
        [detail, tokens], [tokens, detail], [tokens, tokens])]
    assert all((one - changed[2]).abs().max() > 1e-5 for one in changed[:2])


@pytest.mark.parametrize('opset', [16, 17])
def test_exported_bundle_gives_the_same_maps(network, tmp_path, opset):
    folder = tmp_path / 'small'
    export_bundle(network, ModelFacts('small', ('nothing',), (2.0, 0.5)), folder, opset=opset)
    kinds = {node.op_type for node in onnx.load(str(folder / 'search.onnx')).graph.node}
    assert ('LayerNormalization' in kinds) == (opset == 17)
    bundle = load_bundle(folder)
    assert (bundle.calibration.scale, bundle.calibration.bias) == (2.0, 0.5)
    backend = load_backend(bundle, ModelSettings(backend='onnxruntime', threads=1))
    template, search = _crops(128, 7), _crops(256, 8)
    tokens = backend.template(*(crop.numpy() for crop in template))
    maps = backend.search([tokens, tokens], *(crop.numpy() for crop in search), fused=True)
    with torch.no_grad():
        expected = network.template(*template)
        score, size, offset, _ = network.search([expected, expected], *search)
    np.testing.assert_allclose(maps.score, score[0, 0].numpy(), atol=2e-5)
    np.testing.assert_allclose(maps.size, size[0].numpy(), atol=2e-5)
    np.testing.assert_allclose(maps.offset, offset[0].numpy(), atol=1e-4)
    assert maps.fused is not None
    assert 0 <= maps.fused.min() <= maps.fused.max() <= 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ['small']


def test_a_compact_bundle_is_half_as_large_and_computes_in_single_precision(network, tmp_path):
    template, search = _crops(128, 7), _crops(256, 8)
    found = []
    for compact in (False, True):
        export_bundle(network, ModelFacts('small', ()), tmp_path / str(compact), compact=compact)
        backend = load_backend(
            load_bundle(tmp_path / str(compact)), ModelSettings(backend='onnxruntime', threads=1))
        tokens = backend.template(*(crop.numpy() for crop in template))
        found.append(backend.search([tokens, tokens], *(crop.numpy() for crop in search)))
    single, stored = found
    np.testing.assert_allclose(stored.score, single.score, atol=2e-3)
    np.testing.assert_allclose(stored.size, single.size, atol=5e-3)
    sizes = [sum(file.stat().st_size for file in (tmp_path / str(compact)).glob('*.onnx'))
             for compact in (False, True)]
    assert sizes[1] < 0.6 * sizes[0]
    graph = onnx.load(str(tmp_path / 'True' / 'search.onnx')).graph
    halves = {tensor.name for tensor in graph.initializer
              if tensor.data_type == onnx.TensorProto.FLOAT16}
    assert all(node.op_type == 'Cast' for node in graph.node if halves & set(node.input))


def test_export_to_an_unwritable_place_names_it(network, tmp_path):
    blocker = tmp_path / 'file'
    blocker.write_text('')
    with pytest.raises(InputError, match='file'):
        export_bundle(network, ModelFacts('small', ()), blocker / 'bundle')


def test_the_shipped_bundle_feeds_the_network_what_training_does():
    bundle = load_bundle('unified_nano')
    assert (bundle.rgb, bundle.thermal, bundle.border) == (inputs.RGB, inputs.THERMAL,
                                                           inputs.BORDER)
    assert bundle.template.factor == inputs.TEMPLATE_FACTOR
    assert bundle.search.factor == inputs.SEARCH_FACTOR


def test_export_into_a_file_is_refused_and_leaves_nothing_behind(network, tmp_path):
    taken = tmp_path / 'bundle'
    taken.write_text('mine')
    with pytest.raises(InputError, match='cannot be written'):
        export_bundle(network, ModelFacts('tiny', ()), taken)
    assert [path.name for path in tmp_path.iterdir()] == ['bundle']
    assert taken.read_text() == 'mine'
