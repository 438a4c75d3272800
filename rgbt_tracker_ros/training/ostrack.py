# SPDX-License-Identifier: Apache-2.0
"""Sampling and augmentation of OSTrack (arXiv 2203.11991), which the published trackers take over.

The search frame comes after the template's, at most `max_gap` later. The template is cut exactly
around the target; the search crop is moved and scaled (centre jitter 3, scale jitter 0.25). Both
cameras of a crop are brightened or darkened alike (by up to 0.2), a crop is mirrored as often as
not, and 5 % of the samples lose their colour. The target is always there, and no camera fails.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
import math

import cv2
import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.networks.inputs import SEARCH_FACTOR, TEMPLATE_FACTOR
from rgbt_tracker_ros.training.augment import AugmentConfig
from rgbt_tracker_ros.training.images import Image
from rgbt_tracker_ros.training.sources import Moments
from rgbt_tracker_ros.training.styles import StyleConfig
from rgbt_tracker_ros.training.views import Crop, Crops, Placement, crop_view

CENTRE_JITTER, SCALE_JITTER = 3.0, 0.25
GREY, MIRROR, BRIGHTNESS = 0.05, 0.5, 0.2

WITHOUT_FAULTS = AugmentConfig(
    drop_rgb=0.0, drop_thermal=0.0, drop_one_view=0.0, rgb_fault=0.0, thermal_fault=0.0,
    occluder=0.0, misalign=0.0, mirror=0.0, style=StyleConfig(0.0, 0.0, 0.0, 0.0, 0.0))
"""What is done before `jitter`: only a camera that a source does not have is rendered."""

_EXACT = Placement(0.5, 0.5, 1.0, 1.0)


class CausalSource:
    """Samples of a target in two moments, the template's first; a still is one moment."""

    def __init__(self, targets: Sequence[Moments], max_gap: int) -> None:
        """Take each target's moments in order, and the largest gap of template and search."""
        self._targets = [target for target in targets if target]
        self._max_gap = max_gap

    def crops(
        self, rng: np.random.Generator, template_size: int, search_size: int, *, hard: bool,
    ) -> Crops:
        """Make a sample; the dynamic template is from between the other two moments."""
        moments = self._targets[int(rng.integers(len(self._targets)))]
        first = int(rng.integers(max(len(moments) - 1, 1)))
        end = min(first + self._max_gap + 1, len(moments))
        last = int(rng.integers(first + 1, end)) if end > first + 1 else first
        between = int(rng.integers(first, last + 1))
        template, dynamic = (
            crop_view(moments[number](), _EXACT, TEMPLATE_FACTOR, template_size)
            for number in (first, between))
        after = moments[last]()
        search = crop_view(after, jittered(after.box, rng), SEARCH_FACTOR, search_size)
        return Crops(template, dynamic, search)


def jittered(box: Box, rng: np.random.Generator) -> Placement:
    """Return where a target lies in a search crop that is cut around a jittered box."""
    scale_x, scale_y = np.exp(rng.normal(0.0, SCALE_JITTER, 2)).tolist()
    grown = math.sqrt(scale_x * scale_y)
    # Of the jittered box's size, of which the crop has SEARCH_FACTOR.
    right, down = (CENTRE_JITTER * (rng.random(2) - 0.5) / SEARCH_FACTOR).tolist()
    return Placement(0.5 - right, 0.5 - down, 1.0 / grown, 1.0 / grown)


def jitter(crops: Crops, rng: np.random.Generator) -> Crops:
    """Return the crops with OSTrack's colours and mirror images."""
    grey = rng.random() < GREY
    return Crops(*(_changed(crop, grey, rng) for crop in crops))


def _changed(crop: Crop, grey: bool, rng: np.random.Generator) -> Crop:
    level = rng.uniform(1.0 - BRIGHTNESS, 1.0 + BRIGHTNESS)
    crop = crop.flipped() if rng.random() < MIRROR else crop
    rgb = crop.rgb
    if grey and rgb is not None:
        rgb = np.asarray(cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
    return replace(crop, rgb=_lit(rgb, level), thermal=_lit(crop.thermal, level))


def _lit(image: Image | None, level: float) -> Image | None:
    if image is None:
        return None
    return np.asarray(cv2.convertScaleAbs(image, alpha=level), np.uint8)
