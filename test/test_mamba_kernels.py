# SPDX-License-Identifier: Apache-2.0
"""When the kernels of mamba-ssm and causal-conv1d are used, and what they are given."""
from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from rgbt_tracker_ros.networks import mamba_kernels
from rgbt_tracker_ros.networks.mamba import Mamba, ScanInputs, Selection, run_scan
from rgbt_tracker_ros.networks.scans import s6


def scan_inputs(length, batch=3, channels=6, states=4):
    """Return x, dt, decay, b and c of a scan."""
    generator = torch.Generator().manual_seed(length)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def positive(*shape):
        return torch.rand(*shape, generator=generator) + 0.05

    return [normal(batch, length, channels), positive(batch, length, channels),
            positive(channels, states), normal(batch, length, states),
            normal(batch, length, states)]


def own_decays(decay, batch=3):
    """Give each sequence of a batch decays of its own."""
    factors = torch.linspace(0.5, 2.0, batch)[:, None, None]
    return (decay.detach() * factors).requires_grad_()


class StandIn:
    """Takes the place of both packages' functions: checks what a GPU kernel would, computes."""

    def __init__(self):
        self.calls = []

    def find(self, module, name):
        return {'mamba_ssm.ops.selective_scan_interface.selective_scan_fn': self.scan,
                'causal_conv1d.causal_conv1d_fn': self.convolution}[f'{module}.{name}']

    def scan(self, u, delta, A, B, C, D=None, z=None, delta_bias=None,  # noqa: N803
             delta_softplus=False, return_last_state=False):
        self.calls.append('scan')
        batch, channels, length = u.shape
        assert delta.shape == u.shape
        assert A.shape[0] == channels
        assert (A < 0).all()
        groups = B.shape[1] if B.dim() == 4 else 1
        assert B.shape == C.shape
        assert B.reshape(batch, groups, A.shape[1], length).shape[1] == groups
        assert channels % groups == 0
        assert all(part.stride(-1) == 1 for part in (u, delta, A, B, C))
        assert all(part.dtype == torch.float32 for part in (u, delta, A, B, C))
        parts = [group.transpose(1, 2) for group in u.chunk(groups, 1)]
        sizes = [group.transpose(1, 2) for group in delta.chunk(groups, 1)]
        reads, writes = (part.reshape(batch, groups, -1, length).unbind(1) for part in (C, B))
        results = [
            s6(x, dt, -rates, b.transpose(1, 2), c.transpose(1, 2), 5)
            for x, dt, rates, b, c in zip(
                parts, sizes, A.chunk(groups), writes, reads, strict=True)]
        return torch.cat(results, 2).transpose(1, 2)

    def convolution(self, x, weight, bias=None, seq_idx=None, initial_states=None,
                    return_final_states=False, final_states_out=None, activation=None):
        self.calls.append('convolution')
        assert x.stride(2) == 1
        assert 2 <= weight.shape[1] <= 4
        assert activation == 'silu'
        padded = F.pad(x, (weight.shape[1] - 1, 0))
        return F.silu(F.conv1d(padded, weight.unsqueeze(1), bias, groups=x.shape[1]))


@pytest.fixture
def stand_in(monkeypatch):
    """Put a stand-in where the packages would be, on something that looks like a GPU."""
    packages = StandIn()
    monkeypatch.setattr(mamba_kernels, '_find', packages.find)
    monkeypatch.setattr(mamba_kernels, '_applies', lambda x: True)
    return packages


@pytest.mark.parametrize('own', [False, True])
def test_scan_kernel_gives_what_the_scan_gives(own, stand_in):
    inputs = scan_inputs(length=17)
    if own:
        inputs[2] = own_decays(inputs[2])
    result = run_scan(ScanInputs(*inputs), 'two_level', 4)
    assert stand_in.calls == ['scan']
    torch.testing.assert_close(result, s6(*inputs, 4), atol=1e-5, rtol=1e-5)


def test_a_whole_mixer_gives_the_same_with_kernels(stand_in, monkeypatch):
    torch.manual_seed(0)
    mixer = Mamba(8, expand=2, state=4, rank=2, steps=3)
    tokens = torch.randn(2, 10, 8)
    fast = mixer(tokens)
    assert stand_in.calls == ['convolution', 'scan']
    monkeypatch.undo()
    torch.testing.assert_close(fast, mixer(tokens), atol=1e-6, rtol=1e-5)


def test_the_reference_form_and_other_precisions_stay_as_they_are(stand_in):
    inputs = ScanInputs(*scan_inputs(length=5))
    run_scan(inputs, 'sequential', 4)
    run_scan(ScanInputs(*(part.double() for part in inputs)), 'two_level', 4)
    assert stand_in.calls == []


@pytest.mark.parametrize('kernel', [1, 5])
def test_convolutions_that_the_kernel_does_not_know_stay_as_they_are(kernel, stand_in):
    values = torch.randn(1, 9, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    assert Selection(8, state=4, kernel=kernel, rank=2)(values).x.shape == (1, 9, 8)
    assert stand_in.calls == []


def test_without_gpu_or_packages_there_is_no_kernel(monkeypatch):
    x = scan_inputs(length=5)[0]
    assert mamba_kernels._find('no_such_package', 'scan') is None
    monkeypatch.setattr(mamba_kernels, '_find', StandIn().find)
    assert mamba_kernels.s6_kernel(x) is None


@pytest.mark.parametrize(('kernel', 'reason'), [
    (lambda *inputs: s6(*inputs) * 1.1, 'not close'),
    (lambda *inputs: s6(*inputs).detach(), 'does not require grad'),
    (lambda *inputs: {}['ptxas'], 'ptxas')])
def test_our_own_kernel_is_left_out_where_it_fails(monkeypatch, caplog, kernel, reason):
    monkeypatch.setattr(mamba_kernels, '_applies', lambda x: True)
    monkeypatch.setattr(mamba_kernels, 'mamba_scan', lambda: None)
    monkeypatch.setattr(mamba_kernels, 'triton_scan', lambda: kernel)
    assert mamba_kernels.s6_kernel(torch.zeros(1, 1, 1)) is None
    assert 'training is slower' in caplog.text
    assert reason in caplog.text
    monkeypatch.setattr(mamba_kernels, 'triton_scan', lambda: s6)
    assert mamba_kernels.s6_kernel(torch.zeros(1, 1, 1)) is s6
