# SPDX-License-Identifier: Apache-2.0
"""What a network is fed, alike in training and in the model bundles made of it."""
from __future__ import annotations

from dataclasses import dataclass

from rgbt_tracker_ros.imaging.crops import Border
from rgbt_tracker_ros.imaging.normalization import Normalization

TEMPLATE_FACTOR, SEARCH_FACTOR = 2.0, 4.0
"""Side of a crop over the target's size, sqrt(w * h)."""

BORDER: Border = 'mean'
"""Colour of what lies outside the image: the mean, which normalises to (nearly) 0."""

RGB = Normalization((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Statistics of ImageNet, on which the trunk's start weights were trained."""

THERMAL = Normalization((0.449,), (0.226,))
"""ImageNet's means over the channels: the trunk sees thermal as a grey picture."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Crops of a network: their sides in pixels, statistics, and what lies outside the image."""

    template_size: int
    search_size: int
    rgb: Normalization = RGB
    thermal: Normalization = THERMAL
    border: Border = BORDER
