# SPDX-License-Identifier: Apache-2.0
"""The scene without actors: one wide RGB and thermal panorama, painted from noise and shapes."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.synthetic.buildings import paint_facades
from rgbt_tracker_ros.synthetic.spec import WORLD_WIDTH
from rgbt_tracker_ros.synthetic.textures import Field, Image, fractal_noise, smooth_noise
from rgbt_tracker_ros.synthetic.vegetation import paint_tree, paint_treeline

WORLD_HEIGHT = 1.25
"""Height of the world in view heights."""

_HORIZON = 0.36
_GROUNDS = {
    # From depth to depth: material. Colours and counts follow in _MATERIALS.
    'street': ((0.0, 'paving'), (0.28, 'asphalt'), (0.40, 'paving')),
    'park': ((0.0, 'grass'), (0.47, 'gravel'), (0.66, 'grass')),
    'yard': ((0.0, 'asphalt'), (0.30, 'concrete')),
}
_MATERIALS = {
    # Red, green, blue; contrast of the noise; thermal counts over ambient; tiles.
    'paving': ((142, 136, 128), 34, 22, True),
    'asphalt': ((92, 94, 98), 26, 48, False),
    'grass': ((88, 112, 58), 62, -25, False),
    'gravel': ((160, 148, 126), 44, 30, False),
    'concrete': ((150, 150, 146), 24, 18, True),
}


@dataclass(frozen=True, slots=True)
class World:
    """The panorama.

    Attributes
    ----------
    rgb
        H x W x 3.
    heat
        H x W float32, thermal counts over the ambient.
    view
        (width, height) of the camera's view.

    """

    rgb: Image
    heat: Field
    view: tuple[int, int]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the world pixel of the ground place (x view widths, depth y)."""
        horizon = _HORIZON * self.rgb.shape[0]
        return x * self.view[0], horizon + y * (self.rgb.shape[0] - horizon)


def paint_world(
    theme: str, view: tuple[int, int], clutter: float, rng: np.random.Generator,
) -> World:
    """Paint the panorama of a theme for a view of (width, height) pixels.

    The thermal contrast is multiplied by `clutter`.
    """
    width, height = round(WORLD_WIDTH * view[0]), round(WORLD_HEIGHT * view[1])
    rgb = np.zeros((height, width, 3), np.float32)
    heat = np.zeros((height, width), np.float32)
    horizon = round(_HORIZON * height)
    _paint_sky(rgb, heat, rng)
    _paint_ground(theme, rgb, heat, horizon, rng)
    foot = horizon + round(0.14 * (height - horizon))
    paint_treeline(rgb, heat, foot, horizon, rng)
    if theme != 'park':
        paint_facades(rgb, heat, foot, rng)
    scale = (height - horizon) / 380
    for _ in range(int(rng.integers(2, 5)) + 3 * (theme == 'park')):
        depth = rng.uniform(0.17, 0.27)
        root = (rng.uniform(0, width), horizon + depth * (height - horizon))
        paint_tree(rgb, heat, root, scale * rng.uniform(150, 270), rng)
    rgb *= (0.92 + 0.16 * smooth_noise(height, width, 5, rng))[..., None]
    soft = cv2.GaussianBlur(rgb, (0, 0), 0.6)
    return World(np.clip(soft, 0, 255).astype(np.uint8),
                 np.asarray(cv2.GaussianBlur(clutter * heat, (0, 0), 0.8), np.float32), view)


def _paint_sky(rgb: Field, heat: Field, rng: np.random.Generator) -> None:
    height, width = heat.shape
    fall = np.linspace(0, 1, height, dtype=np.float32)[:, None] / _HORIZON
    clouds = fractal_noise(height, width, 7, 5, rng, 0.55)
    clouds = np.clip((clouds - rng.uniform(0.3, 0.6)) * 3, 0, 1)
    blue = np.array(rng.uniform((95, 135, 190), (150, 175, 225)), np.float32)
    haze = np.array((214, 220, 224), np.float32)
    mix = np.clip(np.maximum(fall, 0.85 * clouds), 0, 1)[..., None]
    rgb[:] = blue + (haze - blue) * mix
    heat[:] = -420 + 260 * np.clip(fall, 0, 1) + 90 * clouds


def _paint_ground(
    theme: str, rgb: Field, heat: Field, horizon: int, rng: np.random.Generator,
) -> None:
    """Lay a top view of the ground into perspective, in strips of materials."""
    height, width = heat.shape
    rows = (np.arange(horizon, height, dtype=np.float32) - horizon + 0.5) / (height - horizon)
    columns = np.arange(width, dtype=np.float32) - width / 2
    side = 1024
    unit = 700.0 * 480 / height
    along = np.broadcast_to((unit / rows)[:, None], (rows.size, width)) % side
    across = (columns[None] * (480 / height) * 1.6 / rows[:, None]) % side
    maps = (np.asarray(across, np.float32), np.asarray(along, np.float32))
    coarse = fractal_noise(side, side, 6, 4, rng, 0.6)
    fine = fractal_noise(side, side, 90, 3, rng, 0.7)
    # Far away the texture is finer than a pixel: fade it out instead of letting it sparkle.
    fade = np.clip(rows * 3.0, 0, 1)[:, None]
    warped = [cv2.remap(layer, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
              for layer in (coarse - 0.5, fine - 0.5, _joints(side))]
    broad, grit, joints = (np.asarray(layer, np.float32) * fade for layer in warped)
    strips = (*_GROUNDS[theme], (1.01, ''))
    for (begin, material), (end, _) in pairwise(strips):
        inside = np.flatnonzero((rows >= begin) & (rows < end))
        colour, contrast, counts, tiles = _MATERIALS[material]
        base = np.array(colour, np.float32) * rng.uniform(0.85, 1.12)
        tone = contrast * (0.9 * broad[inside] + 1.1 * grit[inside])
        tone -= (26 * joints[inside] if tiles else 0)
        at = inside + horizon
        rgb[at] = base + tone[..., None] * (1.0, 1.0, 0.9)
        heat[at] = counts + 40 * broad[inside] + 14 * grit[inside] \
            - (10 * joints[inside] if tiles else 0) - 50 * (1 - rows[inside, None])
        if material == 'asphalt' and begin > 0:
            _paint_road(rgb, heat, at, rng)


def _joints(side: int) -> Field:
    """Return a top view with 1 on the joints between slabs."""
    lines = np.zeros((side, side), np.float32)
    for position in range(0, side, 64):
        lines[position:position + 3] = 1
        lines[:, position:position + 3] = 1
    return lines


def _paint_road(rgb: Field, heat: Field, rows: NDArray[np.intp], rng: np.random.Generator) -> None:
    """Add kerbs and a broken centre line to the rows of a road."""
    first, last = int(rows[0]), int(rows[-1])
    thick = max(2, (last - first) // 10)
    for row, shade in ((first - thick, 172), (last, 182)):
        rgb[row:row + thick] = shade
        rgb[row + thick:row + thick + max(1, thick // 2)] *= 0.6
        heat[row:row + thick] -= 14
    middle, dash = (first + last) // 2, max(12, heat.shape[1] // 24)
    for left in range(int(rng.integers(dash)), heat.shape[1], 2 * dash):
        rgb[middle:middle + max(1, thick // 2), left:left + dash] = 205
