# SPDX-License-Identifier: Apache-2.0
"""Rivals laid before or behind the targets of a batch; see `crossing.with_rival`."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from rgbt_tracker_ros.networks.inputs import BORDER, RGB, SEARCH_FACTOR, THERMAL
from rgbt_tracker_ros.training.batched.bank import Bank
from rgbt_tracker_ros.training.batched.blur import gaussian_blur
from rgbt_tracker_ros.training.batched.crops import CropBatch
from rgbt_tracker_ros.training.batched.cutting import Cuts, Floats, cut, cuts
from rgbt_tracker_ros.training.batched.placements import Places, aimed
from rgbt_tracker_ros.training.batched.subsets import Flags, upload
from rgbt_tracker_ros.training.crossing import BEHIND_SHARE, MAX_HIDDEN, SAME_SIZE_SHARE, TRIES


def crossed(
    bank: Bank, search: CropBatch, rivals: NDArray[np.void], wanted: Flags,
    rng: np.random.Generator,
) -> None:
    """Paste rivals into search crops.

    Parameters
    ----------
    bank
        Holds the rivals' images.
    search
        The crops; their images are changed, their boxes and masks stay as they are.
    rivals
        A moment for each crop; one without a mask, or without a camera of the crop, is left out.
    wanted
        Which crops get one. Of TRIES places of a rival the first is taken that does not hide more
        than MAX_HIDDEN of the target; where each does, there is none.
    rng
        Draws places and sizes, and who is in front.

    """
    rows = np.flatnonzero(
        wanted & (rivals['mask'] >= 0) & (search.has_rgb == (rivals['rgb'] >= 0))
        & (search.has_thermal == (rivals['thermal'] >= 0)))
    if not len(rows):
        return
    rivals, box, device = rivals[rows], search.box[rows].astype(np.float64), bank.pixels.device
    size = np.tile(rivals['box'][:, 2:].astype(np.float64), (TRIES, 1))
    aim = aimed(np.tile(rivals['box'][:, :2], (TRIES, 1)) + size / 2, size,
                _places(np.tile(box, (TRIES, 1)), rng), SEARCH_FACTOR, search.size)
    corner = np.pad(np.tile(rivals['corner'], (TRIES, 1)), ((0, 0), (0, 2)))
    masks = cut(bank, cuts(bank, np.tile(rivals['mask'], TRIES), aim.places - corner),
                search.size, 1, (0,))
    opacity = _soft(masks / 255.0).view(TRIES, len(rows), 1, search.size, search.size)
    index = upload(rows, device)
    target = search.mask[index]
    behind = upload(search.has_mask[rows]
                    & (rng.random((TRIES, len(rows))) < BEHIND_SHARE), device)
    allowed = behind | (_hidden(opacity, target, box) <= MAX_HIDDEN)
    chosen = allowed.byte().argmax(0)
    own = torch.arange(len(rows), device=device)
    over = opacity[chosen, own] * allowed.any(0)[:, None, None, None]
    under = behind[chosen, own][:, None, None, None]
    over = torch.where(under, over * (1.0 - _soft(target)), over)
    places = upload(aim.places, device).view(TRIES, len(rows), 4)[chosen, own]
    for images, present, numbers, fill in (
            (search.rgb, search.has_rgb[rows], rivals['rgb'], RGB.fill(BORDER)),
            (search.thermal, search.has_thermal[rows], rivals['thermal'], THERMAL.fill(BORDER))):
        some = np.flatnonzero(present)
        if len(some):
            there = upload(some, device)
            what = cuts(bank, numbers[some], aim.places[some])
            pasted = cut(bank, Cuts(what.images, places[there]), search.size, len(fill), fill)
            at = index[there]
            images[at] = torch.lerp(images[at], pasted, over[there])


def _places(box: Floats, rng: np.random.Generator) -> Places:
    """Draw where rivals stand: near the target, or anywhere when there is none."""
    count = len(box)
    present = box[:, 2] > 0
    unrest = np.where(rng.random(count) < SAME_SIZE_SHARE, 0.1, 0.4)
    size = np.where(
        present, np.sqrt(box[:, 2:].prod(1)) * np.exp(unrest * rng.normal(size=count)),
        np.exp(rng.normal(0.0, 0.25, count)) / SEARCH_FACTOR)
    side = rng.choice([-1.0, 1.0], count) * rng.uniform(0.1, 1.5, count)
    beside = box[:, :2] + np.stack([side, rng.normal(0.0, 0.12, count)], 1) * box[:, 2:]
    anywhere = rng.uniform(0.2, 0.8, (count, 2))
    return Places(np.where(present[:, None], beside, anywhere),
                  np.repeat(size[:, None] * SEARCH_FACTOR, 2, 1))


def _soft(masks: Tensor) -> Tensor:
    return gaussian_blur(masks, np.ones(len(masks)))


def _hidden(opacity: Tensor, mask: Tensor, box: Floats) -> Tensor:
    """Return which share of the N targets is hidden by T x N x 1 x S x S rivals, as T x N."""
    out = mask.shape[-1]
    low = np.maximum(((box[:, :2] - box[:, 2:] / 2) * out).astype(np.int64), 0)
    high = np.maximum(((box[:, :2] + box[:, 2:] / 2) * out).astype(np.int64), 0)
    at = np.arange(out)
    inside = (at >= low[..., None]) & (at <= high[..., None]) & (box[:, 2:3, None] > 0)
    columns, rows = upload(inside, mask.device).unbind(1)
    window = rows[:, None, :, None] & columns[:, None, None, :]
    outline = window & (mask > 0)
    seen = torch.where(outline.any(-1, True).any(-2, True), outline, window)
    return (opacity * seen).sum((2, 3, 4)) / seen.sum((1, 2, 3)).clamp_min(1)
