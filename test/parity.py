# SPDX-License-Identifier: Apache-2.0
"""Reference outputs of published trackers (../shared/parity), and networks filled by its rule."""
from __future__ import annotations

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
import math
from pathlib import Path
import zlib

import numpy as np
import pytest
import torch

from rgbt_tracker_ros.networks.checkpoint import load_published

REFERENCE = Path(__file__).resolve().parents[2] / 'shared' / 'parity'
OURS = Path(__file__).parent / 'data'
TOLERANCE = {'score_map': 2e-5, 'size_map': 2e-5, 'offset_map': 1e-4, 'feat_head': 1e-4}

with_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(),
    reason='the reference outputs are not beside this checkout (../shared/parity)')


@cache
def rule():
    """Return the module that makes weights and inputs of names, shapes and a seed."""
    spec = spec_from_file_location('parity_fill', REFERENCE / 'fill.py')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def published_keys(name):
    """Return shape and deadness of every key of a published network."""
    keys = {}
    for line in (REFERENCE / f'{name}_keys.tsv').read_text().splitlines()[1:]:
        key, shape, dead = line.split('\t')
        size = () if shape == 'scalar' else tuple(map(int, shape.split('x')))
        keys[key] = (size, dead == 'y')
    return keys


def seeded(network):
    """Fill any network from the names and shapes of its weights alone (our own, simpler rule)."""
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.dtype.is_floating_point:
                noise = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(
                    tuple(tensor.shape))
                scale = 1 / math.sqrt(math.prod(tensor.shape[1:])) if tensor.ndim > 1 else 0.1
                is_factor = tensor.ndim == 1 and name.endswith(('weight', 'running_var'))
                tensor.copy_(torch.from_numpy(is_factor + scale * noise))
    return network.eval()


def assert_unchanged(name, outputs):
    """Assert that outputs are those kept in data/NAME.npz, made when parity had been checked."""
    kept = np.load(OURS / f'{name}.npz')
    assert set(kept.files) == set(outputs)
    for key, tensor in outputs.items():
        np.testing.assert_allclose(
            tensor.detach().numpy(), kept[key], atol=1e-4, rtol=0, err_msg=f'{name} {key}')


def crops(template_size, search_size, seed=0, thermal_channels=3):
    """Return four random crops, template before search, RGB before thermal."""
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.standard_normal((1, channels, side, side)).astype(np.float32))
            for side in (template_size, search_size) for channels in (3, thermal_channels)]


def filled(network, name, keymap, seed=0):
    """Fill a network of full size through its key map; every key must be accounted for."""
    published = published_keys(name)
    report = load_published(network.eval(), {
        key: torch.from_numpy(np.asarray(rule().fill_tensor(key, shape, seed)))
        for key, (shape, _) in published.items()}, keymap)
    assert report.missing == report.unexpected == report.resized == ()
    assert set(report.unused) == {key for key, (_, dead) in published.items() if dead}
    return network


def inputs(scale=1.0, seed=0):
    """Return the four input tensors, template before search, RGB before thermal."""
    return [torch.from_numpy(array * np.float32(scale))
            for array in rule().make_inputs(seed).values()]


def reference(name, seed=0):
    """Return the reference outputs of a published network."""
    return np.load(REFERENCE / f'{name}_seed{seed}.npz')


def assert_maps(output, wanted, prefix=''):
    """Assert that maps (and the head's input) are the reference's."""
    for key, tolerance in TOLERANCE.items():
        if prefix + key in wanted:
            np.testing.assert_allclose(
                output[key].numpy(), wanted[prefix + key], atol=tolerance, rtol=0,
                err_msg=prefix + key)


def assert_blocks(blocks, wanted, stream):
    """Assert that tokens after every block have the reference's statistics and samples."""
    assert len(blocks) == len(wanted[f'stat_{stream}'])
    for index, tokens in enumerate(blocks):
        tokens = tokens[0].double().numpy()
        np.testing.assert_allclose(
            [tokens.mean(), tokens.std()], wanted[f'stat_{stream}'][index], atol=1e-4)
        np.testing.assert_allclose(
            tokens[wanted['probe_tokens'], :16], wanted[f'probe_{stream}'][index], atol=2e-4,
            err_msg=f'{stream} {index}')
