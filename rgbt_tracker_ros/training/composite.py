# SPDX-License-Identifier: Apache-2.0
"""Copy-paste samples: masked objects of RGB sets put on real RGB-thermal backgrounds.

Target and distractors are of the same kind where possible and may cross in front of each other, so
that identity has to come from appearance. Backgrounds are registered pairs, so both modalities are
real except for the objects' heat, which is rendered.
"""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math
from pathlib import Path

import cv2
import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.networks.inputs import SEARCH_FACTOR, TEMPLATE_FACTOR
from rgbt_tracker_ros.training.images import Annotation, Image, read_grey, read_mask, read_rgb
from rgbt_tracker_ros.training.views import (
    DYNAMIC_UNREST,
    Crop,
    Crops,
    Placement,
    search_placement,
    template_placement,
)

CUT_OUT_SIDE = 160
NEAR_FRAMES = 15
MAX_HIDDEN = 0.5
WARM_SHARE, FRONT_SHARE = 0.85, 0.3
NEGATIVE_SHARE, HARD_NEGATIVE_SHARE = 0.1, 0.3


@dataclass(frozen=True, slots=True)
class CutOut:
    """An object without its surroundings: colour, heat and opacity, all h x w."""

    rgb: Image
    heat: Image
    alpha: Image

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, height) in pixels."""
        return self.alpha.shape[1], self.alpha.shape[0]


@dataclass(frozen=True, slots=True)
class _Heat:
    level: float
    detail: float

    def __call__(self, rgb: Image) -> Image:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
        warm = np.clip(self.level + self.detail * (grey - 110.0), 0, 255)
        return np.asarray(warm, np.uint8)


class CompositeSource:
    """Makes samples from cut-outs and backgrounds."""

    def __init__(
        self, groups: list[list[Annotation]], backgrounds: list[tuple[Path, Path]],
    ) -> None:
        """Take annotations with masks, grouped by kind, and registered (RGB, thermal) files."""
        self._groups = [group for group in groups if group]
        self._backgrounds = backgrounds

    def crops(
        self, rng: np.random.Generator, template_size: int, search_size: int, *, hard: bool,
    ) -> Crops:
        """Make a sample; in some, more often in hard ones, there are distractors only."""
        group = self._groups[int(rng.integers(len(self._groups)))]
        index = int(rng.integers(len(group)))
        chosen = group[index]
        warmth = rng.uniform(90.0, 240.0) if rng.random() < WARM_SHARE else rng.uniform(0.0, 50.0)
        heat = _Heat(warmth, rng.uniform(-0.5, 0.6))
        moments = [chosen, *(_other_moment(index, group, rng) for _ in range(2))]
        first, second, later = (_cut_out(moment, heat) for moment in moments)
        rivals = []
        for _ in range(int(rng.integers(2 if hard else 0, 5 if hard else 4))):
            other = group[int(rng.integers(len(group)))]
            same_video = bool(chosen.sequence) and other.sequence == chosen.sequence
            if other.image != chosen.image and not same_video:
                rivals.append(_cut_out(other, _Heat(warmth + rng.normal(0, 18), heat.detail)))
        present = rng.random() >= (HARD_NEGATIVE_SHARE if hard else NEGATIVE_SHARE)
        template = self._scene(
            first, template_placement(rng), TEMPLATE_FACTOR, template_size, rivals[:1], rng)
        dynamic = self._scene(
            second, template_placement(rng, DYNAMIC_UNREST), TEMPLATE_FACTOR, template_size,
            rivals[:1], rng)
        search = self._scene(
            later if present else None, search_placement(rng), SEARCH_FACTOR, search_size,
            rivals, rng, kind=later)
        return Crops(template, dynamic, search)

    def _scene(
        self, target: CutOut | None, place: Placement, factor: float, out: int,
        rivals: list[CutOut], rng: np.random.Generator, kind: CutOut | None = None,
    ) -> Crop:
        canvas = self._background(out, rng)
        like = target or kind
        assert like is not None
        unit = out / factor / math.sqrt(like.size[0] * like.size[1])
        in_front = [] if target is None else [
            rival for rival in rivals if rng.random() < FRONT_SHARE]
        for rival in rivals:
            if not any(rival is other for other in in_front):
                _paste(canvas, rival, _rival_place(rival, like, place, unit, out, rng))
        if target is None:
            return Crop(canvas[0], canvas[1], None, None)
        width, height = (side * unit * scale for side, scale in
                         zip(target.size, (place.scale_x, place.scale_y), strict=True))
        box = Box.from_center(place.cx * out, place.cy * out, width, height)
        _paste(canvas, target, box)
        for rival in in_front:
            spot = _rival_place(rival, like, place, unit, out, rng)
            if _coverage(spot, box) < MAX_HIDDEN:
                _paste(canvas, rival, spot)
        return Crop(canvas[0], canvas[1], None, (place.cx, place.cy, width / out, height / out))

    def _background(self, out: int, rng: np.random.Generator) -> list[Image]:
        rgb_file, thermal_file = self._backgrounds[int(rng.integers(len(self._backgrounds)))]
        rgb, thermal = read_rgb(rgb_file), read_grey(thermal_file)
        height, width = rgb.shape[:2]
        side = int(rng.uniform(0.3, 1.0) * min(height, width))
        left, top = int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
        window = (slice(top, top + side), slice(left, left + side))
        return [np.asarray(cv2.resize(image[window], (out, out)), np.uint8)
                for image in (rgb, thermal)]


def _other_moment(
    index: int, group: list[Annotation], rng: np.random.Generator,
) -> Annotation:
    """Return another frame of the same video within NEAR_FRAMES, or the same still."""
    chosen = group[index]
    if not chosen.sequence:
        return chosen
    near = [other for other in group[max(0, index - NEAR_FRAMES):index + NEAR_FRAMES + 1]
            if other.sequence == chosen.sequence]
    return near[int(rng.integers(len(near)))]


def _cut_out(annotation: Annotation, heat: _Heat) -> CutOut:
    small, alpha = outlined(annotation)
    return CutOut(small, heat(small), alpha)


@lru_cache(maxsize=4000)
def outlined(annotation: Annotation) -> tuple[Image, Image]:
    """Return an object's small picture and its opacity, h x w."""
    mask = read_mask(annotation)
    assert mask is not None
    rgb = read_rgb(annotation.image)
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    scale = min(1.0, CUT_OUT_SIDE / max(mask[window].shape))
    size = tuple(max(4, round(side * scale)) for side in mask[window].shape[::-1])
    small = np.asarray(cv2.resize(rgb[window], size, interpolation=cv2.INTER_AREA), np.uint8)
    alpha = np.asarray(cv2.resize(mask[window], size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, alpha


def _rival_place(
    rival: CutOut, like: CutOut, place: Placement, unit: float, out: int,
    rng: np.random.Generator,
) -> Box:
    """Return where a rival of about the target's height stands, beside or across the target."""
    height = like.size[1] * unit * place.scale_y * rng.uniform(0.8, 1.2)
    width = height * rival.size[0] / rival.size[1]
    cx = place.cx * out + rng.choice([-1.0, 1.0]) * rng.uniform(0.35, 1.9) * max(width, 12.0)
    cy = place.cy * out + rng.normal(0.0, 0.12) * height
    return Box.from_center(cx, cy, width, height)


def _coverage(front: Box, behind: Box) -> float:
    width = min(front.x + front.w, behind.x + behind.w) - max(front.x, behind.x)
    height = min(front.y + front.h, behind.y + behind.h) - max(front.y, behind.y)
    return max(width, 0.0) * max(height, 0.0) / (behind.w * behind.h)


def _paste(canvas: list[Image], cut: CutOut, box: Box) -> None:
    """Blend a cut-out into RGB and thermal so that it fills `box`."""
    out = canvas[0].shape[0]
    matrix = np.array([[box.w / cut.size[0], 0.0, box.x], [0.0, box.h / cut.size[1], box.y]])
    alpha = cv2.warpAffine(cut.alpha, matrix, (out, out)).astype(np.float32) / 255.0
    for index, part in enumerate((cut.rgb, cut.heat)):
        layer = cv2.warpAffine(part, matrix, (out, out), borderMode=cv2.BORDER_REPLICATE)
        canvas[index] = np.asarray(
            cv2.blendLinear(np.asarray(layer), canvas[index], alpha, 1.0 - alpha), np.uint8)
