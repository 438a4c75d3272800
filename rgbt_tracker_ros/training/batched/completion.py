# SPDX-License-Identifier: Apache-2.0
"""The camera that a sample's source lacks: rendered, uninformative, or none."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rgbt_tracker_ros.training.batched.blur import gaussian_blur
from rgbt_tracker_ros.training.batched.crops import CropBatch
from rgbt_tracker_ros.training.batched.fields import COARSE, enlarged, fractal_field
from rgbt_tracker_ros.training.batched.scenery import darkness, smoke
from rgbt_tracker_ros.training.batched.subsets import (
    Dice,
    Flags,
    Floats,
    Rows,
    change,
    column,
    columns,
    in_each,
    upload,
)
from rgbt_tracker_ros.training.batched.tones import curved, low_contrast, luma, random_curves

BOTH, RGB_ONLY, THERMAL_ONLY = 0, 1, 2
"""Which cameras see a sample's target."""

_CLUTTERED = 0.4


@dataclass(frozen=True, slots=True)
class _Warmth:
    """How warm scenes and targets are; one for all views of a sample."""

    curves: Floats
    level: Floats
    detail: Floats
    blur: Floats
    clutter: Floats

    @classmethod
    def random(cls, count: int, dice: Dice) -> _Warmth:
        """Draw mostly dark scenes and warm targets, sometimes cold ones.

        Some scenes hold other warm things, else whatever is warm would be the target.
        """
        base = dice.uniform(20.0, 110.0, count)
        warmer = np.where(dice.hits(0.8, count), dice.uniform(35.0, 130.0, count),
                          -dice.uniform(15.0, 60.0, count))
        return cls(random_curves(base, dice.uniform(0.1, 0.5, count), dice), base + warmer,
                   dice.uniform(-0.5, 0.6, count), dice.uniform(0.4, 1.6, count),
                   np.where(dice.hits(_CLUTTERED, count), dice.uniform(0.3, 1.0, count), 0.0))

    def __getitem__(self, rows: Rows) -> _Warmth:
        return _Warmth(self.curves[rows], self.level[rows], self.detail[rows], self.blur[rows],
                       self.clutter[rows])

    def render(self, rgb: Tensor, mask: Tensor, dice: Dice) -> Tensor:
        """Return N x 1 x S x S thermal images; where the mask is 0 there is only the scene."""
        smooth = gaussian_blur(luma(rgb), self.blur)
        level, detail, clutter = columns(rgb, self.level, self.detail, self.clutter)
        scene = curved(smooth, self.curves)
        cells = dice.uniform(3.0, 9.0, len(rgb))
        lumps = enlarged(fractal_field(COARSE, cells, 2, dice), rgb.shape[-1])
        warm = ((lumps - 0.72) * 12.0).clamp_(0.0, 1.0).mul_(clutter)
        scene = torch.lerp(scene, level.expand_as(scene), warm)
        body = level + detail * (smooth - 110.0)
        return torch.lerp(scene, body, gaussian_blur(mask, self.blur)).clamp_(0, 255)


def completed(views: list[CropBatch], dice: Dice) -> Rows:
    """Give crops of one camera the other one, in place, and say which cameras see the target.

    Parameters
    ----------
    views
        Crops of B samples each, or of several views of them, one after the other.
    dice
        Randomness.

    Returns
    -------
    B values: BOTH, RGB_ONLY or THERMAL_ONLY.

    """
    search = views[-1]
    count = len(search)
    choice = dice.rng.random(count)
    seen_by = np.full(count, BOTH)
    rgb_alone, thermal_alone = ~search.has_thermal, ~search.has_rgb
    seen_by[rgb_alone], seen_by[thermal_alone] = RGB_ONLY, THERMAL_ONLY
    # Without a mask the rendered picture only repeats RGB; it is no more than a hint.
    masked = views[0].has_mask[:count]
    flat = rgb_alone & (choice >= 0.3) & (choice < np.where(masked, 0.38, 0.6))
    rendered = rgb_alone & (choice >= 0.3) & ~flat
    blind = thermal_alone & (choice >= 0.45) & (choice < 0.75)
    drawn = thermal_alone & (choice >= 0.75)
    seen_by[rendered | drawn] = BOTH
    _add_thermal(views, np.flatnonzero(rendered | flat), flat, dice)
    _add_visual(views, np.flatnonzero(blind | drawn), blind, dice)
    return seen_by


def _add_thermal(views: list[CropBatch], samples: Rows, flat: Flags, dice: Dice) -> None:
    if not len(samples):
        return
    styles = _Warmth.random(len(samples), dice)
    for view, rows, (order,) in in_each(views, samples, np.arange(len(samples))):
        style, pressed = styles[order], flat[samples][order]
        index = upload(rows, view.rgb.device)
        mask = view.mask[index] * column(~pressed, view.mask)
        view.thermal[index] = style.render(view.rgb[index], mask, dice)
        view.has_thermal[rows] = True
        change(view.thermal, rows[pressed], low_contrast,
               dice.uniform(0.6, 1.0, int(pressed.sum())), dice)


def _add_visual(views: list[CropBatch], samples: Rows, blind: Flags, dice: Dice) -> None:
    if not len(samples):
        return
    count = len(samples)
    curves = random_curves(dice.uniform(60, 150, count), dice.uniform(0.5, 1.4, count), dice)
    tints = dice.uniform(0.75, 1.1, count, 3)
    for view, rows, (curve, tint, veiled) in in_each(
            views, samples, curves, tints, blind[samples]):
        index = upload(rows, view.rgb.device)
        smooth = gaussian_blur(view.thermal[index], np.full(len(rows), 0.8))
        visual = curved(smooth, curve) * column(tint, smooth)
        view.rgb[index] = visual.clamp_(0, 255)
        view.has_rgb[rows] = True
        foggy = veiled & dice.hits(0.5, len(rows))
        for fault, part in ((smoke, rows[foggy]), (darkness, rows[veiled & ~foggy])):
            change(view.rgb, part, fault, dice.uniform(0.85, 1.0, len(part)), dice)
