# SPDX-License-Identifier: Apache-2.0
"""Small training data: a scene with a warm target, and sets of images with one object each."""
from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.training.image_sets import MASKED_SETS, PAIR_SETS
from rgbt_tracker_ros.training.views import View


def scene(seed: int = 0) -> View:
    """Return a target of 220 grey levels in a thermal image that is darker, and noise as RGB."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)
    thermal = cv2.GaussianBlur(rng.integers(0, 90, (120, 160), dtype=np.uint8), (0, 0), 2)
    mask = np.zeros((120, 160), np.uint8)
    mask[40:80, 60:84] = 255
    thermal[mask > 0] = 220
    return View(rgb, thermal, Box(60, 40, 24, 40), mask)


def write_sets(root: Path) -> Path:
    """Write still sets with masks and registered pairs, laid out as the training data is."""
    for name in MASKED_SETS:
        folder = root / 'train_rgb' / name
        (folder / 'images').mkdir(parents=True)
        (folder / 'masks').mkdir()
        view = scene(len(name))
        cv2.imwrite(str(folder / 'images' / 'a.jpg'), cv2.resize(view.rgb, None, fx=2, fy=2))
        cv2.imwrite(str(folder / 'masks' / 'a.png'), cv2.resize(view.mask, None, fx=2, fy=2))
        with (folder / 'boxes.csv').open('w', newline='') as file:
            csv.writer(file).writerows([
                ('file', 'x', 'y', 'w', 'h', 'mask_frac', 'main_cc'),
                ('a.jpg', 120, 80, 48, 80, 0.1, 1.0)])
    for name in PAIR_SETS:
        for kind, image in (('rgb', scene().rgb), ('thermal', scene().thermal)):
            folder = root / 'train' / name / kind
            folder.mkdir(parents=True)
            cv2.imwrite(str(folder / 'b.png'), image)
    return root
