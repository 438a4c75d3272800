# SPDX-License-Identifier: Apache-2.0
"""Views of a target and the jittered crops of them that make a training sample."""
from __future__ import annotations

from dataclasses import dataclass, replace
import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.networks.inputs import BORDER, RGB, SEARCH_FACTOR, THERMAL
from rgbt_tracker_ros.training.images import Image

DYNAMIC_UNREST = 2.5
"""How much less exactly a dynamic template is placed than an initial one."""
TEMPLATE_SHIFT, TEMPLATE_ZOOM = 0.012, 0.05
NEAR_SHARE, NEAR, FAR, FARTHEST = 0.55, 0.06, 0.2, 0.42
SEARCH_ZOOM, MOST_ZOOM, SEARCH_ASPECT = 0.2, 0.5, 0.05
"""Standard deviations (of logarithms for zoom and aspect) and limits of where targets are put."""
WELL_INSIDE = 0.04
"""Least distance of a target's centre from the crop's border that counts as seen."""


@dataclass(frozen=True, slots=True)
class View:
    """A target in one moment: RGB, thermal, its mask, and others like it in the same image."""

    rgb: Image | None
    thermal: Image | None
    box: Box
    mask: Image | None = None
    rivals: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Crop:
    """A square crop of a view; `box` is (cx, cy, w, h) in fractions of it, None when absent."""

    rgb: Image | None
    thermal: Image | None
    mask: Image | None
    box: tuple[float, float, float, float] | None

    def flipped(self) -> Crop:
        """Return the mirror image."""
        box = self.box and (1.0 - self.box[0], *self.box[1:])
        images = [None if image is None else np.ascontiguousarray(image[:, ::-1])
                  for image in (self.rgb, self.thermal, self.mask)]
        return Crop(images[0], images[1], images[2], box)


class Crops(NamedTuple):
    """A sample's crops: initial template, dynamic template (a later moment), search region."""

    template: Crop
    dynamic: Crop
    search: Crop


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a target lies in a square crop: centre in fractions, and scale of its two sides."""

    cx: float
    cy: float
    scale_x: float
    scale_y: float


def template_placement(rng: np.random.Generator, unrest: float = 1.0) -> Placement:
    """Draw a nearly centred placement; a tracked box is less exact, which `unrest` tells."""
    dx, dy = rng.normal(0.0, TEMPLATE_SHIFT * unrest, 2)
    scale = math.exp(rng.normal(0.0, TEMPLATE_ZOOM * unrest))
    return Placement(0.5 + dx, 0.5 + dy, scale, scale)


def search_placement(rng: np.random.Generator) -> Placement:
    """Draw a placement as tracking meets it: mostly near the centre, sometimes far off."""
    reach = NEAR if rng.random() < NEAR_SHARE else FAR
    dx, dy = np.clip(rng.normal(0.0, reach, 2), -FARTHEST, FARTHEST)
    scale = math.exp(float(np.clip(rng.normal(0.0, SEARCH_ZOOM), -MOST_ZOOM, MOST_ZOOM)))
    aspect = math.exp(rng.normal(0.0, SEARCH_ASPECT))
    return Placement(0.5 + float(dx), 0.5 + float(dy), scale * aspect, scale / aspect)


def crop_view(view: View, placement: Placement, factor: float, out: int) -> Crop:
    """Cut the crop in which the target is placed as asked; `factor` is crop side / target size."""
    side = math.sqrt(view.box.w * view.box.h) * factor
    step_x, step_y = side / out / placement.scale_x, side / out / placement.scale_y
    left = view.box.cx - placement.cx * out * step_x
    top = view.box.cy - placement.cy * out * step_y
    matrix = np.array([[step_x, 0.0, left], [0.0, step_y, top]])
    width, height = view.box.w / (step_x * out), view.box.h / (step_y * out)
    return Crop(
        _warp(view.rgb, matrix, out, RGB.fill(BORDER)),
        _warp(view.thermal, matrix, out, THERMAL.fill(BORDER)),
        _warp(view.mask, matrix, out, (0,)), (placement.cx, placement.cy, width, height))


def crop_without_target(view: View, rng: np.random.Generator, out: int) -> Crop:
    """Cut a search crop from beside the target, in any direction, that shows nothing of it."""
    place = search_placement(rng)
    reach = SEARCH_FACTOR * math.sqrt(view.box.w * view.box.h)
    angle = rng.uniform(0.0, 2.0 * math.pi)
    right, down = math.cos(angle), math.sin(angle)
    # The box leaves the crop when its centre is half a crop and half a box away, along x or y.
    leaves_x = (1.0 + view.box.w / reach * place.scale_x) / 2 / max(abs(right), 1e-6)
    leaves_y = (1.0 + view.box.h / reach * place.scale_y) / 2 / max(abs(down), 1e-6)
    distance = min(leaves_x, leaves_y) * rng.uniform(1.05, 1.5)
    outside = replace(place, cx=0.5 + distance * right, cy=0.5 + distance * down)
    return replace(crop_view(view, outside, SEARCH_FACTOR, out), box=None)


def crop_around_rival(view: View, rng: np.random.Generator, out: int) -> Crop:
    """Cut a search crop around one of the target's rivals, as after a wrong jump.

    The target is wanted where it is if its centre lies well inside the crop, else it is absent.
    """
    rival = view.rivals[int(rng.integers(len(view.rivals)))]
    around = Box.from_center(rival.cx, rival.cy, view.box.w, view.box.h)
    place = search_placement(rng)
    crop = crop_view(replace(view, box=around), place, SEARCH_FACTOR, out)
    assert crop.box is not None
    width, height = crop.box[2:]
    cx = place.cx + (view.box.cx - rival.cx) / view.box.w * width
    cy = place.cy + (view.box.cy - rival.cy) / view.box.h * height
    seen = all(WELL_INSIDE < place < 1.0 - WELL_INSIDE for place in (cx, cy))
    return replace(crop, box=(cx, cy, width, height) if seen else None)


def _warp(
    image: Image | None, matrix: NDArray[np.float64], out: int, fill: tuple[int, ...],
) -> Image | None:
    if image is None:
        return None
    return np.asarray(cv2.warpAffine(
        image, matrix, (out, out), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT, borderValue=fill), np.uint8)
