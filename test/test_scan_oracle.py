# SPDX-License-Identifier: Apache-2.0
"""Scans against mamba-ssm's reference functions (conftest.py leaves this out without it)."""
from __future__ import annotations

from mamba_reference import reference_functions
import pytest
from test_mamba_kernels import own_decays, scan_inputs
import torch

from rgbt_tracker_ros.networks import mamba_kernels
from rgbt_tracker_ros.networks.scans import (
    s6,
    s6_sequential,
    ssd_bidirectional,
    ssd_chunked,
    ssd_sequential,
)


@pytest.fixture
def reference(monkeypatch):
    """Return the reference of the S6 and of the SSD scan."""
    return reference_functions(monkeypatch)


def test_s6_is_the_selective_scan(reference):
    x, dt, decay, b, c = scan_inputs(length=37)
    values, sizes, writes, reads = (part.transpose(1, 2) for part in (x, dt, b, c))
    wanted = reference[0](values, sizes, -decay, writes[:, None], reads[:, None]).transpose(1, 2)
    torch.testing.assert_close(s6(x, dt, decay, b, c), wanted, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(s6_sequential(x, dt, decay, b, c), wanted, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize('own', [False, True])
def test_the_kernel_of_the_package_is_called_as_it_wants(own, reference, monkeypatch):
    """The reference takes the kernel's arguments, and takes them apart in the same way."""
    monkeypatch.setattr(mamba_kernels, '_find', lambda module, name: reference[0])
    monkeypatch.setattr(mamba_kernels, '_applies', lambda x: True)
    inputs = [part.requires_grad_() for part in scan_inputs(length=19)]
    if own:
        inputs[2] = own_decays(inputs[2])
    kernel = mamba_kernels.s6_kernel(inputs[0])
    results = kernel(*inputs), s6(*inputs, 5)
    torch.testing.assert_close(*results, atol=2e-6, rtol=1e-5)
    gradients = [torch.autograd.grad(result.square().sum(), inputs) for result in results]
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('form', [ssd_bidirectional, ssd_chunked, ssd_sequential])
def test_ssd_is_the_discrete_scan_in_both_directions(form, reference):
    generator = torch.Generator().manual_seed(3)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    x, b, c = normal(2, 24, 3, 4), normal(2, 24, 5), normal(2, 24, 5)
    dt, decay = torch.rand(2, 24, 3, generator=generator), torch.rand(3, generator=generator)
    values, log_decays = x * dt.unsqueeze(-1), -dt * decay
    writes, reads = (part.unsqueeze(2).expand(-1, -1, 3, -1) for part in (b, c))
    forward = reference[1](values, log_decays, writes, reads, 8)[0]
    # Read backwards, the decay between two tokens is still that of the later one.
    shifted = torch.cat([torch.zeros(2, 1, 3), log_decays.flip(1)[:, :-1]], 1)
    backward = reference[1](values.flip(1), shifted, writes.flip(1), reads.flip(1), 8)[0].flip(1)
    own = (c * b).sum(-1)[..., None, None] * values
    torch.testing.assert_close(
        form(x, dt, decay, b, c), forward + backward - own, atol=1e-5, rtol=1e-5)
