# SPDX-License-Identifier: Apache-2.0
"""Image messages to arrays, with every field of the message checked.

Cameras' common encodings are read without a copy; others go through cv_bridge where it is
installed. (cv_bridge itself fails with NumPy 2, and accepts a wrong `step` in silence.) Any object
with the fields of sensor_msgs/Image or CompressedImage is read, be it from a topic or from a bag.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.channel_order import reversed_view
from rgbt_tracker_ros.imaging.depth import millimetres
from rgbt_tracker_ros.pipeline.compression import decode

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Layout:
    """Channels, bytes of one value, and cv2's conversion to R, G, B or grey (None = as it is).

    `backwards`: R, G, B is the same memory, read backwards. `kind`: NumPy's letter for the values.
    """

    channels: int
    width: int
    to_rgb: int | None
    to_grey: int | None
    backwards: bool = False
    kind: str = 'u'


_GREY8 = Layout(1, 1, cv2.COLOR_GRAY2RGB, None)
_GREY16 = Layout(1, 2, None, None)
LAYOUTS = {
    'mono8': _GREY8,
    '8UC1': _GREY8,
    'mono16': _GREY16,
    '16UC1': _GREY16,
    'rgb8': Layout(3, 1, None, cv2.COLOR_RGB2GRAY),
    'bgr8': Layout(3, 1, None, cv2.COLOR_BGR2GRAY, backwards=True),
    # 8UC3 names no order; OpenCV's, and so most publishers', is B, G, R.
    '8UC3': Layout(3, 1, None, cv2.COLOR_BGR2GRAY, backwards=True),
    'rgba8': Layout(4, 1, cv2.COLOR_RGBA2RGB, cv2.COLOR_RGBA2GRAY),
    'bgra8': Layout(4, 1, cv2.COLOR_BGRA2RGB, cv2.COLOR_BGRA2GRAY),
}
"""Encodings read without cv_bridge."""

ENCODINGS = tuple(LAYOUTS)

_METRES = '32FC1'
"""Depth in metres (REP 118)."""

_DEPTH = Layout(1, 4, None, None, kind='f')


def rgb_image(message: Any) -> NDArray[np.uint8]:
    """Read a colour (or grey) image message as H x W x 3 uint8 in R, G, B order.

    `rgb8`, `bgr8` and `8UC3` are read-only views of the message (see `imaging.channel_order`): a
    tracker looks at a small part of it only. The others are converted.

    Raises
    ------
    InputError
        If the message contradicts itself, is corrupt, or holds no 8-bit image.

    """
    pixels, encoding = _read(message, 'rgb8')
    if pixels.dtype != np.uint8:
        raise InputError(
            f'rgb image has encoding {encoding}: an 8-bit image is needed; '
            'are the rgb and thermal topics exchanged?')
    return _in_rgb(pixels, LAYOUTS[encoding])


def thermal_image(message: Any, *, colors: bool = False) -> Pixels:
    """Read a message of the second camera as H x W uint8 or uint16 counts.

    Single-channel images are read-only views of the message (16-bit big-endian data are swapped);
    depths in metres (`32FC1`) become millimetres, as depth cameras send them in `16UC1`; colour
    images become grey, unless `colors` keeps them as `rgb_image` reads them.

    Raises
    ------
    InputError
        If the message contradicts itself, is corrupt, or has an unknown encoding.

    """
    if getattr(message, 'encoding', '') == _METRES:
        return millimetres(_view(message, _DEPTH))
    pixels, encoding = _read(message, 'mono16')
    layout = LAYOUTS[encoding]
    if colors and layout.channels > 1:
        return _in_rgb(pixels, layout)
    counts: Pixels = pixels if layout.to_grey is None else cv2.cvtColor(pixels, layout.to_grey)
    return counts


def _in_rgb(pixels: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    if layout.to_rgb is not None:
        return np.asarray(cv2.cvtColor(pixels, layout.to_rgb), np.uint8)
    return reversed_view(pixels) if layout.backwards else pixels


def raw_image(message: Any) -> Pixels | None:
    """Return a view of an image message as it is; None when that needs decoding or cv_bridge.

    Raises
    ------
    InputError
        If the message contradicts itself.

    """
    layout = None if hasattr(message, 'format') else LAYOUTS.get(message.encoding)
    return None if layout is None else _view(message, layout)


def _read(message: Any, fallback: str) -> tuple[Any, str]:
    """Return the pixels and the name, in `LAYOUTS`, of their layout."""
    if hasattr(message, 'format'):          # CompressedImage
        return decode(message.data, message.format)
    layout = LAYOUTS.get(message.encoding)
    if layout is None:
        return _through_cv_bridge(message, fallback)
    return _view(message, layout), message.encoding


def _view(message: Any, layout: Layout) -> Any:
    height, width, step = message.height, message.width, message.step
    row = width * layout.channels * layout.width
    if height == 0 or width == 0:
        raise InputError(f'image message is empty: {width}x{height} pixels')
    if step < row:
        raise InputError(
            f'image message has step = {step}: {width} pixels of {message.encoding} need at least '
            f'{row} bytes a row')
    if len(message.data) != step * height:
        raise InputError(
            f'image message holds {len(message.data)} bytes: height {height} x step {step} = '
            f'{step * height} are needed')
    shape: tuple[int, ...] = (height, width)
    strides: tuple[int, ...] = (step, layout.channels * layout.width)
    if layout.channels > 1:
        shape, strides = (*shape, layout.channels), (*strides, 1)
    order = '>' if message.is_bigendian else '<'
    view: NDArray[Any] = np.ndarray(shape, f'{order}{layout.kind}{layout.width}', message.data,
                                    strides=strides)
    view.flags.writeable = False
    if view.dtype.isnative:
        return view
    return view.astype(view.dtype.newbyteorder('='))


def _through_cv_bridge(message: Any, encoding: str) -> tuple[Any, str]:
    known = f'accepted are {", ".join(ENCODINGS)}'
    try:
        from cv_bridge import CvBridge
    except Exception as error:
        raise InputError(
            f'image message has encoding {message.encoding!r}: {known}; others need cv_bridge, '
            f'which cannot be used here ({error})') from error
    try:
        pixels = CvBridge().imgmsg_to_cv2(message, desired_encoding=encoding)
    except Exception as error:
        raise InputError(
            f'image message has encoding {message.encoding!r}: {known}; cv_bridge cannot read it '
            f'either ({error})') from error
    return pixels, encoding
