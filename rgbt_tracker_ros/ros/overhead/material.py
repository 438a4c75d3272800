# SPDX-License-Identifier: Apache-2.0
"""Images to play: a bright, warm target that swings, in formats that cost no decoding."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

SIDE = 48
"""Side of the target, pixels of the RGB image."""

_FRAMES = 30
_SWING = 40


def target_box(rgb_size: tuple[int, int]) -> list[float]:
    """Return x, y, w, h of the target in the first frame, pixels of the RGB image."""
    return [rgb_size[0] / 2 - SIDE / 2, rgb_size[1] / 2 - SIDE / 2, float(SIDE), float(SIDE)]


def write_frames(folder: Path, rgb_size: tuple[int, int], thermal_size: tuple[int, int]) -> None:
    """Write a second of frames into the folders `rgb` and `thermal`.

    Parameters
    ----------
    folder
        An empty folder.
    rgb_size, thermal_size
        (width, height), pixels.

    """
    random = np.random.default_rng(0)
    rgb = random.integers(20, 70, (*rgb_size[::-1], 3), np.uint8)
    thermal = random.integers(7000, 7100, thermal_size[::-1]).astype(np.uint16)
    for kind, suffix, ground, level in (('rgb', 'bmp', rgb, 230), ('thermal', 'pgm', thermal,
                                                                   7900)):
        (folder / kind).mkdir()
        height, width = ground.shape[:2]
        x_scale, y_scale = width / rgb_size[0], height / rgb_size[1]
        for number in range(_FRAMES):
            x, y, w, h = target_box(rgb_size)
            x += _SWING * np.sin(2 * np.pi * number / _FRAMES)
            shown = ground.copy()
            shown[round(y * y_scale):round((y + h) * y_scale),
                  round(x * x_scale):round((x + w) * x_scale)] = level
            cv2.imwrite(str(folder / kind / f'{number:03d}.{suffix}'), shown)
