# SPDX-License-Identifier: Apache-2.0
"""Candidate elimination: search tokens that cannot be the target leave the trunk early.

OSTrack (arXiv 2203.11991) drops the tokens to which the middle of the template attends least;
CKD (arXiv 2410.11586) lets both cameras decide together, so that both trunks keep the same tokens.
How many stay is known beforehand, so all shapes are static: TopK, GatherElements and one
ScatterElements at the end.
"""
from __future__ import annotations

from collections.abc import Sequence
import math

import torch
from torch import Tensor

PUBLISHED_BLOCKS = (3, 6, 9)
"""Blocks, counted from 0, after whose attention OSTrack and CKD drop tokens."""


def kept_tokens(tokens: int, share: float) -> int:
    """Return how many of so many tokens stay: ceil(share x tokens)."""
    return math.ceil(share * tokens)


def centre_token(template_tokens: int) -> int:
    """Return the number of the token in the middle of the template (of its 2 x 2, the first)."""
    cells = math.isqrt(template_tokens)
    middle = (cells - 1) // 2
    return middle * cells + middle


def best_candidates(weights: Sequence[Tensor], template_tokens: int, count: int) -> Tensor:
    """Return which search tokens stay, B x count, numbered within the search tokens.

    Parameters
    ----------
    weights
        Attention of each camera, B x heads x N x N, template tokens first. The higher one of the
        cameras counts, head by head, then the mean of the heads.
    template_tokens
        Number of template tokens.
    count
        How many tokens stay.

    """
    row = centre_token(template_tokens)
    seen = [attention[:, :, row, template_tokens:] for attention in weights]
    highest = seen[0]
    for other in seen[1:]:
        highest = torch.maximum(highest, other)
    return highest.mean(1).topk(count, dim=1).indices


def keep_candidates(tokens: Tensor, template_tokens: int, kept: Tensor) -> Tensor:
    """Return B x N x C tokens without the search tokens that are not in `kept` (B x count)."""
    template, search = tokens[:, :template_tokens], tokens[:, template_tokens:]
    index = kept.unsqueeze(-1).repeat(1, 1, tokens.shape[-1])
    return torch.cat([template, search.gather(1, index)], 1)


def restored(search: Tensor, places: Tensor, total: int) -> Tensor:
    """Put B x count x C search tokens back to their places; those that left are zeros."""
    batch, _, channels = search.shape
    empty = torch.zeros(batch, total, channels, dtype=search.dtype, device=search.device)
    return empty.scatter(1, places.unsqueeze(-1).repeat(1, 1, channels), search)
