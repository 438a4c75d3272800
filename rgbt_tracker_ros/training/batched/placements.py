# SPDX-License-Identifier: Apache-2.0
"""Where targets are put in the crops of a batch; `views` does the same for one sample."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rgbt_tracker_ros.networks.inputs import SEARCH_FACTOR
from rgbt_tracker_ros.training import views
from rgbt_tracker_ros.training.batched.cutting import Floats


class Places(NamedTuple):
    """N centres in fractions of the crops (N x 2, x first), and scales of the sides (N x 2)."""

    centre: Floats
    scale: Floats


class Aim(NamedTuple):
    """N crops of images.

    Attributes
    ----------
    places
        N x 4: left, top, and the steps right and down, in pixels of the image.
    box
        N x 4: (cx, cy, w, h) in fractions of the crop, of what it is cut around.

    """

    places: Floats
    box: Floats


def template_places(rng: np.random.Generator, count: int, unrest: float = 1.0) -> Places:
    """Draw nearly centred places, as `views.template_placement`."""
    shift = rng.normal(0.0, views.TEMPLATE_SHIFT * unrest, (count, 2))
    scale = np.exp(rng.normal(0.0, views.TEMPLATE_ZOOM * unrest, (count, 1)))
    return Places(0.5 + shift, np.repeat(scale, 2, 1))


def both_template_places(rng: np.random.Generator, count: int) -> Places:
    """Draw the places of `count` initial templates, then those of as many dynamic ones."""
    initial = template_places(rng, count)
    dynamic = template_places(rng, count, views.DYNAMIC_UNREST)
    return Places(*map(np.concatenate, zip(initial, dynamic, strict=True)))


def search_places(rng: np.random.Generator, count: int) -> Places:
    """Draw places as tracking meets them, as `views.search_placement`."""
    reach = np.where(rng.random((count, 1)) < views.NEAR_SHARE, views.NEAR, views.FAR)
    shift = np.clip(reach * rng.normal(size=(count, 2)), -views.FARTHEST, views.FARTHEST)
    zoom = np.clip(
        rng.normal(0.0, views.SEARCH_ZOOM, (count, 1)), -views.MOST_ZOOM, views.MOST_ZOOM)
    aspect = rng.normal(0.0, views.SEARCH_ASPECT, (count, 1))
    return Places(0.5 + shift, np.exp(np.hstack([zoom + aspect, zoom - aspect])))


def outside_places(rng: np.random.Generator, size: Floats) -> Places:
    """Draw places outside search crops for targets of N x 2 `size`; see `crop_without_target`."""
    count = len(size)
    place = search_places(rng, count)
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    way = np.stack([np.cos(angle), np.sin(angle)], 1)
    reach = SEARCH_FACTOR * np.sqrt(size.prod(1, keepdims=True))
    leaves = (1.0 + size / reach * place.scale) / 2 / np.maximum(np.abs(way), 1e-6)
    distance = leaves.min(1) * rng.uniform(1.05, 1.5, count)
    return place._replace(centre=0.5 + distance[:, None] * way)


def aimed(centre: Floats, size: Floats, place: Places, factor: float, out: int) -> Aim:
    """Return the crops that have N x 2 `centre`s of N x 2 `size` (pixels) at their places.

    `factor` is the crop's side over the size, as in `views.crop_view`.
    """
    step = np.sqrt(size.prod(1, keepdims=True)) * factor / out / place.scale
    corner = centre - place.centre * out * step
    return Aim(np.hstack([corner, step]), np.hstack([place.centre, size / (step * out)]))
