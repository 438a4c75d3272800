# SPDX-License-Identifier: Apache-2.0
"""TPF: the fusion adapter, the single-stream tracker behind it, and its bundle."""
from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import onnx
import pytest
import torch

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.networks.export import ModelFacts, export_bundle
from rgbt_tracker_ros.networks.pixel_adapter import AdapterConfig, PixelAdapter
from rgbt_tracker_ros.networks.tpf import TPF, TPFConfig
from rgbt_tracker_ros.networks.vision_mamba import VisionMamba
from rgbt_tracker_ros.settings import ModelSettings, Settings
from rgbt_tracker_ros.tracking.tracker import Tracker

TINY_ADAPTER = AdapterConfig(channels=16, state=8)
TINY = TPFConfig(template_size=32, search_size=64, channels=32, heads=2, blocks=2,
                 head_widths=(16, 8), adapter=TINY_ADAPTER)
FORMS = [replace(TINY_ADAPTER, **change) for change in (
    {}, {'output': 'mixture'}, {'output': 'residual'}, {'output': 'direct'},
    {'mixer': 's6'}, {'mixer': 's6_forward'}, {'mixer': 'none'}, {'stride': 4}, {'stride': 16},
    {'blocks': 1})]


def _crops(size, seed, batch=1):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(batch, 3, size, size, generator=generator),
            torch.randn(batch, 1, size, size, generator=generator))


def _stirred(module, seed=0):
    """Give every parameter that starts at zero something to do."""
    generator = torch.Generator().manual_seed(seed)
    for weight in module.parameters():
        if weight.ndim > 1 and not weight.any():
            weight.data.normal_(0.0, 0.1, generator=generator)
    return module


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(3)
    return _stirred(TPF(TINY)).eval()


@pytest.fixture(scope='module')
def folder(network, tmp_path_factory):
    made = tmp_path_factory.mktemp('bundles') / 'tpf_tiny'
    export_bundle(network, ModelFacts('tpf_tiny', ()), made)
    return made


@pytest.fixture(scope='module')
def with_s6(tmp_path_factory):
    torch.manual_seed(4)
    made = _stirred(TPF(replace(TINY, adapter=replace(TINY_ADAPTER, mixer='s6')))).eval()
    folder = tmp_path_factory.mktemp('bundles') / 'tpf_s6'
    export_bundle(made, ModelFacts('tpf_s6', ()), folder)
    return made, folder


@pytest.mark.parametrize('form', FORMS)
def test_every_form_fuses_and_all_of_it_learns(form):
    torch.manual_seed(0)
    adapter = _stirred(PixelAdapter(form))
    fused = adapter(*_crops(32, 0, batch=2))
    assert fused.shape == (2, 3, 32, 32)
    fused.square().mean().backward()
    unused = {'direct': ('weigh', 'to_rgb'), 'mixture': ('draw',), 'residual': ('weigh',)}
    for name, weight in adapter.named_parameters():
        if name.split('.')[0] not in unused.get(form.output, ()):
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize('form', [form for form in FORMS if form.output != 'direct'])
def test_adapter_starts_as_the_mean(form):
    rgb, thermal = _crops(32, 1)
    torch.testing.assert_close(
        PixelAdapter(form)(rgb, thermal), (rgb + thermal) / 2, atol=0.02, rtol=0)


@pytest.mark.parametrize('form', [form for form in FORMS if form.output != 'direct'])
def test_without_one_camera_the_other_ones_image_is_left(form):
    rgb, thermal = _crops(32, 2)
    adapter = _stirred(PixelAdapter(form))
    torch.testing.assert_close(
        adapter(torch.zeros_like(rgb), thermal), thermal.expand(-1, 3, -1, -1), atol=1e-2, rtol=0)
    torch.testing.assert_close(adapter(rgb, torch.zeros_like(thermal)), rgb, atol=1e-2, rtol=0)
    assert torch.isfinite(adapter(torch.zeros_like(rgb), torch.zeros_like(thermal))).all()


def test_the_scan_sees_the_whole_crop():
    """A change in one corner reaches the code of the opposite one through the blocks alone."""
    rgb, thermal = _crops(64, 3)
    changed = rgb.clone()
    changed[..., :8, :8] += 2.0
    for mixer, reaches in (('ssd', True), ('s6', True), ('s6_forward', True), ('none', False)):
        torch.manual_seed(0)
        adapter = _stirred(PixelAdapter(replace(TINY_ADAPTER, mixer=mixer)))
        moved = adapter.encode(changed, thermal) - adapter.encode(rgb, thermal)
        assert bool(moved[..., -1, -1].abs().max() > 0) == reaches


def test_only_a_scan_of_both_directions_sees_what_comes_later():
    rgb, thermal = _crops(64, 3)
    changed = rgb.clone()
    changed[..., -8:, -8:] += 2.0
    for mixer, reaches in (('ssd', True), ('s6', True), ('s6_forward', False)):
        torch.manual_seed(0)
        adapter = _stirred(PixelAdapter(replace(TINY_ADAPTER, mixer=mixer)))
        moved = adapter.encode(changed, thermal) - adapter.encode(rgb, thermal)
        assert bool(moved[..., 0, 0].abs().max() > 0) == reaches


