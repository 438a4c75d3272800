# SPDX-License-Identifier: Apache-2.0
"""Copy-paste samples of a whole batch; see `composite.CompositeSource`."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros.networks.inputs import SEARCH_FACTOR, TEMPLATE_FACTOR
from rgbt_tracker_ros.training import composite
from rgbt_tracker_ros.training.batched.bank import Bank
from rgbt_tracker_ros.training.batched.crops import ABSENT, CropBatch, SampleBatch
from rgbt_tracker_ros.training.batched.cutting import Floats, Numbers, cuts, extended
from rgbt_tracker_ros.training.batched.placements import (
    Places,
    both_template_places,
    search_places,
)
from rgbt_tracker_ros.training.batched.subsets import Flags, upload
from rgbt_tracker_ros.training.batched.tones import LUMA
from rgbt_tracker_ros.training.composite import FRONT_SHARE, MAX_HIDDEN

MOST_RIVALS = 4


@dataclass(slots=True)
class _Scenes:
    """What is shown: N targets (or what rivals are like), and N x MOST_RIVALS rivals."""

    target: Numbers
    present: Flags
    rivals: Numbers
    shown: Flags
    warmth: Floats
    detail: Floats

    def tiled(self, targets: list[Numbers], most: int) -> _Scenes:
        """Return scenes of these targets and at most so many of the rivals, one after another."""
        times = len(targets)
        shown = np.tile(self.shown & (self.shown.cumsum(1) <= most), (times, 1))
        return _Scenes(
            np.concatenate(targets), np.ones(len(shown), bool), np.tile(self.rivals, (times, 1)),
            shown, np.tile(self.warmth, (times, 1)), np.tile(self.detail, times))


def composite_samples(
    bank: Bank, count: int, rng: np.random.Generator, sizes: tuple[int, int], *, hard: bool,
) -> SampleBatch:
    """Make samples of cut-outs on backgrounds; in some there are distractors only."""
    tables = bank.tables
    objects = tables['cut_outs']
    groups = tables['groups'][rng.integers(len(tables['groups']), size=count)]
    chosen = groups['start'] + rng.integers(groups['count'])
    warm = rng.random(count) < composite.WARM_SHARE
    warmth = np.where(warm, rng.uniform(90.0, 240.0, count), rng.uniform(0.0, 50.0, count))
    near = objects[chosen]
    second, later = (
        tables['near']['cut_out'][near['start'] + rng.integers(near['count'])] for _ in range(2))
    rivals = groups['start'][:, None] + rng.integers(
        np.repeat(groups['count'][:, None], MOST_RIVALS, 1))
    other = objects[rivals]
    same = (other['picture'] == near['picture'][:, None]) | (
        (near['sequence'][:, None] >= 0) & (other['sequence'] == near['sequence'][:, None]))
    number = rng.integers(2 if hard else 0, MOST_RIVALS + 1 if hard else MOST_RIVALS, count)
    share = composite.HARD_NEGATIVE_SHARE if hard else composite.NEGATIVE_SHARE
    scenes = _Scenes(
        later, rng.random(count) >= share, rivals,
        ~same & (np.arange(MOST_RIVALS) < number[:, None]),
        warmth[:, None] + np.pad(rng.normal(0.0, 18.0, (count, MOST_RIVALS)), ((0, 0), (1, 0))),
        rng.uniform(-0.5, 0.6, count))
    templates = _painted(
        bank, scenes.tiled([chosen, second], 1), both_template_places(rng, count),
        TEMPLATE_FACTOR, sizes[0], rng)
    search = _painted(bank, scenes, search_places(rng, count), SEARCH_FACTOR, sizes[1], rng)
    return SampleBatch(*templates.halves(), search)


def _painted(
    bank: Bank, scenes: _Scenes, place: Places, factor: float, out: int,
    rng: np.random.Generator,
) -> CropBatch:
    """Paint the scenes: rivals behind, the target, rivals before it."""
    count = len(scenes.target)
    target, rivals = (_sizes(bank, numbers) for numbers in (scenes.target, scenes.rivals))
    unit = out / factor / np.sqrt(target.prod(1, keepdims=True))
    size = target * unit * place.scale
    centre = place.centre * out
    front = scenes.present[:, None] & (rng.random(scenes.shown.shape) < FRONT_SHARE)
    height = size[:, 1:] * rng.uniform(0.8, 1.2, front.shape)
    width = height * rivals[..., 0] / rivals[..., 1]
    way = rng.choice([-1.0, 1.0], front.shape) * rng.uniform(0.35, 1.9, front.shape)
    spots = np.stack([centre[:, :1] + way * np.maximum(width, 12.0),
                      centre[:, 1:] + rng.normal(0.0, 0.12, front.shape) * height], 2)
    spot_sizes = np.stack([width, height], 2)
    hides = _coverage(spots, spot_sizes, centre[:, None], size[:, None]) >= MAX_HIDDEN
    numbers = np.hstack([scenes.target[:, None], scenes.rivals])
    boxes = np.concatenate([np.concatenate([centre, size], 1)[:, None],
                            np.concatenate([spots, spot_sizes], 2)], 1)
    shown = np.hstack([scenes.present[:, None], scenes.shown & ~(front & hides)])
    # Behind, target, in front, and last what is not shown.
    depth = np.where(shown, np.hstack([np.ones((count, 1)), 2.0 * front]), 3.0)
    order = np.argsort(depth, axis=1, kind='stable')
    canvas = _backgrounds(bank, count, out, rng)
    for layer in order.T:
        rows = np.flatnonzero(shown[np.arange(count), layer])
        own = rows, layer[rows]
        if len(rows):
            _paste(bank, canvas, rows, numbers[own], boxes[own], scenes.warmth[own],
                   scenes.detail[rows])
    box = np.where(scenes.present[:, None], boxes[:, 0] / out, ABSENT)
    there = np.ones(count, bool)
    return CropBatch(canvas[:, :3], canvas[:, 3:], torch.zeros_like(canvas[:, 3:]), there,
                     there.copy(), ~there, box.astype(np.float32))


def _sizes(bank: Bank, numbers: Numbers) -> Floats:
    """Return widths and heights of cut-outs in pixels of their pictures."""
    chosen = bank.tables['images'][bank.tables['cut_outs']['rgba'][numbers]]
    return np.stack([chosen['width'], chosen['height']], -1).astype(np.float64)


def _coverage(centre: Floats, size: Floats, other: Floats, other_size: Floats) -> Floats:
    """Return which share of other boxes lies under boxes."""
    low = np.maximum(centre - size / 2, other - other_size / 2)
    high = np.minimum(centre + size / 2, other + other_size / 2)
    return np.maximum(high - low, 0.0).prod(-1) / other_size.prod(-1)


def _backgrounds(bank: Bank, count: int, out: int, rng: np.random.Generator) -> Tensor:
    """Return windows of registered pairs, count x 4 x out x out: RGB and thermal."""
    pairs = bank.tables['backgrounds']
    pairs = pairs[rng.integers(len(pairs), size=count)]
    images = bank.tables['images'][pairs['rgb']]
    height, width = images['height'].astype(np.int64), images['width'].astype(np.int64)
    side = (rng.uniform(0.3, 1.0, count) * np.minimum(height, width)).astype(np.int64)
    window = np.stack(
        [rng.integers(width - side + 1), rng.integers(height - side + 1), side], 1)
    step = side / out
    # As cv2.resize: the outer edges of both pictures meet, not the centres of their outer pixels.
    places = np.stack([(step - 1.0) / 2, (step - 1.0) / 2, step, step], 1)
    return torch.cat([
        extended(bank, cuts(bank, pairs[name], places, window), out, channels)[0]
        for name, channels in (('rgb', 3), ('thermal', 1))], 1)


def _paste(
    bank: Bank, canvas: Tensor, rows: Numbers, numbers: Numbers, boxes: Floats, warmth: Floats,
    detail: Floats,
) -> None:
    """Blend cut-outs into rows of the canvas so that they fill boxes (cx, cy, w, h in pixels)."""
    out, device = canvas.shape[-1], canvas.device
    images = bank.tables['cut_outs']['rgba'][numbers]
    step = _sizes(bank, numbers) / boxes[:, 2:]
    places = np.hstack([(boxes[:, 2:] / 2 - boxes[:, :2]) * step, step])
    layer, inside = extended(bank, cuts(bank, images, places), out, 4)
    alpha = layer[:, 3:] * inside / 255.0
    # Heat is a linear function of the colour; its shift takes the place of opacity.
    colours = np.concatenate([detail[:, None] * LUMA, (warmth - 110.0 * detail)[:, None]], 1)
    colour, index = upload(colours, device)[:, :, None, None], upload(rows, device)
    heat = (layer[:, :3] * colour[:, :3]).sum(1, keepdim=True) + colour[:, 3:]
    layer[:, 3:] = heat.clamp(0.0, 255.0)
    canvas[index] = torch.lerp(canvas[index], layer, alpha)
