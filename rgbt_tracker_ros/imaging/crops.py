# SPDX-License-Identifier: Apache-2.0
"""Square crops around a target, and the way between crop and image coordinates.

A crop is cut from the RGB image's frame. The plain crop (RGB, or thermal with the same pixels) is
that of the OSTrack family, byte for byte when `border` is `zero`; a thermal image of another size
or view is warped straight into the crop, never as a whole.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.channel_order import is_reversed, reversed_view
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.imaging.registration import scaled_view

Border = Literal['mean', 'zero']
Image = NDArray[np.uint8]

MARGIN = 10.0
"""Smallest side of a clipped box in the published trackers, pixels."""

_LARGEST_PADDED_SIDE = 4096
"""Crops over this side are warped: padding them would take more memory than they are worth."""


@dataclass(frozen=True, slots=True)
class CropGeometry:
    """Where a square crop lies in the image, and to what size it is brought.

    Attributes
    ----------
    center
        Point of the image that is the middle of the crop in box coordinates, pixels.
    side
        Side of the crop in the image, whole pixels.
    out
        Side of the crop as the network gets it, pixels.

    """

    center: tuple[float, float]
    side: int
    out: int

    @classmethod
    def around(cls, box: Box, factor: float, out: int, *, snap: bool = True) -> CropGeometry:
        """Return the crop around a box: ceil(sqrt(w * h) * factor) pixels wide and high.

        Parameters
        ----------
        box
            Target in pixels of the RGB image.
        factor
            Side of the crop over the target's size.
        out
            Side of the crop as the network gets it, pixels.
        snap
            True: coordinates refer to the whole pixels which the crop really holds. False: to the
            box's exact centre, as in the published trackers, which is up to half a pixel off.

        Raises
        ------
        InputError
            If the box is not finite or has no area.

        """
        if not all(map(math.isfinite, box)) or box.w <= 0 or box.h <= 0:
            raise InputError(
                f'cannot crop around box {tuple(box)}: x,y,w,h must be finite, w and h positive')
        exact = cls((box.cx, box.cy), max(math.ceil(math.sqrt(box.w * box.h) * factor), 1), out)
        if not snap:
            return exact
        half = exact.side / 2
        return cls((exact.left + half, exact.top + half), exact.side, out)

    @property
    def left(self) -> int:
        """Return the first column of the crop; halves are rounded to even, as published."""
        return round(self.center[0] - self.side / 2)

    @property
    def top(self) -> int:
        """Return the first row of the crop."""
        return round(self.center[1] - self.side / 2)

    @property
    def resize_factor(self) -> float:
        """Return network pixels per image pixel."""
        return self.out / self.side

    @property
    def region(self) -> Box:
        """Return the image region which the crop shows."""
        return Box(float(self.left), float(self.top), float(self.side), float(self.side))

    def to_image(self, cx: float, cy: float, w: float, h: float) -> Box:
        """Return the image box of a box given by centre and size in fractions of the crop."""
        return Box.from_center(
            self.center[0] + (cx - 0.5) * self.side, self.center[1] + (cy - 0.5) * self.side,
            w * self.side, h * self.side)

    def to_crop(self, box: Box) -> tuple[float, float, float, float]:
        """Return centre x, y, width and height of an image box in fractions of the crop."""
        return (
            0.5 + (box.cx - self.center[0]) / self.side,
            0.5 + (box.cy - self.center[1]) / self.side,
            box.w / self.side, box.h / self.side)

    def to_image_matrix(self) -> NDArray[np.float64]:
        """Return the 3 x 3 map from crop pixel indices to image pixel indices."""
        step = self.side / self.out
        # Indices count pixel centres, so the two grids meet at their corners, index -0.5.
        shift = step / 2 - 0.5
        return np.array([[step, 0, self.left + shift], [0, step, self.top + shift], [0, 0, 1]])


def crop_rgb(pair: ImagePair, geometry: CropGeometry, fill: Sequence[int],
             border: Border = 'mean') -> Image | None:
    """Return the out x out x 3 crop of the RGB image, or None when there is none.

    Parameters
    ----------
    pair
        Images of both cameras.
    geometry
        Where to crop.
    fill
        Colour of what lies outside the image (see `Normalization.fill`).
    border
        `zero` also drops the last row or column of an image which the crop reaches, as the
        published trackers do; `mean` keeps it.

    """
    if pair.rgb is None:
        return None
    return _crop_in_order(pair.rgb, geometry, fill, border)


def crop_thermal(pair: ImagePair, geometry: CropGeometry, fill: Sequence[int],
                 border: Border = 'mean') -> Image | None:
    """Return the out x out (x 3) crop of the thermal image in the RGB frame, or None without one.

    Parameters are those of `crop_rgb`; `fill` holds one grey level (further ones are ignored), or
    three for an image of three channels.
    """
    if pair.thermal is None:
        return None
    if pair.thermal.ndim == 2:
        fill = fill[:1]
    height, width = pair.thermal.shape[:2]
    same_view = pair.thermal_to_rgb is None or np.array_equal(pair.thermal_to_rgb, np.eye(3))
    if same_view and (width, height) == (pair.width, pair.height):
        return _crop_in_order(pair.thermal, geometry, fill, border)
    return _warp(pair.thermal, _rgb_to_thermal(pair) @ geometry.to_image_matrix(),
                 geometry.out, fill)


def clip_box(box: Box, width: int, height: int, margin: float = MARGIN) -> Box:
    """Return the box limited to an image, as the published trackers do.

    The result is always finite, inside the image, and has sides of `margin` or more (or of the
    whole image, where that is smaller). Along an axis that is not finite it spans the image.
    """
    left, span_x = _clip_axis(box.x, box.w, float(width), margin)
    top, span_y = _clip_axis(box.y, box.h, float(height), margin)
    return Box(left, top, span_x, span_y)


def _clip_axis(start: float, length: float, size: float, margin: float) -> tuple[float, float]:
    if not math.isfinite(start + length):
        return 0.0, size
    margin = min(margin, size)
    first = min(max(0.0, start), size - margin)
    last = min(max(margin, start + length), size)
    # Where rounding would push the far edge out, the image's own edge is taken.
    return first, min(max(margin, last - first), size - first)


def _crop_in_order(image: Image, geometry: CropGeometry, fill: Sequence[int],
                   border: Border) -> Image:
    """Crop an image whose channels may lie backwards in memory, which OpenCV would copy."""
    if is_reversed(image):
        return reversed_view(
            _crop_plain(reversed_view(image), geometry, fill[::-1], border))
    return _crop_plain(image, geometry, fill, border)


def _crop_plain(image: Image, geometry: CropGeometry, fill: Sequence[int],
                border: Border) -> Image:
    """Crop, pad and resize as published (OSTrack, lib/train/data/processing_utils.py)."""
    if geometry.side > _LARGEST_PADDED_SIDE:
        return _warp(image, geometry.to_image_matrix(), geometry.out, fill)
    height, width = image.shape[:2]
    left, top, side, out = geometry.left, geometry.top, geometry.side, geometry.out
    if border == 'zero' and left + side >= width:
        width -= 1
    if border == 'zero' and top + side >= height:
        height -= 1
    before = max(-left, 0), max(-top, 0)
    after = max(left + side - width, 0), max(top + side - height, 0)
    if max(before[0] + after[0], before[1] + after[1]) >= side:
        return np.full((out, out, *image.shape[2:]), fill, np.uint8)
    part = image[top + before[1]:top + side - after[1], left + before[0]:left + side - after[0]]
    if any(before) or any(after):
        part = np.asarray(cv2.copyMakeBorder(
            part, before[1], after[1], before[0], after[0], cv2.BORDER_CONSTANT,
            value=_scalar(fill)), np.uint8)
    return np.asarray(cv2.resize(part, (out, out)), np.uint8)


def _warp(image: Image, crop_to_image: NDArray[np.float64], out: int,
          fill: Sequence[int]) -> Image:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if np.array_equal(crop_to_image[2], (0, 0, 1)):
        warped = cv2.warpAffine(image, crop_to_image[:2], (out, out), flags=flags,
                                borderMode=cv2.BORDER_CONSTANT, borderValue=_scalar(fill))
    else:
        warped = cv2.warpPerspective(image, crop_to_image, (out, out), flags=flags,
                                     borderMode=cv2.BORDER_CONSTANT, borderValue=_scalar(fill))
    return np.asarray(warped, np.uint8)


def _rgb_to_thermal(pair: ImagePair) -> NDArray[np.float64]:
    """Return the 3 x 3 map from RGB pixel indices to thermal pixel indices."""
    assert pair.thermal is not None
    if pair.thermal_to_rgb is not None:
        try:
            return np.linalg.inv(np.asarray(pair.thermal_to_rgb, np.float64))
        except np.linalg.LinAlgError:
            raise InputError(
                f'thermal_to_rgb {pair.thermal_to_rgb.tolist()} has no inverse: '
                'give a homography from thermal to RGB pixels') from None
    height, width = pair.thermal.shape[:2]
    return scaled_view((pair.width, pair.height), (width, height))


def _scalar(fill: Sequence[int]) -> tuple[float, ...]:
    return tuple(float(value) for value in fill)
