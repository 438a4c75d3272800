# SPDX-License-Identifier: Apache-2.0
# Triton compiles the kernels by itself: their parameters are pointers and numbers of the GPU.
# mypy: disable-error-code="no-untyped-def,untyped-decorator"
"""The S6 scan as Triton kernels, for GPUs on which mamba-ssm is not installed.

A program follows some channels of one sequence from the first token to the last and keeps their
states in registers, so that only inputs and outputs pass through memory. For the gradients the
states are kept at each chunk's beginning, and computed again chunk by chunk.
"""
from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
import triton
import triton.language as tl

CHANNELS = 16
"""Channels of a program; fewer make more programs, which a short batch needs to fill a GPU."""

STEPS = 32
"""Tokens of a chunk."""


def s6_triton(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Scan a sequence forward; parameters and result are those of `scans.s6`, in float32."""
    batch, _, channels = x.shape
    rates = decay.expand(batch, channels, decay.shape[-1])
    output: Tensor = _Scan.apply(*(part.contiguous() for part in (x, dt, rates, b, c)))
    return output


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        x, _, decay, _, _ = inputs
        y = torch.empty_like(x)
        sizes = _sizes(x, decay)
        starts = x.new_empty(len(x), sizes['chunks'], *decay.shape[1:])
        _forward[_grid(x)](*inputs, y, starts, **sizes, num_warps=1)
        ctx.save_for_backward(*inputs, starts)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        *inputs, starts = ctx.saved_tensors
        x, dt, decay, b, c = inputs
        blocks, grid = triton.cdiv(x.shape[2], CHANNELS), _grid(x)
        # Each block of channels adds to the gradients of B and C: apart first, then in one sum.
        to_b, to_c = (torch.empty(blocks, *part.shape, device=x.device) for part in (b, c))
        to_x, to_dt, to_decay = (torch.empty_like(part) for part in (x, dt, decay))
        sizes = _sizes(x, decay)
        kept = x.new_empty(*grid, STEPS, CHANNELS, sizes['STATES'])
        _backward[grid](
            *inputs, starts, gradients[0].contiguous(), kept, to_x, to_dt, to_decay, to_b, to_c,
            **sizes, num_warps=1)
        return to_x, to_dt, to_decay, to_b.sum(0), to_c.sum(0)


def _grid(x: Tensor) -> tuple[int, int]:
    return x.shape[0], triton.cdiv(x.shape[2], CHANNELS)


def _sizes(x: Tensor, decay: Tensor) -> dict[str, int]:
    return {'length': x.shape[1], 'channels': x.shape[2], 'states': decay.shape[2],
            'chunks': triton.cdiv(x.shape[1], STEPS), 'STEPS': STEPS, 'CHANNELS': CHANNELS,
            'STATES': triton.next_power_of_2(decay.shape[2])}


@triton.jit
def _forward(
    x, dt, decay, b, c, y, starts, length, channels, states, chunks,
    STEPS: tl.constexpr, CHANNELS: tl.constexpr, STATES: tl.constexpr,  # noqa: N803
):
    sequence = tl.program_id(0).to(tl.int64)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    place = tl.arange(0, STATES)
    real, wanted = channel < channels, place < states
    cell = channel[:, None] * states + place[None, :]
    cells = real[:, None] & wanted[None, :]
    rates = -tl.load(decay + sequence * channels * states + cell, mask=cells, other=0.0)
    state = tl.zeros((CHANNELS, STATES), tl.float32)
    for t in range(length):
        if t % STEPS == 0:
            tl.store(starts + (sequence * chunks + t // STEPS) * channels * states + cell, state,
                     mask=cells)
        row = sequence * length + t
        size = tl.load(dt + row * channels + channel, mask=real, other=0.0)
        value = tl.load(x + row * channels + channel, mask=real, other=0.0)
        write = tl.load(b + row * states + place, mask=wanted, other=0.0)
        read = tl.load(c + row * states + place, mask=wanted, other=0.0)
        state = tl.exp(size[:, None] * rates) * state + (size * value)[:, None] * write[None, :]
        tl.store(y + row * channels + channel, tl.sum(state * read[None, :], 1), mask=real)


@triton.jit
def _backward(
    x, dt, decay, b, c, starts, to_y, kept, to_x, to_dt, to_decay, to_b, to_c,
    length, channels, states, chunks,
    STEPS: tl.constexpr, CHANNELS: tl.constexpr, STATES: tl.constexpr,  # noqa: N803
):
    sequence, block = tl.program_id(0).to(tl.int64), tl.program_id(1)
    channel = block * CHANNELS + tl.arange(0, CHANNELS)
    place = tl.arange(0, STATES)
    real, wanted = channel < channels, place < states
    cell = channel[:, None] * states + place[None, :]
    cells = real[:, None] & wanted[None, :]
    # Where this program keeps the states of a chunk, and its part of the gradients of B and C.
    own = kept + (sequence * tl.num_programs(1) + block) * STEPS * CHANNELS * STATES \
        + tl.arange(0, CHANNELS)[:, None] * STATES + place[None, :]
    part = (block * tl.num_programs(0) + sequence) * length
    rates = -tl.load(decay + sequence * channels * states + cell, mask=cells, other=0.0)
    from_rates = tl.zeros((CHANNELS, STATES), tl.float32)
    carried = tl.zeros((CHANNELS, STATES), tl.float32)
    for back in range(chunks):
        chunk = chunks - 1 - back
        state = tl.load(starts + (sequence * chunks + chunk) * channels * states + cell,
                        mask=cells, other=0.0)
        for i in range(STEPS):
            tl.store(own + i * CHANNELS * STATES, state)
            t = chunk * STEPS + i
            row = sequence * length + t
            # Vectors, since a program's scalars may be Python's own.
            here, there = real & (channel * 0 + t < length), wanted & (place * 0 + t < length)
            size = tl.load(dt + row * channels + channel, mask=here, other=0.0)
            value = tl.load(x + row * channels + channel, mask=here, other=0.0)
            write = tl.load(b + row * states + place, mask=there, other=0.0)
            state = tl.exp(size[:, None] * rates) * state \
                + (size * value)[:, None] * write[None, :]
        # What one thread stored another may read.
        tl.debug_barrier()
        for j in range(STEPS):
            i = STEPS - 1 - j
            t = chunk * STEPS + i
            row = sequence * length + t
            # Vectors, since a program's scalars may be Python's own.
            here, there = real & (channel * 0 + t < length), wanted & (place * 0 + t < length)
            before = tl.load(own + i * CHANNELS * STATES)
            size = tl.load(dt + row * channels + channel, mask=here, other=0.0)
            value = tl.load(x + row * channels + channel, mask=here, other=0.0)
            write = tl.load(b + row * states + place, mask=there, other=0.0)
            read = tl.load(c + row * states + place, mask=there, other=0.0)
            slope = tl.load(to_y + row * channels + channel, mask=here, other=0.0)
            left = tl.exp(size[:, None] * rates) * before
            entering = size * value
            state = left + entering[:, None] * write[None, :]
            gradient = carried + slope[:, None] * read[None, :]
            through = tl.sum(gradient * write[None, :], 1)
            tl.store(to_x + row * channels + channel, through * size, mask=here)
            tl.store(to_dt + row * channels + channel,
                     through * value + tl.sum(gradient * left * rates, 1), mask=here)
            tl.store(to_b + (part + t) * states + place,
                     tl.sum(gradient * entering[:, None], 0), mask=there)
            tl.store(to_c + (part + t) * states + place,
                     tl.sum(state * slope[:, None], 0), mask=there)
            from_rates += gradient * left * size[:, None]
            carried = tl.exp(size[:, None] * rates) * gradient
        tl.debug_barrier()
    tl.store(to_decay + sequence * channels * states + cell, -from_rates, mask=cells)
