# SPDX-License-Identifier: Apache-2.0
"""Image messages to arrays and back, with every field of the message checked.

Cameras' common encodings are read without a copy; others go through cv_bridge where it is
installed. (cv_bridge itself fails with NumPy 2, and accepts a wrong `step` in silence.)
"""
from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.ros.compression import decode

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class _Encoding:
    """Channels, bytes of one value, and cv2's conversion to R, G, B or grey (None = as it is)."""

    channels: int
    width: int
    to_rgb: int | None
    to_grey: int | None


_GREY8 = _Encoding(1, 1, cv2.COLOR_GRAY2RGB, None)
_GREY16 = _Encoding(1, 2, None, None)
_ENCODINGS = {
    'mono8': _GREY8,
    '8UC1': _GREY8,
    'mono16': _GREY16,
    '16UC1': _GREY16,
    'rgb8': _Encoding(3, 1, None, cv2.COLOR_RGB2GRAY),
    'bgr8': _Encoding(3, 1, cv2.COLOR_BGR2RGB, cv2.COLOR_BGR2GRAY),
    # 8UC3 names no order; OpenCV's, and so most publishers', is B, G, R.
    '8UC3': _Encoding(3, 1, cv2.COLOR_BGR2RGB, cv2.COLOR_BGR2GRAY),
    'rgba8': _Encoding(4, 1, cv2.COLOR_RGBA2RGB, cv2.COLOR_RGBA2GRAY),
    'bgra8': _Encoding(4, 1, cv2.COLOR_BGRA2RGB, cv2.COLOR_BGRA2GRAY),
}
ENCODINGS = tuple(_ENCODINGS)
"""Encodings read without cv_bridge."""


def rgb_image(message: Image | CompressedImage) -> NDArray[np.uint8]:
    """Read a colour (or grey) image message as H x W x 3 uint8 in R, G, B order.

    `rgb8` is a read-only view of the message; the others are converted.

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
    code = _ENCODINGS[encoding].to_rgb
    rgb: NDArray[np.uint8] = pixels if code is None else cv2.cvtColor(pixels, code)
    return rgb


def thermal_image(message: Image | CompressedImage) -> Pixels:
    """Read a thermal image message as H x W uint8 or uint16 counts.

    Single-channel images are read-only views of the message (16-bit big-endian data are swapped);
    colour images become grey.

    Raises
    ------
    InputError
        If the message contradicts itself, is corrupt, or has an unknown encoding.

    """
    pixels, encoding = _read(message, 'mono16')
    code = _ENCODINGS[encoding].to_grey
    counts: Pixels = pixels if code is None else cv2.cvtColor(pixels, code)
    return counts


def image_message(pixels: NDArray[Any], encoding: str, header: Header) -> Image:
    """Make an image message; `header` is used as it is.

    The array goes in by one copy of its memory (`array.frombytes`): any other way of filling
    `Image.data` checks or converts each byte.

    Raises
    ------
    InputError
        If the array's shape or type does not fit `encoding`.

    """
    layout = _ENCODINGS.get(encoding)
    shape = (*pixels.shape, 1) if pixels.ndim == 2 else pixels.shape
    if layout is None or len(shape) != 3 or shape[2] != layout.channels \
            or pixels.dtype != np.dtype(f'u{layout.width}'):
        raise InputError(
            f'an array of shape {pixels.shape} and type {pixels.dtype} does not fit the encoding '
            f'{encoding!r}')
    little = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder('<'))
    message = Image(header=header, height=shape[0], width=shape[1], encoding=encoding,
                    is_bigendian=0, step=shape[1] * layout.channels * layout.width)
    data = array('B')
    data.frombytes(little.data.cast('B'))
    message.data = data
    return message


def _read(message: Image | CompressedImage, fallback: str) -> tuple[Any, str]:
    """Return the pixels and the name, in `_ENCODINGS`, of their layout."""
    if isinstance(message, CompressedImage):
        return decode(message.data, message.format)
    layout = _ENCODINGS.get(message.encoding)
    if layout is None:
        return _through_cv_bridge(message, fallback)
    return _view(message, layout), message.encoding


def _view(message: Image, layout: _Encoding) -> Pixels:
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
    view: NDArray[Any] = np.ndarray(shape, f'{order}u{layout.width}', message.data,
                                    strides=strides)
    view.flags.writeable = False
    if view.dtype.isnative:
        return view
    return view.astype(view.dtype.newbyteorder('='))


def _through_cv_bridge(message: Image, encoding: str) -> tuple[Any, str]:
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
