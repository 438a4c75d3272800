# SPDX-License-Identifier: Apache-2.0
"""All forms of the scans against their step-by-step definitions."""
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
import torch

from rgbt_tracker_ros.networks import ssd_block
from rgbt_tracker_ros.networks.scans import (
    s6,
    s6_sequential,
    ssd_bidirectional,
    ssd_chunked,
    ssd_sequential,
)
from rgbt_tracker_ros.networks.ssd_block import SSDMixer


def _inputs(seed, length, heads, largest_step, dtype):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    x = normal(2, length, heads, 4)
    dt = torch.rand(2, length, heads, generator=generator, dtype=torch.float64) * largest_step
    decay = torch.rand(heads, generator=generator, dtype=torch.float64) * 2 + 0.05
    return x, dt.to(dtype), decay.to(dtype), normal(2, length, 5), normal(2, length, 5)


def test_ssd_recurrence_by_hand():
    x, dt = torch.tensor([2.0, 3.0]).reshape(1, 2, 1, 1), torch.tensor([0.5, 0.25])[None, :, None]
    b, c = torch.tensor([[[1.0], [4.0]]]), torch.tensor([[[1.0], [2.0]]])
    first, second = 0.5 * 1 * 2, 0.25 * 4 * 3
    between = float(torch.exp(torch.tensor(-0.25)))
    expected = torch.tensor([first + between * second, 2 * (between * first + second)])
    result = ssd_sequential(x, dt, torch.ones(1), b, c)
    torch.testing.assert_close(result.flatten(), expected)


@given(seed=st.integers(0, 1000), length=st.integers(1, 24), heads=st.integers(1, 3),
       steps=st.integers(1, 9), largest_step=st.sampled_from([0.05, 1.0, 20.0]))
@settings(max_examples=40, deadline=None)
def test_ssd_forms_equal_the_recurrence(seed, length, heads, steps, largest_step):
    inputs = _inputs(seed, length, heads, largest_step, torch.float64)
    expected = ssd_sequential(*inputs)
    scale = float(expected.abs().max()) + 1.0
    for form, more in ((ssd_bidirectional, ()), (ssd_chunked, (steps,))):
        torch.testing.assert_close(form(*inputs, *more), expected, atol=1e-12 * scale, rtol=0)
        single = form(*(tensor.float() for tensor in inputs), *more)
        torch.testing.assert_close(single.double(), expected, atol=2e-5 * scale, rtol=0)


