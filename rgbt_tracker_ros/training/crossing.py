# SPDX-License-Identifier: Apache-2.0
"""Crossings made from what is there: one target's picture laid before or behind another one."""
from __future__ import annotations

from dataclasses import replace
import math

import cv2
import numpy as np

from rgbt_tracker_ros.networks.inputs import SEARCH_FACTOR
from rgbt_tracker_ros.training.images import Image
from rgbt_tracker_ros.training.views import Crop, Placement, View, crop_view

MAX_HIDDEN = 0.6
TRIES = 3
SAME_SIZE_SHARE = 0.75
BEHIND_SHARE = 0.4


def with_rival(crop: Crop, rival: View, rng: np.random.Generator) -> Crop:
    """Return a search crop in which a rival crosses the target or stands near it.

    The target's box stays as it is: what is hidden of it is still a part of it. A rival that
    would hide more than MAX_HIDDEN of the target is laid behind it instead, or left out when the
    target's outline is not known.

    Parameters
    ----------
    crop
        Search crop; without a target the rival stands anywhere.
    rival
        With a mask, and with each camera's image that the crop has.
    rng
        Draws where it stands, and how large it is.

    """
    for _ in range(TRIES):
        pasted = _rival_crop(crop, rival, rng)
        if pasted.mask is None or (crop.rgb is None) != (pasted.rgb is None) \
                or (crop.thermal is None) != (pasted.thermal is None):
            return crop
        opacity = _soft(pasted.mask)
        behind = crop.mask is not None and rng.random() < BEHIND_SHARE
        if behind:
            assert crop.mask is not None
            opacity = opacity * (1.0 - _soft(crop.mask))
        elif _hidden(opacity, crop) > MAX_HIDDEN:
            continue
        return replace(crop, rgb=_laid(crop.rgb, pasted.rgb, opacity),
                       thermal=_laid(crop.thermal, pasted.thermal, opacity))
    return crop


def _rival_crop(crop: Crop, rival: View, rng: np.random.Generator) -> Crop:
    """Cut the rival so that it stands where it shall cross."""
    out = next(image.shape[0] for image in (crop.thermal, crop.rgb) if image is not None)
    if crop.box is None:
        cx, cy = rng.uniform(0.2, 0.8, 2)
        size = math.exp(rng.normal(0.0, 0.25)) / SEARCH_FACTOR
    else:
        same = rng.random() < SAME_SIZE_SHARE
        size = math.sqrt(crop.box[2] * crop.box[3]) * math.exp(
            rng.normal(0.0, 0.1 if same else 0.4))
        cx = crop.box[0] + rng.choice([-1.0, 1.0]) * rng.uniform(0.1, 1.5) * crop.box[2]
        cy = crop.box[1] + rng.normal(0.0, 0.12) * crop.box[3]
    scale = size * SEARCH_FACTOR
    return crop_view(rival, Placement(float(cx), float(cy), scale, scale), SEARCH_FACTOR, out)


def _soft(mask: Image) -> np.ndarray:
    return cv2.GaussianBlur(mask, (0, 0), 1.0).astype(np.float32) / 255.0


def _hidden(opacity: np.ndarray, crop: Crop) -> float:
    """Return which share of the target the rival hides."""
    if crop.box is None:
        return 0.0
    out = opacity.shape[0]
    cx, cy, w, h = (value * out for value in crop.box)
    rows = slice(max(int(cy - h / 2), 0), max(int(cy + h / 2), 0) + 1)
    columns = slice(max(int(cx - w / 2), 0), max(int(cx + w / 2), 0) + 1)
    inside = opacity[rows, columns]
    if crop.mask is not None and crop.mask[rows, columns].any():
        return float(np.average(inside, weights=crop.mask[rows, columns] > 0))
    return float(inside.mean()) if inside.size else 0.0


def _laid(below: Image | None, above: Image | None, opacity: np.ndarray) -> Image | None:
    if below is None or above is None:
        return below
    return np.asarray(cv2.blendLinear(above, below, opacity, 1.0 - opacity), np.uint8)
