# SPDX-License-Identifier: Apache-2.0
"""House fronts with windows and doors, and the wall behind which a target hides."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from rgbt_tracker_ros.synthetic.textures import Field, Image, fractal_noise, smooth_noise

_WALLS = np.array(
    ((156, 92, 74), (176, 160, 134), (128, 128, 130), (190, 180, 164), (120, 100, 88),
     (150, 140, 110)), np.float32)


@dataclass(frozen=True, slots=True)
class Wall:
    """A free-standing wall: h x w x 3 colours and h x w thermal counts over the ambient."""

    rgb: Image
    heat: Field


def paint_facades(rgb: Field, heat: Field, foot: int, rng: np.random.Generator) -> None:
    """Paint a row of houses whose feet stand on row `foot`; some gaps show what is behind."""
    height, width = heat.shape
    left = -int(rng.integers(0, height // 4))
    while left < width:
        house = int(height * rng.uniform(0.4, 0.85))
        top = max(0, foot - int(height * rng.uniform(0.26, 0.5)))
        if rng.random() < 0.85:
            _paint_house(rgb, heat, (max(left, 0), top, min(left + house, width), foot), rng)
            left += house
        else:
            left += house // 3


def _paint_house(
    rgb: Field, heat: Field, area: tuple[int, int, int, int], rng: np.random.Generator,
) -> None:
    left, top, right, bottom = area
    if right - left < 8 or bottom - top < 8:
        return
    colour = _WALLS[rng.integers(len(_WALLS))] * rng.uniform(0.75, 1.1)
    surface = _masonry(bottom - top, right - left, colour, rng, bricks=rng.random() < 0.6)
    rgb[top:bottom, left:right] = surface
    warmth = rng.uniform(10, 70)
    stains = fractal_noise(bottom - top, right - left, 4, 4, rng)
    heat[top:bottom, left:right] = warmth + 45 * (stains - 0.5)
    eaves = max(2, (bottom - top) // 30)
    rgb[top:top + eaves, left:right] *= 0.55
    heat[top:top + eaves, left:right] -= 25
    unit = max(14, int(rgb.shape[0] * rng.uniform(0.055, 0.08)))
    lit = rng.uniform(20, 110)
    for row in range(top + unit, bottom - unit, round(2.1 * unit)):
        for column in range(left + unit, right - unit, round(1.8 * unit)):
            _paint_window(rgb, heat, (column, row, unit, round(1.25 * unit)), lit, rng)
    door = left + int(rng.uniform(0.2, 0.7) * (right - left))
    tall = min(round(1.9 * unit), bottom - top)
    rgb[bottom - tall:bottom, door:door + unit] = colour * 0.4 + rng.uniform(0, 30, 3)
    heat[bottom - tall:bottom, door:door + unit] += 30
    # Walls are darker near the ground.
    shade = np.linspace(1.05, 0.86, bottom - top, dtype=np.float32)[:, None, None]
    rgb[top:bottom, left:right] *= shade


def _paint_window(
    rgb: Field, heat: Field, area: tuple[int, int, int, int], lit: float,
    rng: np.random.Generator,
) -> None:
    """Paint a framed pane; cold glass mirrors the sky in thermal, frames leak warmth."""
    left, top, width, height = area
    pane = (slice(top, top + height), slice(left, left + width))
    rows, columns = rgb[pane].shape[:2]
    if rows < 6 or columns < 6:
        return
    frame = rng.uniform(150, 225)
    rgb[pane] = frame
    heat[pane] += 0.5 * lit
    edge = max(1, width // 10)
    glass = (slice(top + edge, top + rows - edge), slice(left + edge, left + columns - edge))
    slope = np.linspace(1, 0, rgb[glass].shape[0], dtype=np.float32)[:, None, None]
    rgb[glass] = np.array(rng.uniform(20, 70) + np.array((0, 6, 14))) + 60 * slope
    heat[glass] = heat[glass] - 60 + rng.uniform(0, 1.2) * lit
    middle = left + width // 2
    rgb[top:top + rows, middle:middle + edge] = frame
    sill = top + height
    rgb[sill:sill + edge + 1, left - edge:left + width + edge] = frame * 0.8
    rgb[sill + edge + 1:sill + 2 * edge + 2, left:left + width] *= 0.7


def _masonry(
    height: int, width: int, colour: Field, rng: np.random.Generator, *, bricks: bool,
) -> Field:
    """Return a wall surface, of bricks or plaster, h x w x 3."""
    rough = fractal_noise(height, width, max(height, width) / 3, 2, rng)
    stains = fractal_noise(height, width, 3, 5, rng, 0.6)
    tone = 1 + 0.22 * (rough - 0.5) + 0.35 * (stains - 0.5)
    if bricks:
        course, length = 5, 13
        rows, columns = np.mgrid[0:height, 0:width]
        course_at = rows // course
        shifted = columns + (course_at % 2) * (length // 2)
        shades = rng.uniform(0.86, 1.1, (height // course + 1, width // length + 2))
        tone = tone * shades[course_at, shifted // length]
        mortar = (rows % course == 0) | (shifted % length == 0)
        tone = np.where(mortar, 0.5 * tone + 0.62, tone)
    return np.asarray(colour * tone[..., None], np.float32)


def build_wall(width: int, height: int, rng: np.random.Generator) -> Wall:
    """Return a weathered free-standing brick wall with a coping."""
    colour = _WALLS[rng.integers(len(_WALLS))] * rng.uniform(0.7, 1.0)
    surface = _masonry(height, width, colour, rng, bricks=True)
    light = np.linspace(1.08, 0.85, width, dtype=np.float32)[None, :, None]
    surface *= light
    coping = max(3, height // 18)
    surface[:coping] = 150 + 30 * (smooth_noise(coping, width, 9, rng)[..., None] - 0.5)
    surface[coping:coping + max(1, coping // 3)] *= 0.55
    surface[-coping:] *= 0.7
    heat = 35 + 50 * (fractal_noise(height, width, 3, 4, rng) - 0.5)
    heat[:coping] -= 20
    soft = cv2.GaussianBlur(np.clip(surface, 0, 255), (0, 0), 0.6)
    return Wall(np.asarray(soft).astype(np.uint8), np.asarray(heat, np.float32))
