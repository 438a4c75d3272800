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
