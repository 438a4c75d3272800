# SPDX-License-Identifier: Apache-2.0
"""How much a camera has to say: a number from 0 to 1 for each image, by itself and at once.

reliability = visibility * exposed * recent

visibility
    Do contours stand out from noise and from mere haze? `s` is the contrast between neighbouring
    cells of four pixels that one place in ten exceeds, `n` the sensor noise, both in grey levels:
    visibility = s^4 / (s^4 + (3^2 + (0.6 n)^2)^2), where what noise adds to s is taken off.
    Smoke and fog take the contours away, darkness also raises the noise: both end near 0.
exposed
    Share of an RGB image that is not white: glare. A normalised thermal image is white where it
    is hottest, which is no fault, so this factor is 1 there.
recent
    Share of images without fault in about the last second. The reliability of a camera whose
    present image has a fault, or that is silent, is 0.

It is measured around the target, over the region in which a tracker searches, or over the whole
image without a target. That the target itself may be as warm as what is behind it is another
matter: the tracker's score tells that.
"""
from __future__ import annotations

from dataclasses import replace
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.health import Health

REGION_FACTOR = 4.0
"""Side of the region that is measured over the target's size."""

_SMALLEST_REGION = 48
_ROWS, _SAMPLES = 24, 4000
"""Rows that are measured at most, and pixels in them: more would not change the result."""

_CELL = 4
_TOP_SHARE = 0.9
_HAZE = 3.0
"""Contrast, grey levels, at which half of the visibility is gone."""

_NOISE_WEIGHT = 0.6
_MEDIAN_OF_NOISE = 0.6745 * math.sqrt(6.0)
"""Median of |a - 2b + c| of neighbouring pixels over the deviation of white noise."""

_CONTRAST_OF_NOISE = 1.645 * math.sqrt(2.0 / _CELL)
"""What `_TOP_SHARE` of the cell differences stay under, over the deviation of white noise."""

_WHITE = 250
_MEMORY_S = 1.0


class Reliability:
    """Follows the reliability of one camera from image to image."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the camera's past."""
        self._recent = 1.0
        self._value = 0.0
        self._stamp = -math.inf

    def rate(self, health: Health, image: NDArray[np.uint8] | None, stamp: float,
             target: Box | None = None, view: tuple[int, int] | None = None,
             to_rgb: NDArray[np.float64] | None = None) -> Health:
        """Return the camera's health with its reliability now.

        Parameters
        ----------
        health
            What was found about the camera.
        image
            8-bit RGB or normalised thermal image of this moment, None when there is none.
        stamp
            Seconds.
        target
            Where the target was last, pixels of the RGB image; None = measure the whole image.
        view
            (width, height) of the RGB image, None while it is not known.
        to_rgb
            3 x 3 homography from this image's pixels to RGB pixels; None = the same view, scaled.

        """
        if image is None and health.usable:
            # Between two images of a slow camera all is as it was.
            return replace(health, reliability=self._value)
        fit = health.fit and image is not None
        keep = math.exp(-max(stamp - self._stamp, 0.0) / _MEMORY_S)
        self._recent = keep * self._recent + (1.0 - keep) * fit
        self._stamp = stamp
        self._value = 0.0
        if fit and image is not None:
            region = None
            if target is not None and view is not None:
                region = search_region(target, view, image, to_rgb)
            self._value = visibility(image, region) * min(self._recent, 1.0)
        return replace(health, reliability=self._value)


