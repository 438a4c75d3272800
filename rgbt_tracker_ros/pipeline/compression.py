# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG images of CompressedImage messages.

The size is read from the file's own header and checked before anything is decoded, so that a
corrupt or hostile message cannot make the decoder take all memory.
"""
from __future__ import annotations

from array import array
import struct
from typing import Any

import cv2
import numpy as np

from rgbt_tracker_ros.errors import InputError

MAX_PIXELS = 64_000_000
"""Largest image that is decoded: 8000 x 8000 pixels."""

_PNG = b'\x89PNG\r\n\x1a\n'
_JPEG = b'\xff\xd8\xff'
_STANDALONE = {0x01, *range(0xD0, 0xD9)}                            # JPEG markers without a body
_FRAME_HEADERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}        # SOF0 .. SOF15


def decode(data: bytes | array[int], name: str) -> tuple[Any, str]:
    """Decode JPEG or PNG bytes.

    Parameters
    ----------
    data
        The file's bytes.
    name
        What the message calls its format, for error messages.

    Returns
    -------
    The pixels (H x W or H x W x channels) and their ROS encoding.

    Raises
    ------
    InputError
        If the data are neither JPEG nor PNG, corrupt, cut off or too large.

    """
    raw = memoryview(data)
    width, height = _size(raw, name)
    if width == 0 or height == 0 or width * height > MAX_PIXELS:
        raise InputError(
            f'compressed image ({name!r}) claims {width}x{height} pixels: 1 to {MAX_PIXELS} '
            'pixels are accepted')
    try:
        pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise InputError(f'compressed image ({name!r}) is corrupt: {error.err}') from error
    if pixels is None:
        raise InputError(f'compressed image ({name!r}, {len(raw)} bytes) is corrupt')
    depth = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16}.get(pixels.dtype)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    encoding = {(8, 1): 'mono8', (16, 1): 'mono16', (8, 3): 'bgr8', (8, 4): 'bgra8'}.get(
        (depth or 0, channels))
    if encoding is None:
        raise InputError(
            f'compressed image ({name!r}) has {channels} channels of {pixels.dtype}: 8-bit grey, '
            'colour or colour with alpha, or 16-bit grey are accepted')
    return pixels, encoding


def _size(raw: memoryview, name: str) -> tuple[int, int]:
    """Read (width, height) from a JPEG or PNG header."""
    start = bytes(raw[:8])
    try:
        if start == _PNG:
            return _png_size(raw)
        if start.startswith(_JPEG):
            return _jpeg_size(raw)
    except (struct.error, IndexError):
        raise InputError(f'compressed image ({name!r}, {len(raw)} bytes) is cut off') from None
    raise InputError(
        f'compressed image ({name!r}, {len(raw)} bytes) is neither JPEG nor PNG: use the '
        'transport "compressed" with one of these')


def _png_size(raw: memoryview) -> tuple[int, int]:
    """Read the IHDR chunk; IndexError without an IEND chunk (decoders fill up with black)."""
    width, height = struct.unpack_from('>II', raw, 16)
    if b'IEND' not in bytes(raw[-1024:]):
        raise IndexError
    return width, height


def _jpeg_size(raw: memoryview) -> tuple[int, int]:
    """Walk to the frame header (ITU T.81, B.2.2); IndexError without an end-of-image marker."""
    position = 2
    while True:
        if raw[position] != 0xFF:
            raise IndexError
        marker = raw[position + 1]
        if marker == 0xFF:                # fill byte
            position += 1
        elif marker in _STANDALONE:
            position += 2
        elif marker in _FRAME_HEADERS:
            height, width = struct.unpack_from('>HH', raw, position + 5)
            if b'\xff\xd9' not in bytes(raw[position:]):     # decoders fill up with grey
                raise IndexError
            return width, height
        else:
            position += 2 + max(struct.unpack_from('>H', raw, position + 2)[0], 2)
