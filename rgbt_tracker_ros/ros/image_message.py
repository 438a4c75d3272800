# SPDX-License-Identifier: Apache-2.0
"""Arrays to image messages."""
from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.pipeline.conversion import LAYOUTS


def image_message(pixels: NDArray[Any], encoding: str, header: Header) -> Image:
    """Make an image message; `header` is used as it is.

    The array goes in by one copy of its memory (`array.frombytes`): any other way of filling
    `Image.data` checks or converts each byte.

    Raises
    ------
    InputError
        If the array's shape or type does not fit `encoding`.

    """
    layout = LAYOUTS.get(encoding)
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
