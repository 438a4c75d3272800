# SPDX-License-Identifier: Apache-2.0
"""Laying patches over frames, and keeping account of who covers whom."""
from __future__ import annotations

import cv2
import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.synthetic.figure import Canvas, Patch
from rgbt_tracker_ros.synthetic.textures import Field, Image, as_image


def overlap(left: int, top: int, patch: tuple[int, int], frame: tuple[int, int]) -> bool:
    """Tell whether a patch of (width, height) at (left, top) meets the frame."""
    return (left < frame[0] and top < frame[1] and left + patch[0] > 0 and top + patch[1] > 0)


def _windows(
    patch: Patch, shape: tuple[int, ...],
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Return where patch and frame overlap, in the frame and in the patch; None = nowhere."""
    height, width = patch.cover.shape
    top, left = max(patch.top, 0), max(patch.left, 0)
    bottom, right = min(patch.top + height, shape[0]), min(patch.left + width, shape[1])
    if top >= bottom or left >= right:
        return None
    return ((slice(top, bottom), slice(left, right)),
            (slice(top - patch.top, bottom - patch.top),
             slice(left - patch.left, right - patch.left)))


def lay(frame: Image | Field, patch: Patch) -> None:
    """Lay a patch over the frame, in place."""
    windows = _windows(patch, frame.shape)
    if windows is None:
        return
    at, part = windows
    if frame.ndim == 2:
        frame[at] = frame[at] * (1 - patch.cover[part] / 255.0) + patch.paint[part]
        return
    gap = cv2.merge([255 - patch.cover[part]] * 3)
    under = cv2.multiply(frame[at], gap, scale=1 / 255)
    frame[at] = cv2.add(under, patch.paint[part])


def own(owners: Image, patch: Patch, owner: int) -> None:
    """Note whose pixels those under the patch are; owners under 1 are walls (nobody)."""
    windows = _windows(patch, owners.shape)
    if windows is not None:
        at, part = windows
        owners[at][patch.cover[part] > 127] = max(owner, 0)


def outline(patch: Patch, size: tuple[int, int]) -> tuple[Box | None, int]:
    """Return the box of a silhouette inside the image, and its whole area in pixels."""
    solid = patch.cover > 127
    area = int(np.count_nonzero(solid))
    windows = _windows(patch, (size[1], size[0]))
    if windows is None:
        return None, area
    inside = solid[windows[1]]
    if np.count_nonzero(inside) < 4:
        return None, area
    x, y, w, h = cv2.boundingRect(np.asarray(inside, np.uint8))
    at = windows[0]
    return Box(float(x + at[1].start), float(y + at[0].start), float(w), float(h)), area


def cast_shadow(frame: Image, canvas: Canvas, height: float) -> None:
    """Darken the ground round the feet."""
    width, tall = canvas.size[0], max(4, round(0.14 * height))
    mask = np.zeros((tall, width), np.uint8)
    cv2.ellipse(mask, (width // 2, tall // 2), (max(2, round(0.30 * width)), max(1, tall // 4)),
                0, 0, 360, 150, -1)
    soft = as_image(cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.022 * height)))
    shadow = Patch(np.zeros((tall, width, 3), np.uint8), soft, canvas.left,
                   canvas.top + canvas.size[1] - tall // 2 - round(0.08 * height))
    lay(frame, shadow)
