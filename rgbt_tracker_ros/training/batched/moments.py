# SPDX-License-Identifier: Apache-2.0
"""Samples of moments of the same target, a whole batch at once; see `sources.MomentSource`."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from rgbt_tracker_ros.networks.inputs import (
    BORDER,
    RGB,
    SEARCH_FACTOR,
    TEMPLATE_FACTOR,
    THERMAL,
)
from rgbt_tracker_ros.training.batched.bank import Bank
from rgbt_tracker_ros.training.batched.choosing import Chooser
from rgbt_tracker_ros.training.batched.crops import ABSENT, CropBatch, SampleBatch
from rgbt_tracker_ros.training.batched.crossings import crossed
from rgbt_tracker_ros.training.batched.cutting import Floats, Numbers, cut, cuts
from rgbt_tracker_ros.training.batched.placements import (
    Aim,
    Places,
    aimed,
    both_template_places,
    outside_places,
    search_places,
)
from rgbt_tracker_ros.training.batched.subsets import Flags, upload
from rgbt_tracker_ros.training.sources import NEGATIVE_SHARE, RIVAL_SHARE
from rgbt_tracker_ros.training.views import WELL_INSIDE


def moment_samples(
    bank: Bank, chooser: Chooser, pools: Numbers, rng: np.random.Generator,
    sizes: tuple[int, int], crossings: float, *, hard: bool,
) -> SampleBatch:
    """Make samples; what is decided does not depend on the device.

    Parameters
    ----------
    bank
        Holds the targets.
    chooser
        Of the moments of targets.
    pools
        Of each sample, the number of the pool that its target is drawn from.
    rng
        Decides everything.
    sizes
        Sides of template and search crops.
    crossings
        Share of the hard samples into which a rival is pasted.
    hard
        Whether rivals are looked at and pasted at all.

    """
    tables, count = bank.tables, len(pools)
    targets, *numbers = chooser.choose(pools, rng)
    early, middle, late = (tables['moments'][number] for number in numbers)
    places = both_template_places(rng, count)
    both = np.concatenate([early, middle])
    size = both['box'][:, 2:].astype(np.float64)
    aim = aimed(both['box'][:, :2] + size / 2, size, places, TEMPLATE_FACTOR, sizes[0])
    templates = _cropped(bank, both, aim, sizes[0])
    search = _cropped(bank, late, _search_aim(bank, late, rng, sizes[1], hard), sizes[1])
    if hard:
        owners = tables['pools'][pools]
        others = owners['start'] + rng.integers(owners['count'])
        crosses = (rng.random(count) < crossings) & (others != targets)
        spans = tables['targets'][others]
        rivals = tables['moments'][spans['start'] + rng.integers(spans['count'])]
        crossed(bank, search, rivals, crosses, rng)
    return SampleBatch(*templates.halves(), search)


def _search_aim(
    bank: Bank, moments: NDArray[np.void], rng: np.random.Generator, out: int, hard: bool,
) -> Aim:
    """Aim at the target, beside it, or at one of its rivals; the boxes are those of the target."""
    count = len(moments)
    size = moments['box'][:, 2:].astype(np.float64)
    centre = moments['box'][:, :2] + size / 2
    at_rival = (moments['count'] > 0) & hard & (rng.random(count) < RIVAL_SHARE)
    beside = ~at_rival & (rng.random(count) < NEGATIVE_SHARE)
    place, outside = search_places(rng, count), outside_places(rng, size)
    place = Places(*(np.where(beside[:, None], new, old)
                     for new, old in zip(outside, place, strict=True)))
    around = centre.copy()
    if at_rival.any():
        seen = moments[at_rival]
        rivals = bank.tables['rivals'][seen['start'] + rng.integers(seen['count'])]['box']
        around[at_rival] = rivals[:, :2] + rivals[:, 2:] / 2
    places, box = aimed(around, size, place, SEARCH_FACTOR, out)
    box[:, :2] += (centre - around) / size * box[:, 2:]
    inside = ((box[:, :2] > WELL_INSIDE) & (box[:, :2] < 1.0 - WELL_INSIDE)).all(1)
    box[beside | (at_rival & ~inside)] = ABSENT
    return Aim(places, box)


def _cropped(bank: Bank, moments: NDArray[np.void], aim: Aim, out: int) -> CropBatch:
    """Cut what the moments have of RGB, thermal and mask."""
    at_mask = aim.places.copy()
    at_mask[:, :2] -= moments['corner']
    images, present = {}, {}
    for name, channels, places, fill in (
            ('rgb', 3, aim.places, RGB.fill(BORDER)),
            ('thermal', 1, aim.places, THERMAL.fill(BORDER)), ('mask', 1, at_mask, (0,))):
        present[name] = moments[name] >= 0
        images[name] = _cut_some(
            bank, moments[name], present[name], places, out, channels, fill)
    return CropBatch(
        images['rgb'], images['thermal'], images['mask'] / 255.0, present['rgb'],
        present['thermal'], present['mask'], aim.box.astype(np.float32))


def _cut_some(
    bank: Bank, images: Numbers, present: Flags, places: Floats, out: int, channels: int,
    fill: tuple[int, ...],
) -> Tensor:
    """Cut the crops of images that there are; the others are black."""
    rows = np.flatnonzero(present)
    some = cut(bank, cuts(bank, images[rows], places[rows]), out, channels, fill)
    if len(rows) == len(images):
        return some
    device = bank.pixels.device
    result = torch.zeros((len(images), channels, out, out), device=device)
    return result.index_copy_(0, upload(rows, device), some)

