# SPDX-License-Identifier: Apache-2.0
"""JPEG and PNG images of CompressedImage messages.

The size is read from the file's own header and checked before anything is decoded, so that a
corrupt or hostile message cannot make the decoder take all memory.
"""
from __future__ import annotations

from array import array
from typing import Any

import cv2
import numpy as np

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_file import JPEG, PNG, check_size, image_size, jpeg_frame


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
    _check(raw, name)
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


def _check(raw: memoryview, name: str) -> None:
    """Raise InputError unless the image is whole and of a size that is decoded.

    Without its end a decoder would fill it up with grey or black.
    """
    start = bytes(raw[:8])
    if start != PNG and not start.startswith(JPEG):
        raise InputError(
            f'compressed image ({name!r}, {len(raw)} bytes) is neither JPEG nor PNG: use the '
            'transport "compressed" with one of these')
    try:
        check_size(*image_size(raw))
    except InputError as error:
        raise InputError(f'compressed image ({name!r}, {len(raw)} bytes) {error}') from None
    whole = b'IEND' in bytes(raw[-1024:]) if start == PNG \
        else b'\xff\xd9' in bytes(raw[jpeg_frame(raw):])
    if not whole:
        raise InputError(f'compressed image ({name!r}, {len(raw)} bytes) is cut off')
