# SPDX-License-Identifier: Apache-2.0
"""State-space scans in forms that export to plain static graphs.

The SSD (Mamba-2) recurrence has one decay per head and step:

    h_t = a_t h_{t-1} + dt_t B_t x_t,    y_t = C_t h_t,    a_t = exp(-A dt_t)

Unrolled it is a masked, attention-like product y = (M o (C B^T)) (dt x), with M_ij the product of
the decays between i and j (Dao and Gu, "Transformers are SSMs", 2024, sections 3 and 5). Its work
grows with the square of the length; in chunks it grows with the length (section 6).

In the S6 (Mamba-1) recurrence A differs in every channel and state (Gu and Dao, "Mamba", 2023), so
there is no such product; it is cut into chunks, which advance side by side, and the state that
enters a chunk is added afterwards. All functions take (x, dt, decay, b, c) and leave the skip
connection D x to the caller.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import accumulate
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

_Scan = TypeVar('_Scan', bound=Callable[..., Tensor])


def _in_single(scan: _Scan) -> _Scan:
    """Let a scan compute in single precision also where mixed precision is on.

    Sums of step sizes over a long sequence, rounded to half precision, would turn into wrong
    decays.
    """
    @wraps(scan)
    def single(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        kind = x.device.type
        if not torch.is_autocast_enabled(kind):
            return scan(x, *args, **kwargs)
        with torch.autocast(kind, enabled=False):
            return scan(x, *args, **kwargs)
    return cast(_Scan, single)


def _wide(values: Tensor) -> Tensor:
    """Return values in single precision; those in double stay."""
    return values if values.dtype == torch.float64 else values.float()


@_in_single
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
    log_decay = (_wide(dt) * -_wide(decay)).transpose(1, 2)
    running = log_decay @ log_decay.new_ones(length, length).tril().T
    mask = torch.exp(-(running.unsqueeze(-1) - running.unsqueeze(-2)).abs())
    weights = mask * (_wide(c) @ _wide(b).transpose(1, 2)).unsqueeze(1)
    values = _wide(x * dt.unsqueeze(-1)).permute(0, 2, 1, 3)
    return (weights @ values).permute(0, 2, 1, 3).to(x.dtype)


@_in_single
def ssd_chunked(
    x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor, steps: int = 64,
) -> Tensor:
    """Do what `ssd_bidirectional` does, with work that grows with the length of the sequence.

    Within each chunk of `steps` tokens the form is quadratic. A chunk's tokens meet the others
    through one state per chunk and direction, which decays by the sums of the chunks in between:
    again differences before the exponential, and matrix products only.
    """
    # Plain numbers, so that a traced graph computes no shapes.
    batch, length, heads, width = (int(size) for size in x.shape)
    states, chunks = int(b.shape[2]), -(-length // steps)

    def cut(values: Tensor) -> Tensor:
        """Return (B chunks) x steps x ...; what is padded has dt = 0: it decays and adds none."""
        rest = chunks * steps - length
        if rest:
            empty = values.new_zeros(batch, rest, *(int(size) for size in values.shape[2:]))
            values = torch.cat([values, empty], 1)
        return values.reshape(batch * chunks, steps, *(int(size) for size in values.shape[2:]))

    # Chunks x heads x steps: what has decayed from the chunk's beginning up to each token.
    sizes = cut(_wide(dt) * _wide(decay)).transpose(1, 2)
    elapsed = sizes @ sizes.new_ones(steps, steps).tril().T
    total = elapsed[..., -1:]
    values = cut(_wide(x * dt.unsqueeze(-1))).transpose(1, 2)
    writes, reads = cut(_wide(b)).unsqueeze(1), cut(_wide(c)).unsqueeze(1)

    mask = torch.exp(-(elapsed.unsqueeze(-1) - elapsed.unsqueeze(-2)).abs())
    y = (mask * (reads @ writes.transpose(-1, -2))) @ values

    if chunks > 1:
        # Between the end of chunk m and the beginning of a later chunk k lie the chunks m < j < k.
        totals = total.reshape(batch, chunks, heads).transpose(1, 2)
        passed = totals @ totals.new_ones(chunks, chunks).tril().T
        between = (passed - totals).unsqueeze(-1) - passed.unsqueeze(-2)
        earlier = totals.new_ones(chunks, chunks).tril(-1)
        weights = torch.exp(-between.clamp(min=0.0)) * earlier
        # Forward, a token's trace decays to the end of its chunk, and from the beginning of a
        # later one; backward the other way round.
        for kept, arrived, way in ((total - elapsed, elapsed, weights),
                                   (elapsed, total - elapsed, weights.transpose(-1, -2))):
            traces = writes.transpose(-1, -2) @ (values * torch.exp(-kept).unsqueeze(-1))
            flat = traces.reshape(batch, chunks, heads, states * width).transpose(1, 2)
            entering = (way @ flat).transpose(1, 2).reshape(-1, heads, states, width)
            y = y + (reads @ entering) * torch.exp(-arrived).unsqueeze(-1)
    return y.transpose(1, 2).reshape(batch, -1, heads, width)[:, :length].to(x.dtype)


def ssd_sequential(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Scan in both directions, step by step: the definition that the other SSD forms are held to.

    Parameters and result are those of `ssd_bidirectional`.
    """
    kept = torch.exp(-dt * decay)[..., None, None]
    entering = b[:, :, None, :, None] * (x * dt.unsqueeze(-1)).unsqueeze(3)
    state = torch.zeros_like(entering[:, 0])
    forward, backward = [], []
    for t in range(x.shape[1]):
        state = kept[:, t] * state + entering[:, t]
        forward.append((c[:, t, None, None] @ state).squeeze(2))
    # Between t + 1 and t lies the decay of t + 1; the present token counts in the forward scan.
    state = torch.zeros_like(state)
    for t in reversed(range(x.shape[1])):
        backward.append((c[:, t, None, None] @ state).squeeze(2))
        state = kept[:, t] * (state + entering[:, t])
    return torch.stack(forward, 1) + torch.stack(backward[::-1], 1)


@_in_single
def s6_sequential(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Scan a sequence forward, step by step: the definition that `s6` is held to.

    Parameters and result are those of `s6`. Products and sums are in the order of mamba-ssm's
    reference function, so that on a CPU the results are the same to the last bit.
    """
    # With the states far apart in memory they are summed one after the other.
    rates = -decay.transpose(-1, -2).contiguous()
    state = torch.zeros_like(b[:, 0, :, None] * x[:, 0, None])
    outputs = []
    for t in range(x.shape[1]):
        size = dt[:, t, None]
        state = torch.exp(size * rates) * state + size * b[:, t, :, None] * x[:, t, None]
        outputs.append((c[:, t, :, None] * state).sum(1, keepdim=True))
    return torch.cat(outputs, 1)


@_in_single
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
