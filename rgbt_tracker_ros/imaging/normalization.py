# SPDX-License-Identifier: Apache-2.0
"""8-bit crops to the float tensors a network takes."""
from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.channel_order import in_memory_order, is_reversed
from rgbt_tracker_ros.imaging.crops import Border


@dataclass(frozen=True)
class Normalization:
    """Mean and standard deviation, of values 0..1, that a model's inputs are normalised with.

    Attributes
    ----------
    mean, std
        One value per channel of the network's input: three for RGB; one, or three (a grey level
        is repeated), for thermal.

    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    _tables: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the values and make the look-up tables, C x 256."""
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        if mean.shape not in ((1,), (3,)) or mean.shape != std.shape:
            raise InputError(f'normalisation mean {self.mean} and std {self.std} must both have '
                             '1 or 3 values')
        if not np.isfinite(mean).all() or not np.isfinite(std).all() or (std <= 0).any():
            raise InputError(f'normalisation mean {self.mean} and std {self.std} must be finite '
                             'and std positive')
        # The published order of operations in float32, so that results are equal bit by bit.
        grey = np.arange(256, dtype=np.float32) / np.float32(255)
        object.__setattr__(self, 'mean', tuple(map(float, self.mean)))
        object.__setattr__(self, 'std', tuple(map(float, self.std)))
        object.__setattr__(self, '_tables', (grey - mean[:, None]) / std[:, None])

    @property
    def channels(self) -> int:
        """Return the number of channels of the network's input."""
        return len(self.mean)

    def fill(self, border: Border) -> tuple[int, ...]:
        """Return the 8-bit colour of what lies outside the image."""
        if border == 'zero':
            return (0,) * self.channels
        return tuple(min(max(round(value * 255), 0), 255) for value in self.mean)

    def apply(self, crop: NDArray[np.uint8] | None, size: int,
              out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Normalise a crop.

        Parameters
        ----------
        crop
            size x size x 3, or size x size (repeated where three channels are wanted); None, for
            a modality that is missing, gives zeros, which is the mean colour.
        size
            Side of the crop, pixels.
        out
            1 x C x size x size, contiguous: written to and returned; None makes a new one.

        Returns
        -------
        1 x C x size x size float32.

        """
        if out is None:
            out = np.empty((1, self.channels, size, size), np.float32)
        if crop is None:
            out.fill(0)
            return out
        if crop.shape[2:] not in ((), (self.channels,)):
            raise InputError(f'an image of {crop.shape[2]} channels does not fit a network that '
                             f'takes {self.channels}: give a grey image, or a model that takes 3')
        planes = [crop] * self.channels if crop.ndim == 2 else cv2.split(in_memory_order(crop))
        if is_reversed(crop):
            planes = planes[::-1]
        for channel in range(self.channels):
            cv2.LUT(planes[channel], self._tables[channel], out[0, channel])
        return out