def test_vision_mamba_is_two_scans_one_of_them_backward():
    torch.manual_seed(0)
    both, forward, backward = (VisionMamba(8, state=4, both=two) for two in (True, False, False))
    _stirred(both)
    for single, kept in ((forward, 'directions.0.'), (backward, 'directions.1.')):
        single.load_state_dict({
            name.replace(kept, 'directions.0.'): value
            for name, value in both.state_dict().items()
            if kept in name or 'directions' not in name})
    tokens = torch.randn(2, 12, 8)
    changes = [forward(tokens, 3, 4) - tokens,
               backward(tokens.flip(1), 3, 4).flip(1) - tokens]
    torch.testing.assert_close(both(tokens, 3, 4) - tokens, sum(changes), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('change', [{'stride': 3}, {'mixer': 'attention'}, {'output': 'sum'},
                                    {'channels': 15}, {'heads': 3}])
def test_forms_that_do_not_exist_are_named(change):
    (name, value), = change.items()
    with pytest.raises(InputError, match=rf'{name} {value!r}'):
        AdapterConfig(**change)


@pytest.mark.parametrize('name', ['channels', 'blocks', 'heads', 'state'])
def test_sizes_of_the_adapter_must_be_positive(name):
    with pytest.raises(InputError, match=rf'{name}.* positive'):
        AdapterConfig(**{name: 0})


def test_channels_must_divide_by_heads():
    with pytest.raises(InputError, match=r'channels 32 .* heads 3'):
        replace(TINY, heads=3)


def test_configuration_survives_a_checkpoint():
    assert TPFConfig(**asdict(TINY)) == TINY


def test_maps_have_their_shapes_and_ranges(network):
    with torch.no_grad():
        tokens = network.template(*_crops(32, 4))
        score, size, offset, fused = network.search([tokens, tokens], *_crops(64, 5))
    assert tokens.shape == (1, 4, 32)
    assert score.shape == (1, 1, 4, 4)
    assert size.shape == offset.shape == (1, 2, 4, 4)
    assert fused.shape == (1, 3, 64, 64)
    for fraction in (score, size):
        assert 0 < float(fraction.min()) <= float(fraction.max()) < 1


def test_both_template_slots_matter(network):
    with torch.no_grad():
        first, other = (network.template(*_crops(32, seed)) for seed in (6, 7))
        search = _crops(64, 8)
        same, dynamic, initial = (
            network.search(slots, *search)[0]
            for slots in ([first, first], [first, other], [other, first]))
    assert (dynamic - same).abs().max() > 1e-5
    assert (initial - dynamic).abs().max() > 1e-5


def test_a_single_template_network_has_one_slot():
    network = TPF(replace(TINY, template_slots=1)).eval()
    score, *_ = network.search([network.template(*_crops(32, 9))], *_crops(64, 10))
    assert score.shape == (1, 1, 4, 4)


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    network = _stirred(TPF(TINY)).train()
    slots = [network.template(*_crops(32, seed, batch=2)) for seed in (11, 12)]
    outputs = network.search(slots, *_crops(64, 13, batch=2))
    sum(output.sin().sum() for output in outputs).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


@pytest.mark.parametrize('scale', [1.0, 0.01])
@pytest.mark.parametrize('mixer', ['ssd', 's6'])
def test_exported_bundle_gives_the_same_maps(network, folder, with_s6, mixer, scale):
    network, folder = with_s6 if mixer == 's6' else (network, folder)
    backend = load_backend(load_bundle(folder), ModelSettings(backend='onnxruntime', threads=1))
    template, later, search = (
        [crop * scale for crop in _crops(size, seed)]
        for size, seed in ((32, 14), (32, 15), (64, 16)))
    slots = [backend.template(*(crop.numpy() for crop in crops)) for crops in (template, later)]
    maps = backend.search(slots, *(crop.numpy() for crop in search), fused=True)
    with torch.no_grad():
        score, size, offset, fused = network.search(
            [network.template(*crops) for crops in (template, later)], *search)
    np.testing.assert_allclose(maps.score, score[0, 0].numpy(), atol=1e-4)
    np.testing.assert_allclose(maps.size, size[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(maps.offset, offset[0].numpy(), atol=1e-4)
    assert maps.fused is not None
    rgb = network.inputs.rgb
    shown = fused[0].permute(1, 2, 0).numpy() * rgb.std + rgb.mean
    np.testing.assert_allclose(maps.fused.transpose(1, 2, 0), shown.clip(0, 1), atol=1e-4)
    backend.close()


def test_exported_graphs_are_plain_and_static(folder, with_s6):
    bundle = load_bundle(folder)
    assert (bundle.family, bundle.template_slots, bundle.gives_fused) == ('tpf', 2, True)
    for file in (*folder.glob('*.onnx'), *with_s6[1].glob('*.onnx')):
        graph = onnx.load(str(file)).graph
        operators = {node.op_type for node in graph.node}
        assert not operators & {'Loop', 'Scan', 'If', 'NonZero', 'Einsum', 'SequenceAt'}
        for tensor in (*graph.input, *graph.output):
            assert all(axis.dim_value > 0 for axis in tensor.type.tensor_type.shape.dim)


def test_the_tracker_runs_it_with_a_nearest_reliable_template(folder):
    settings = Settings().updated({
        'template.update': 'nearest_reliable', 'template.interval': 2, 'template.threshold': 0.0,
        'template.memory': 2, 'target.lost_threshold': 0.0})
    tracker = Tracker.from_model(folder, 'onnxruntime', settings)
    rng = np.random.default_rng(0)
    pairs = [ImagePair(rng.integers(0, 255, (120, 160, 3), np.uint8),
                       rng.integers(0, 255, (120, 160), np.uint8)) for _ in range(7)]
    tracker.initialize(pairs[0], Box(60, 40, 24, 30))
    results = [tracker.track(pair, fused=True) for pair in pairs[1:]]
    assert results[-1].template_frame > 0
    for result in results:
        assert not result.note
        assert np.isfinite(result.box).all()
        assert result.fused is not None
        assert (result.fused.shape, result.fused.dtype) == ((64, 64, 3), np.uint8)
    without = tracker.track(ImagePair(None, pairs[0].thermal))
    assert without.mode == 'thermal'
    assert np.isfinite(without.box).all()
    tracker.close()