def search_region(box: Box, view: tuple[int, int], image: NDArray[Any],
                  to_rgb: NDArray[np.float64] | None = None) -> Box:
    """Return the region around a target, in pixels of an image.

    Parameters
    ----------
    box
        Target in pixels of the RGB image.
    view
        (width, height) of the RGB image.
    image
        RGB or thermal image.
    to_rgb
        3 x 3 homography from this image's pixels to RGB pixels; None = the same view, scaled.

    """
    side = REGION_FACTOR * math.sqrt(box.w * box.h)
    wanted = Box.from_center(box.cx, box.cy, side, side)
    if to_rgb is None:
        x, y = image.shape[1] / view[0], image.shape[0] / view[1]
        return Box(wanted.x * x, wanted.y * y, wanted.w * x, wanted.h * y)
    corners = np.array([(wanted.x, wanted.y, 1.0), (wanted.x + side, wanted.y, 1.0),
                        (wanted.x, wanted.y + side, 1.0),
                        (wanted.x + side, wanted.y + side, 1.0)])
    mapped = np.linalg.solve(to_rgb, corners.T)
    with np.errstate(divide='ignore', invalid='ignore'):
        points = mapped[:2] / mapped[2]
    if not np.isfinite(points).all():
        return Box(0.0, 0.0, float(image.shape[1]), float(image.shape[0]))
    (left, top), (right, bottom) = points.min(axis=1).tolist(), points.max(axis=1).tolist()
    return Box(left, top, right - left, bottom - top)


def visibility(image: NDArray[np.uint8], region: Box | None = None) -> float:
    """Return how well contours can be seen in an image, 0..1, white parts left out.

    Parameters
    ----------
    image
        H x W x 3 (RGB) or H x W (normalised thermal), uint8.
    region
        Where to look, pixels; None for the whole image.

    """
    pixels = _rows(image, region)
    cells = pixels.shape[1] // _CELL
    if cells < 3 or not pixels.shape[0]:
        return 0.0
    bends = np.abs(pixels[:, :-2] - 2 * pixels[:, 1:-1] + pixels[:, 2:])
    noise = _quantile(bends, 0.5) / _MEDIAN_OF_NOISE
    used = pixels[:, :cells * _CELL]
    sums = sum(used[:, part::_CELL] for part in range(_CELL))
    assert isinstance(sums, np.ndarray)
    top = _quantile(np.abs(sums[:, 2:] - sums[:, :-2]), _TOP_SHARE) / _CELL
    signal = max(top * top - (_CONTRAST_OF_NOISE * noise) ** 2, 0.0) ** 2
    hidden = (_HAZE ** 2 + (_NOISE_WEIGHT * noise) ** 2) ** 2
    exposed = 1.0
    if image.ndim == 3:
        exposed -= float(np.count_nonzero(pixels >= _WHITE)) / pixels.size
    return exposed * signal / (signal + hidden)


def _rows(image: NDArray[np.uint8], region: Box | None) -> NDArray[np.int16]:
    """Return evenly spread rows of the region; green stands for the colours."""
    height, width = image.shape[:2]
    left, right, top, bottom = 0, width, 0, height
    if region is not None:
        left, right = _span(region.x, region.w, width)
        top, bottom = _span(region.y, region.h, height)
    rows = min(max(_SAMPLES // max(right - left, 1), 1), _ROWS)
    step = max((bottom - top) // rows, 1)
    chosen = image[top + step // 2:bottom:step, left:right]
    return np.asarray(chosen if chosen.ndim == 2 else chosen[:, :, 1], np.int16)


def _span(start: float, length: float, limit: int) -> tuple[int, int]:
    """Return first and end pixel of a stretch that lies inside the image and is not tiny."""
    half = max(length, _SMALLEST_REGION) / 2
    middle = min(max(start + length / 2, 0.0), float(limit))
    first = min(max(math.floor(middle - half), 0), max(limit - _SMALLEST_REGION, 0))
    return first, max(min(math.ceil(middle + half), limit), min(first + _SMALLEST_REGION, limit))


def _quantile(values: NDArray[Any], share: float) -> float:
    """Return a quantile of whole numbers from 0 on, as if each stood for its neighbourhood."""
    counts = np.bincount(values.ravel())
    sums = np.cumsum(counts)
    wanted = share * float(sums[-1])
    index = int(np.searchsorted(sums, wanted))
    before = float(sums[index - 1]) if index else 0.0
    low = max(index - 0.5, 0.0)
    return low + (index + 0.5 - low) * (wanted - before) / float(counts[index])
