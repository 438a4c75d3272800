# SPDX-License-Identifier: Apache-2.0
"""The scan's Triton kernels against its definition: on the CPU through Triton's interpreter.

Collected only where Triton is installed.
"""
from __future__ import annotations

import os

import pytest
import torch

# Triton reads it when the kernels are defined.
if not torch.cuda.is_available():
    os.environ['TRITON_INTERPRET'] = '1'

from rgbt_tracker_ros.networks import mamba_kernels
from rgbt_tracker_ros.networks.scan_triton import s6_triton
from rgbt_tracker_ros.networks.scans import s6, s6_sequential

DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'


def _inputs(length, channels, states, *, apart, largest_step=1.0, batch=2):
    generator = torch.Generator().manual_seed(length)
    shapes = {'x': (batch, length, channels), 'b': (batch, length, states),
              'c': (batch, length, states)}
    made = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    made['dt'] = torch.rand(shapes['x'], generator=generator) * largest_step
    made['decay'] = torch.rand(
        ((batch,) if apart else ()) + (channels, states), generator=generator) * 4 + 0.1
    return [made[name].to(DEVICE).requires_grad_() for name in ('x', 'dt', 'decay', 'b', 'c')]


@pytest.mark.parametrize(('length', 'channels', 'states', 'apart'), [
    (1, 1, 1, False), (32, 16, 4, False), (33, 17, 3, True), (70, 5, 6, False)])
def test_scan_and_gradients_equal_the_definition(length, channels, states, apart):
    inputs = _inputs(length, channels, states, apart=apart)
    wanted, found = s6_sequential(*inputs), s6_triton(*inputs)
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)
    slope = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    for name, ours, theirs in zip(
            ('x', 'dt', 'decay', 'b', 'c'), torch.autograd.grad(found, inputs, slope),
            torch.autograd.grad(wanted, inputs, slope), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3, msg=f'gradient of {name}')


def test_large_steps_stay_finite_and_equal_the_two_level_form():
    inputs = _inputs(48, 4, 4, apart=True, largest_step=50.0)
    torch.testing.assert_close(s6_triton(*inputs), s6(*inputs, 16), atol=1e-4, rtol=1e-3)


def test_it_is_taken_on_a_gpu_where_mamba_ssm_is_missing(monkeypatch):
    monkeypatch.setattr(mamba_kernels, '_applies', lambda _: True)
    find = mamba_kernels._find
    monkeypatch.setattr(mamba_kernels, '_find', lambda module, name: (
        None if module.startswith('mamba_ssm') else find(module, name)))
    assert mamba_kernels.s6_kernel(torch.zeros(1, 1, 1, device=DEVICE)) is s6_triton
    assert mamba_kernels.s6_kernel(torch.zeros(1, 1, 1, dtype=torch.float64)) is None
