# SPDX-License-Identifier: Apache-2.0
"""Trees and the far line of woods."""
from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.synthetic.textures import Field, fractal_noise, smooth_noise


def paint_treeline(
    rgb: Field, heat: Field, foot: int, horizon: int, rng: np.random.Generator,
) -> None:
    """Paint woods far away, from an uneven upper edge down to row `foot`."""
    height, width = heat.shape
    crowns = fractal_noise(1, width, 14, 5, rng, 0.6)[0]
    tops = horizon - height * (0.05 + 0.16 * crowns)
    leaves = fractal_noise(foot, width, 60, 4, rng, 0.7)
    clumps = fractal_noise(foot, width, 18, 3, rng)
    rows = np.arange(foot, dtype=np.float32)[:, None]
    edge = np.clip((rows - tops[None]) / 2.5 + 6 * (leaves - 0.5), 0, 1)[..., None]
    season = rng.uniform((70, 88, 46), (120, 112, 70))
    green = season * (0.45 + 0.9 * clumps * leaves + 0.25 * clumps)[..., None]
    haze = np.array((170, 180, 186), np.float32)
    rgb[:foot] += edge * (0.72 * green + 0.28 * haze - rgb[:foot])
    cool = -70 + 50 * (clumps - 0.5) + 35 * (leaves - 0.5)
    heat[:foot] += edge[..., 0] * (cool - heat[:foot])


def paint_tree(
    rgb: Field, heat: Field, root: tuple[float, float], size: float, rng: np.random.Generator,
) -> None:
    """Paint a tree `size` pixels tall whose trunk stands at `root` (x, y)."""
    x, y = root
    left, right = round(x - 0.45 * size), round(x + 0.45 * size)
    top, bottom = round(y - size), round(y)
    height, width = bottom - top, right - left
    trunk, crown = np.zeros((2, height, width), np.uint8)
    middle, girth = width / 2, 0.05 * size
    outline = [(middle - girth, height), (middle - 0.4 * girth, 0.3 * height),
               (middle + 0.4 * girth, 0.3 * height), (middle + girth, height)]
    cv2.fillPoly(trunk, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
    for _ in range(26):
        angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.27) * size
        centre = (round(middle + 1.1 * reach * np.cos(angle)),
                  round(0.36 * height + reach * np.sin(angle)))
        cv2.circle(crown, centre, round(size * rng.uniform(0.06, 0.13)), 255, -1)
    leaves = fractal_noise(height, width, size / 5, 3, rng, 0.75)
    clumps = smooth_noise(height, width, 9, rng)
    cover = np.asarray(cv2.GaussianBlur(crown, (0, 0), size / 40), np.float32) / 255
    cover = np.clip((cover + 0.9 * (leaves - 0.5) - 0.42) * 5, 0, 1)
    light = np.linspace(1.2, 0.65, height, dtype=np.float32)[:, None]
    green = rng.uniform((62, 84, 34), (118, 118, 60)) \
        * (light * (0.4 + 0.7 * leaves + 0.4 * clumps))[..., None]
    bark = rng.uniform((62, 52, 42), (98, 84, 70)) * (0.6 + 0.7 * leaves[..., None])
    warm = np.asarray(trunk, np.float32) / 255
    _blend(rgb, bark, warm, left, top)
    _blend(rgb, green, cover, left, top)
    _blend(heat, np.full_like(leaves, 12.0) + 12 * leaves, warm, left, top)
    _blend(heat, -55 + 40 * (leaves - 0.5) + 40 * (clumps - 0.5), cover, left, top)


def _blend(
    target: Field, patch: NDArray[np.floating], cover: NDArray[np.floating], left: int, top: int,
) -> None:
    """Blend a patch into the target where they overlap."""
    height, width = target.shape[:2]
    rows = slice(max(0, -top), min(cover.shape[0], height - top))
    columns = slice(max(0, -left), min(cover.shape[1], width - left))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    at = (slice(rows.start + top, rows.stop + top), slice(columns.start + left,
                                                          columns.stop + left))
    weight = cover[rows, columns]
    weight = weight[..., None] if target.ndim == 3 else weight
    target[at] += weight * (patch[rows, columns] - target[at])
