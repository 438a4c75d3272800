# SPDX-License-Identifier: Apache-2.0
"""Losses of the centre head: focal score, L1 and GIoU boxes."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from rgbt_tracker_ros.training.processes import shared_mean

NEAR_WEIGHT = 0.5
"""Weight of the eight cells around a target's own one, all together; its own cell has 1."""

PARTS = ('score', 'l1', 'giou', 'iou')
"""The losses that `tracking_loss` sums up, and the mean IoU that it gives with them."""

ScoreTarget = Literal['centre', 'iou']
"""What the score of a target's own cell should be: 1, or the IoU of the box that it predicts."""

_OWN_CELL = 4
"""Place of a target's own cell among the nine of `_near_boxes`."""


@dataclass(frozen=True, slots=True)
class LossWeights:
    """Weights of the parts, OSTrack's by default."""

    score: float = 1.0
    l1: float = 5.0
    giou: float = 2.0


def heat_map(boxes: Tensor, cells: int) -> Tensor:
    """Return B x S x S Gaussian targets for B x 4 boxes (cx, cy, w, h; fractions of the crop).

    The cell that holds the centre is exactly 1; a box with w = 0 (absent) gives all zeros.
    """
    centre = (torch.arange(cells, device=boxes.device) + 0.5) / cells
    spread = (boxes[:, 2:] / 6.0).clamp_min(0.55 / cells)
    x = torch.exp(-((centre[None] - boxes[:, :1]) / spread[:, :1]).square() / 2)
    y = torch.exp(-((centre[None] - boxes[:, 1:2]) / spread[:, 1:]).square() / 2)
    heat = (y[:, :, None] * x[:, None, :]) * 0.98
    cell = (boxes[:, :2] * cells).long().clamp(0, cells - 1)
    own = cell[:, 1:] * cells + cell[:, :1]
    heat = heat.flatten(1).scatter(1, own, 1.0).reshape(heat.shape)
    return heat * (boxes[:, 2] > 0)[:, None, None]


def focal_loss(score: Tensor, heat: Tensor, quality: Tensor | None = None) -> Tensor:
    """Penalty-reduced focal loss (CornerNet) of B x S x S scores, per sample of the batch.

    With `quality` (B) a target's own cell should score that much instead of 1, as in the quality
    focal loss (Li et al., arXiv 2006.04388).
    """
    score = score.clamp(1e-4, 1 - 1e-4)
    positive = heat == 1.0
    if quality is None:
        hit = (1 - score).square() * score.log() * positive
    else:
        wanted = quality[:, None, None]
        likeness = wanted * score.log() + (1 - wanted) * (1 - score).log()
        hit = (wanted - score).square() * likeness * positive
    miss = (1 - heat).pow(4) * score.square() * (1 - score).log() * ~positive
    return -(hit + miss).sum() / len(score)


def tracking_loss(
    score: Tensor, size: Tensor, offset: Tensor, boxes: Tensor, weights: LossWeights, *,
    alone: bool = False, score_target: ScoreTarget = 'centre',
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of a batch of head maps, and its parts with the mean IoU.

    Parameters
    ----------
    score, size, offset
        B x 1, B x 2 and B x 2 maps of S x S cells.
    boxes
        B x 4 targets (cx, cy, w, h; fractions of the crop); w = 0 where the target is absent.
    weights
        Weights of the parts.
    alone
        The samples are no part of a batch that several processes share.
    score_target
        What a target's own cell should score.

    """
    cells = score.shape[-1]
    predicted, wanted, share = _near_boxes(size, offset, boxes, cells)
    total = share.sum()
    total = (total if alone else shared_mean(total)).clamp_min(1e-6)
    l1 = ((predicted - wanted).abs().mean(-1) * share).sum() / total
    giou, iou = _overlaps(predicted, wanted)
    quality = iou[:, _OWN_CELL].detach() if score_target == 'iou' else None
    score_loss = focal_loss(score[:, 0], heat_map(boxes, cells), quality)
    giou_loss = ((1 - giou) * share).sum() / total
    loss = weights.score * score_loss + weights.l1 * l1 + weights.giou * giou_loss
    mean_iou = (iou * share).sum() / total
    return loss, dict(zip(PARTS, (score_loss, l1, giou_loss, mean_iou), strict=True))


def _near_boxes(
    size: Tensor, offset: Tensor, boxes: Tensor, cells: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gather predictions in the 3 x 3 cells around each centre: N x 4, targets, weights.

    The neighbours count with less weight; they make the box good when the peak is one cell off.
    """
    steps = torch.arange(-1, 2, device=boxes.device)
    dy, dx = (grid.flatten() for grid in torch.meshgrid(steps, steps, indexing='ij'))
    column = (boxes[:, :1] * cells).long() + dx
    row = (boxes[:, 1:2] * cells).long() + dy
    inside = (column >= 0) & (column < cells) & (row >= 0) & (row < cells)
    column, row = column.clamp(0, cells - 1), row.clamp(0, cells - 1)
    index = (row * cells + column)[:, None].expand(-1, 2, -1)
    moved = offset.flatten(2).gather(2, index)
    sides = size.flatten(2).gather(2, index)
    centre = torch.stack([(column + moved[:, 0]) / cells, (row + moved[:, 1]) / cells], -1)
    predicted = torch.cat([centre, sides.transpose(1, 2)], -1)
    near = torch.where((dx == 0) & (dy == 0), 1.0, NEAR_WEIGHT / 8)
    share = inside * near * (boxes[:, 2:3] > 0)
    return predicted, boxes[:, None].expand_as(predicted), share


def _overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return GIoU and IoU of boxes (cx, cy, w, h)."""
    low1, high1 = first[..., :2] - first[..., 2:] / 2, first[..., :2] + first[..., 2:] / 2
    low2, high2 = second[..., :2] - second[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2
    shared = F.relu(torch.minimum(high1, high2) - torch.maximum(low1, low2)).prod(-1)
    union = first[..., 2:].prod(-1) + second[..., 2:].prod(-1) - shared
    hull = (torch.maximum(high1, high2) - torch.minimum(low1, low2)).prod(-1)
    iou = shared / union.clamp_min(1e-7)
    return iou - (hull - union) / hull.clamp_min(1e-7), iou
