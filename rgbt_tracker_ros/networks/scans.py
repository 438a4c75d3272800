# SPDX-License-Identifier: Apache-2.0
"""State-space scans in forms that export to plain static graphs.

The SSD (Mamba-2) recurrence has one decay per head and step:

    h_t = a_t h_{t-1} + dt_t B_t x_t,    y_t = C_t h_t,    a_t = exp(-A dt_t)

Unrolled it is a masked, attention-like product y = (M o (C B^T)) (dt x), with M_ij the product of
the decays between i and j (Dao and Gu, "Transformers are SSMs", 2024, sections 3 and 5).

In the S6 (Mamba-1) recurrence A differs in every channel and state (Gu and Dao, "Mamba", 2023), so
there is no such product; it is cut into chunks, which advance side by side, and the state that
enters a chunk is added afterwards. All functions take (x, dt, decay, b, c) and leave the skip
connection D x to the caller.
"""
from __future__ import annotations

from itertools import accumulate

import torch
from torch import Tensor


def ssd_bidirectional(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Scan a sequence in both directions at once, in quadratic form.

    M_ij = exp(-|S_i - S_j|), S the running sum of the log decays: its lower triangle is the
    forward scan, its upper one the backward scan, and the diagonal counts once (the
    quasi-separable form). Differences are taken before the exponential, so nothing overflows.

    Parameters
    ----------
    x
        Values, B x L x H x P (batch, length, heads, channels of a head).
    dt
        Positive step sizes, B x L x H.
    decay
        Positive decay rates A, H.
    b, c
        Input and output projections of the state, B x L x N, shared by the heads.

    Returns
    -------
    Tensor
        B x L x H x P.

    """
    length = x.shape[1]
    # Triangular product in place of CumSum: a matrix product everywhere, also in old TensorRT.
    ones = torch.ones(length, length, dtype=torch.float32, device=x.device).tril()
    log_decay = (dt.float() * -decay.float()).transpose(1, 2)
    running = log_decay @ ones.T
    mask = torch.exp(-(running.unsqueeze(-1) - running.unsqueeze(-2)).abs())
    weights = mask * (c @ b.transpose(1, 2)).float().unsqueeze(1)
    values = (x * dt.unsqueeze(-1)).float().permute(0, 2, 1, 3)
    return (weights @ values).permute(0, 2, 1, 3).to(x.dtype)


def s6_sequential(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Scan a sequence forward, step by step: the definition that `s6` is held to.

    Parameters and result are those of `s6`.
    """
    rates = -decay.transpose(-1, -2)
    values = dt * x
    state = torch.zeros_like(b[:, 0, :, None] * values[:, 0, None])
    outputs = []
    for t in range(x.shape[1]):
        kept = torch.exp(dt[:, t, None] * rates)
        state = kept * state + b[:, t, :, None] * values[:, t, None]
        outputs.append(c[:, t, None] @ state)
    return torch.cat(outputs, 1)


def s6(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor, steps: int = 64) -> Tensor:
    """Scan a sequence forward in two levels: over the steps of all chunks at once, then chunks.

    Within its chunk every state starts from zero; what enters from the chunks before decays by
    exp(-A S_t), S_t the sum of the chunk's step sizes up to t, and is added. All exponents are
    negative, so nothing overflows. No tensor is larger than one state per chunk: with few chunks
    the working set stays in the cache, with many the graph stays small.

    Parameters
    ----------
    x
        Values, B x L x D (batch, length, channels).
    dt
        Positive step sizes, B x L x D.
    decay
        Positive decay rates A, D x N, or B x D x N where the sequences of a batch differ.
    b, c
        Input and output projections of the state, B x L x N, shared by the channels.
    steps
        Length of a chunk; the exported graph has about 11 nodes for each of its steps.

    Returns
    -------
    Tensor
        B x L x D.

    """
    # Plain numbers, so that a traced graph computes no shapes.
    batch, length, channels = (int(size) for size in x.shape)
    chunks = -(-length // steps)
    rates = -(decay if decay.dim() == 2 else decay.unsqueeze(1)).transpose(-1, -2)

    def cut(values: Tensor) -> Tensor:
        if length % steps:
            # A padded step has dt = 0: it keeps the state and adds nothing.
            rest = values.new_zeros(batch, chunks * steps - length, int(values.shape[2]))
            values = torch.cat([values, rest], 1)
        return values.reshape(batch, chunks, steps, -1)

    entries, sizes, reads = (cut(part).split(1, 2) for part in (dt * x, dt, c))
    writes = cut(b).transpose(2, 3).split(1, 3)
    state = writes[0] * entries[0]
    outputs = [reads[0] @ state]
    for t in range(1, steps):
        state = torch.exp(sizes[t] * rates) * state + writes[t] * entries[t]
        outputs.append(reads[t] @ state)
    y = torch.cat(outputs, 2)

    if chunks > 1:
        sizes, reads = (cut(part)[:, 1:].split(1, 2) for part in (dt, c))
        elapsed = tuple(accumulate(sizes))
        entering = _chain(torch.exp(elapsed[-1] * rates), state)
        later = [read @ (torch.exp(time * rates) * entering)
                 for read, time in zip(reads, elapsed, strict=True)]
        y = torch.cat([y[:, :1], y[:, 1:] + torch.cat(later, 2)], 1)
    return y.reshape(batch, -1, channels)[:, :length]


def _chain(kept: Tensor, gained: Tensor) -> Tensor:
    """Return the states that enter the second to the last of K chunks, B x (K - 1) x N x D.

    `kept` are the decays over the second to the last chunk, `gained` the states at the end of all
    chunks that started from zero.
    """
    terms = gained.split(1, 1)
    states = [terms[0]]
    for factor, term in zip(kept.split(1, 1), terms[1:-1], strict=False):
        states.append(factor * states[-1] + term)
    return torch.cat(states, 1)
