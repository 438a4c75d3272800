# SPDX-License-Identifier: Apache-2.0
"""Image pairs: sizes, modes, and what they refuse."""
from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from rgbt_tracker_ros import ImagePair
from rgbt_tracker_ros.errors import InputError

RGB = np.zeros((48, 64, 3), np.uint8)
THERMAL = np.zeros((30, 40), np.uint8)


@pytest.mark.parametrize(('pair', 'mode', 'size'), [
    (ImagePair(RGB, THERMAL), 'rgbt', (64, 48)),
    (ImagePair(RGB, None), 'rgb', (64, 48)),
    (ImagePair(None, THERMAL), 'thermal', (40, 30)),
    (ImagePair(None, THERMAL, size=(640, 480)), 'thermal', (640, 480)),
    (ImagePair(RGB, THERMAL, size=(1, 1)), 'rgbt', (64, 48)),
])
def test_mode_and_size(pair: ImagePair, mode: str, size: tuple[int, int]) -> None:
    assert pair.mode == mode
    assert (pair.width, pair.height) == size == pair.size


def test_images_are_not_copied() -> None:
    pair = ImagePair(RGB, THERMAL, stamp=1.5)
    assert pair.rgb is RGB
    assert pair.thermal is THERMAL
    assert pair.stamp == 1.5


def test_pair_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ImagePair(RGB, THERMAL).stamp = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(('rgb', 'thermal', 'message'), [
    (None, None, 'both are missing'),
    (RGB[..., 0], None, r'rgb image has shape \(48, 64\)'),
    (RGB[..., :2], None, 'H x W x 3 uint8 is needed'),
    (RGB.astype(np.float32), None, 'type float32'),
    (RGB[:0], None, r'shape \(0, 64, 3\)'),
    (RGB, THERMAL[:, :0], r'thermal image has shape \(30, 0\)'),
    (RGB, RGB[:, :, :2], r'thermal image has shape \(48, 64, 2\)'),
    (RGB, THERMAL.astype(np.uint16), 'H x W or H x W x 3 uint8 is needed'),
    ('a.png', None, 'rgb image has shape'),
    ([[1]], None, 'rgb image has shape'),
])
def test_what_is_no_pair_is_refused(rgb: Any, thermal: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImagePair(rgb, thermal)
