# SPDX-License-Identifier: Apache-2.0
"""State-space scans in forms that export to plain static graphs.

The SSD (Mamba-2) recurrence has one decay per head and step:

    h_t = a_t h_{t-1} + dt_t B_t x_t,    y_t = C_t h_t,    a_t = exp(-A dt_t)

Unrolled it is a masked, attention-like product y = (M o (C B^T)) (dt x), with M_ij the product of
the decays between i and j (Dao and Gu, "Transformers are SSMs", 2024, sections 3 and 5).
"""
from __future__ import annotations

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


def ssd_reference(x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Compute what `ssd_bidirectional` does, step by step; slow, the oracle of its tests."""
    forward = _recurrence(x, dt, decay, b, c)
    # Backward, the decay that belongs to the step from t + 1 to t is that of t + 1, and the
    # present input enters only in the forward pass.
    shifted = torch.cat([dt[:, 1:], dt[:, :1]], 1).flip(1)
    backward = _recurrence(x.flip(1), dt.flip(1), decay, b.flip(1), c.flip(1), shifted).flip(1)
    own = torch.einsum('bln,bln,blh,blhp->blhp', c, b, dt, x)
    return forward + backward - own


def _recurrence(
    x: Tensor, dt: Tensor, decay: Tensor, b: Tensor, c: Tensor, steps: Tensor | None = None,
) -> Tensor:
    steps = dt if steps is None else steps
    state = x.new_zeros(x.shape[0], x.shape[2], x.shape[3], b.shape[2])
    outputs = []
    for t in range(x.shape[1]):
        kept = torch.exp(-decay * steps[:, t])[..., None, None]
        entering = torch.einsum('bh,bhp,bn->bhpn', dt[:, t], x[:, t], b[:, t])
        state = kept * state + entering
        outputs.append(torch.einsum('bhpn,bn->bhp', state, c[:, t]))
    return torch.stack(outputs, 1)
