# SPDX-License-Identifier: Apache-2.0
"""Images whose channels are read backwards: B, G, R in memory, R, G, B to those who index it."""
from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Pixel = TypeVar('Pixel', bound=np.generic)


def reversed_view(image: NDArray[Pixel]) -> NDArray[Pixel]:
    """Return a view of an H x W x C image with its channels in the other order."""
    return image[:, :, ::-1]


def is_reversed(image: NDArray[Pixel]) -> bool:
    """Tell whether an image is a view against the order of memory, as that of a bgr8 message.

    OpenCV copies such an image before each use: what does not care for the order should give it
    the view of the view, or cut out what it needs first.
    """
    return image.ndim == 3 and image.strides[2] < 0


def in_memory_order(image: NDArray[Pixel]) -> NDArray[Pixel]:
    """Return a view with the channels as they lie in memory, for what treats them alike."""
    return reversed_view(image) if is_reversed(image) else image
