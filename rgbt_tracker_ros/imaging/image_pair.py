# SPDX-License-Identifier: Apache-2.0
"""One moment as seen by both cameras."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError

CAMERAS = ('rgb', 'thermal')
"""Names of the two cameras: in topics, in the status, in words."""


@dataclass(frozen=True, slots=True)
class ImagePair:
    """An RGB and a thermal image of (nearly) the same moment; either may be missing.

    Attributes
    ----------
    rgb
        H x W x 3 uint8, channels in R, G, B order; None when the camera is missing or unusable.
    thermal
        H' x W' uint8, already normalised (see `imaging.thermal`), or H' x W' x 3 of a depth or
        event camera in its place; None likewise.
    stamp
        Seconds; the stamp of the RGB image, or of the thermal image when RGB is missing.
    thermal_to_rgb
        3 x 3 homography from thermal pixels to RGB pixels, or None when pixels correspond (after
        scaling, should the sizes differ).
    size
        (width, height) of the frame in which boxes are given; taken from `rgb`, else required.

    """

    rgb: NDArray[np.uint8] | None
    thermal: NDArray[np.uint8] | None
    stamp: float = 0.0
    thermal_to_rgb: NDArray[np.float64] | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check shapes and fill in `size`."""
        if self.rgb is None and self.thermal is None:
            raise InputError('an image pair needs an RGB or a thermal image: both are missing')
        _check('rgb', self.rgb, 'H x W x 3')
        _check('thermal', self.thermal, 'H x W', 'H x W x 3')
        if self.rgb is not None:
            object.__setattr__(self, 'size', (self.rgb.shape[1], self.rgb.shape[0]))
        elif self.size is None:
            assert self.thermal is not None
            object.__setattr__(self, 'size', (self.thermal.shape[1], self.thermal.shape[0]))

    @property
    def width(self) -> int:
        """Return the width of the frame in which boxes are given."""
        assert self.size is not None
        return self.size[0]

    @property
    def height(self) -> int:
        """Return the height of the frame in which boxes are given."""
        assert self.size is not None
        return self.size[1]

    @property
    def mode(self) -> str:
        """Return which cameras are present: `rgbt`, `rgb` or `thermal`."""
        if self.rgb is None:
            return 'thermal'
        return 'rgb' if self.thermal is None else 'rgbt'


def _check(name: str, image: NDArray[np.uint8] | None, *wanted: str) -> None:
    if image is None:
        return
    shape: tuple[int, ...] = getattr(image, 'shape', ())
    found = ' x '.join(['H', 'W', *map(str, shape[2:])]) if len(shape) > 1 else ''
    if found not in wanted or getattr(image, 'dtype', None) != np.uint8 or 0 in shape:
        raise InputError(
            f'{name} image has shape {tuple(shape)} and type {getattr(image, "dtype", None)}: '
            f'{" or ".join(wanted)} uint8 is needed'
        )
