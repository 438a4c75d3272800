# SPDX-License-Identifier: Apache-2.0
"""What befalls all crops of a sample alike: a camera's tone, a far target, lasting smoke."""
from __future__ import annotations

import math

import numpy as np

from rgbt_tracker_ros.networks.inputs import TEMPLATE_FACTOR
from rgbt_tracker_ros.training.batched.completion import BOTH, RGB_ONLY, THERMAL_ONLY
from rgbt_tracker_ros.training.batched.crops import CropBatch
from rgbt_tracker_ros.training.batched.far import coarse
from rgbt_tracker_ros.training.batched.scenery import darkness, glare, lifted, smoke
from rgbt_tracker_ros.training.batched.subsets import Dice, Flags, Rows, change, in_each
from rgbt_tracker_ros.training.batched.tones import grey, heated, random_tones, toned
from rgbt_tracker_ros.training.styles import StyleConfig

FOGGY, LIT, EXPOSED, SUNNY, COARSER, FILMED = 0.6, 0.4, 0.5, 0.3, 0.3, 0.5
"""Shares: smoke in veils (others are night), nights with lamps, nights that the camera makes
brighter, tones in the hot sun, far targets whose thermal camera has fewer pixels, and such in
compressed videos."""
LAMP = 0.4
"""Strength of a lamp's glare over that of the night."""


def styled(
    views: list[CropBatch], config: StyleConfig, dice: Dice, seen_by: Rows,
) -> None:
    """Give each sample its style, in place; `seen_by` loses cameras that the style blinds."""
    count = len(seen_by)
    toned_ones = dice.hits(config.thermal_tone, count)
    # In the hot sun the ground is as bright as the target: the other camera has to see it.
    sunny = toned_ones & dice.hits(SUNNY, count) & (seen_by == BOTH) & _all_have(views, 'rgb')
    _tone(views, np.flatnonzero(toned_ones), sunny, config.inverted, dice)
    greys = np.flatnonzero(dice.hits(config.grey_visual, count))
    for view, rows, _ in in_each(views, greys):
        change(view.rgb, rows, grey)
    veiled = dice.hits(config.veiled, count) & (seen_by != RGB_ONLY)
    veiled &= ~sunny & _all_have(views, 'thermal')
    _veil(views, np.flatnonzero(veiled), dice)
    seen_by[veiled], seen_by[sunny] = THERMAL_ONLY, RGB_ONLY
    _far(views, np.flatnonzero(dice.hits(config.far, count)), dice)


def _all_have(views: list[CropBatch], camera: str) -> Flags:
    """Return which samples have the camera in all crops."""
    having = np.concatenate([getattr(view, f'has_{camera}') for view in views])
    return np.asarray(having.reshape(-1, len(views[-1])).all(0))


def _tone(
    views: list[CropBatch], samples: Rows, sunny: Flags, inverted: float, dice: Dice,
) -> None:
    """Change the thermal tone; some scenes are as hot as a summer's day makes them."""
    count = len(samples)
    tones, heats = random_tones(count, inverted, dice), dice.uniform(60.0, 170.0, count)
    for view, rows, (tone, heat, sun) in in_each(
            views, samples, tones, heats, sunny[samples]):
        change(view.thermal, rows[sun], heated, heat[sun], dice)
        change(view.thermal, rows, toned, tone)


def _veil(views: list[CropBatch], samples: Rows, dice: Dice) -> None:
    """Let all RGB crops lie in smoke or in the night; smoke dims thermal a little, too."""
    count = len(samples)
    strengths, foggy = dice.uniform(0.6, 1.0, count), dice.hits(FOGGY, count)
    gains = np.where(dice.hits(EXPOSED, count), dice.uniform(1.0, 4.0, count), 1.0)
    lamps = ~foggy & dice.hits(LIT, count)
    for view, rows, (strength, fog, gain, lit) in in_each(
            views, samples, strengths, foggy, gains, lamps):
        # Smoke drifts: it is as dense as it can be in one view and thinner in another.
        dense = strength[fog] * dice.uniform(0.8, 1.3, int(fog.sum()))
        change(view.rgb, rows[fog], smoke, dense, dice)
        change(view.thermal, rows[fog], smoke, dense, dice)
        change(view.rgb, rows[~fog], darkness, strength[~fog], dice)
        change(view.rgb, rows[~fog], lifted, gain[~fog])
        change(view.rgb, rows[lit], glare, LAMP * strength[lit], dice)


def _far(views: list[CropBatch], samples: Rows, dice: Dice) -> None:
    """Leave the target 9 to 40 pixels of the camera: sqrt(w * h)."""
    count = len(samples)
    size = np.exp(dice.uniform(math.log(9.0), math.log(40.0), count))
    fewer = np.where(dice.hits(COARSER, count), dice.uniform(0.6, 0.9, count), 1.0)
    scales = np.minimum(size * TEMPLATE_FACTOR / views[0].size, 1.0)
    noises, softnesses = dice.uniform(0.0, 4.0, count), dice.uniform(1.0, 1.8, count)
    losses = np.where(dice.hits(FILMED, count), dice.uniform(1.0, 12.0, count), 0.0)
    for view, rows, (scale, part, softness, noise, loss) in in_each(
            views, samples, scales, fewer, softnesses, noises, losses):
        small = scale < 1.0
        rest = softness[small], noise[small], loss[small], dice
        change(view.rgb, rows[small], coarse, scale[small], *rest)
        change(view.thermal, rows[small], coarse, (scale * part)[small], *rest)