@pytest.mark.parametrize('form', [ssd_bidirectional, ssd_chunked])
def test_long_sequences_with_large_steps_stay_exact(form):
    inputs = _inputs(0, 320, 2, 50.0, torch.float64)
    expected = ssd_sequential(*inputs)
    single = form(*(tensor.float() for tensor in inputs))
    torch.testing.assert_close(
        single.double(), expected, atol=2e-4 * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize('form', [ssd_bidirectional, ssd_chunked])
def test_ssd_gradients_are_right(form):
    inputs = [tensor.requires_grad_() for tensor in _inputs(4, 7, 2, 1.0, torch.float64)]
    more = (3,) if form is ssd_chunked else ()
    assert torch.autograd.gradcheck(
        lambda *tensors: form(*tensors, *more), inputs, fast_mode=True)
    weights = torch.randn(2, 7, 2, 4, generator=torch.Generator().manual_seed(5)).double()
    ours = torch.autograd.grad((form(*inputs, *more) * weights).sum(), inputs)
    wanted = torch.autograd.grad((ssd_sequential(*inputs) * weights).sum(), inputs)
    torch.testing.assert_close(ours, wanted, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize('form', [ssd_bidirectional, ssd_chunked])
def test_mixed_precision_does_not_reach_the_decays(form):
    inputs = _inputs(1, 200, 2, 1.0, torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = form(*inputs)
    assert torch.equal(mixed, form(*inputs))


def test_a_mixer_scans_long_sequences_in_chunks_with_the_same_result(monkeypatch):
    torch.manual_seed(0)
    mixer = SSDMixer(16, heads=2, state=8)
    torch.nn.init.normal_(mixer.project_out.weight)
    tokens = torch.randn(2, 12, 16)
    quadratic = mixer(tokens, 3, 4)
    monkeypatch.setattr(ssd_block, 'LONGEST_QUADRATIC', 11)
    torch.testing.assert_close(mixer(tokens, 3, 4), quadratic, atol=1e-5, rtol=1e-5)


def test_with_equal_decays_both_directions_are_the_same():
    x, dt, decay, b, c = _inputs(1, 12, 2, 1.0, torch.float64)
    dt = torch.full_like(dt, 0.3)
    forward = ssd_bidirectional(x, dt, decay, b, c)
    backward = ssd_bidirectional(x.flip(1), dt, decay, b.flip(1), c.flip(1)).flip(1)
    torch.testing.assert_close(forward, backward, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('columns', [False, True])
def test_gradients_reach_every_parameter(columns):
    torch.manual_seed(0)
    mixer = SSDMixer(16, heads=2, state=8, columns=columns)
    torch.nn.init.normal_(mixer.project_out.weight)
    mixer(torch.randn(2, 12, 16), 3, 4).square().sum().backward()
    for name, parameter in mixer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_column_scan_is_the_row_scan_of_the_transposed_map():
    torch.manual_seed(0)
    rows, columns = SSDMixer(16, heads=2, state=8), SSDMixer(16, heads=2, state=8, columns=True)
    torch.nn.init.normal_(rows.project_out.weight)
    columns.load_state_dict(rows.state_dict())
    with torch.no_grad():
        columns.neighbours.weight.copy_(rows.neighbours.weight.transpose(2, 3))
    grid = torch.randn(1, 3, 4, 16)
    by_rows = rows(grid.transpose(1, 2).reshape(1, 12, 16), 4, 3).reshape(1, 4, 3, 16)
    by_columns = columns(grid.reshape(1, 12, 16), 3, 4).reshape(1, 3, 4, 16)
    torch.testing.assert_close(by_rows.transpose(1, 2), by_columns, atol=1e-5, rtol=1e-5)


def _s6_inputs(seed, length, largest_step, dtype, own_decays=False):
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    def positive(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64).to(dtype)

    x, dt = normal(2, length, 3), positive(2, length, 3) * largest_step
    decay = positive(*((2, 3, 4) if own_decays else (3, 4))) * 16 + 0.05
    return x, dt, decay, normal(2, length, 4), normal(2, length, 4)


def test_s6_recurrence_by_hand():
    x, dt = torch.tensor([[[2.0], [3.0]]]), torch.tensor([[[0.5], [0.25]]])
    decay = torch.ones(1, 1)
    b, c = torch.tensor([[[1.0], [4.0]]]), torch.tensor([[[1.0], [2.0]]])
    first = 0.5 * 1 * 2
    second = torch.exp(torch.tensor(-0.25)) * first + 0.25 * 4 * 3
    expected = torch.tensor([[[first], [2 * float(second)]]])
    torch.testing.assert_close(s6_sequential(x, dt, decay, b, c), expected)
    torch.testing.assert_close(s6(x, dt, decay, b, c, 1), expected)


@given(seed=st.integers(0, 1000), length=st.integers(1, 30), steps=st.integers(1, 12),
       largest_step=st.sampled_from([0.05, 1.0, 20.0]), own_decays=st.booleans())
@settings(max_examples=60, deadline=None)
def test_s6_in_two_levels_equals_the_recurrence(seed, length, steps, largest_step, own_decays):
    inputs = _s6_inputs(seed, length, largest_step, torch.float64, own_decays)
    expected = s6_sequential(*inputs)
    scale = float(expected.abs().max()) + 1.0
    torch.testing.assert_close(s6(*inputs, steps), expected, atol=1e-12 * scale, rtol=0)
    single = s6(*(tensor.float() for tensor in inputs), steps)
    torch.testing.assert_close(single.double(), expected, atol=2e-6 * scale, rtol=0)


def test_s6_with_long_sequences_and_large_steps_stays_exact():
    inputs = _s6_inputs(0, 320, 50.0, torch.float32)
    expected = s6_sequential(*(tensor.double() for tensor in inputs))
    torch.testing.assert_close(s6(*inputs, 40).double(), expected, atol=2e-4, rtol=1e-5)


@pytest.mark.parametrize('own_decays', [False, True])
def test_s6_gradients_are_right(own_decays):
    inputs = [tensor.requires_grad_()
              for tensor in _s6_inputs(4, 7, 1.0, torch.float64, own_decays)]
    assert torch.autograd.gradcheck(lambda *tensors: s6(*tensors, 3), inputs)
    weights = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    ours = torch.autograd.grad((s6(*inputs, 3) * weights).sum(), inputs)
    reference = torch.autograd.grad((s6_sequential(*inputs) * weights).sum(), inputs)
    torch.testing.assert_close(ours, reference, atol=1e-10, rtol=1e-10)


def test_s6_is_causal():
    x, dt, decay, b, c = _s6_inputs(6, 12, 1.0, torch.float64)
    changed = x.clone()
    changed[:, 7:] += 1.0
    before, after = s6(x, dt, decay, b, c, 5), s6(changed, dt, decay, b, c, 5)
    torch.testing.assert_close(before[:, :7], after[:, :7], atol=0, rtol=0)
    assert (before[:, 7:] - after[:, 7:]).abs().min() > 0
