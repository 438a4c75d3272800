# SPDX-License-Identifier: Apache-2.0
"""Square crops of many images of the bank at once, as cv2.warpAffine cuts them one by one."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from rgbt_tracker_ros.training.batched.bank import Bank
from rgbt_tracker_ros.training.batched.subsets import upload

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


class Cuts(NamedTuple):
    """What is cut, on the device.

    Attributes
    ----------
    images
        N x 4 int64: first byte, pixels from row to row, width and height of the image.
    places
        N x 4 float32: left, top, and the steps right and down from pixel to pixel of the crop.

    """

    images: Tensor
    places: Tensor

    def of(self, rows: Tensor) -> Cuts:
        """Return some of the cuts."""
        return Cuts(self.images[rows], self.places[rows])


def cuts(
    bank: Bank, images: Numbers, places: Floats, windows: Numbers | None = None,
) -> Cuts:
    """Tell the device what to cut.

    Parameters
    ----------
    bank
        Holds the images.
    images
        N image numbers.
    places
        N x 4: left, top (of the window), and the steps right and down in pixels of the image.
    windows
        N x 3: left, top and side of the squares that count as the images; None: all of them.

    """
    chosen = bank.tables['images'][images]
    rows = np.stack([chosen['offset'], chosen['width'], chosen['width'], chosen['height']], 1)
    if windows is not None:
        left, top, side = windows.T
        rows[:, 0] += (top * chosen['width'] + left) * chosen['channels']
        rows[:, 2] = rows[:, 3] = side
    device = bank.pixels.device
    return Cuts(upload(rows, device), upload(places, device))


def cut(
    bank: Bank, what: Cuts, out: int, channels: int, fill: tuple[int, ...],
) -> Tensor:
    """Cut crops with bilinear interpolation.

    Parameters
    ----------
    bank
        Holds the images.
    what
        N cuts of images that have these channels.
    out
        Side of the crops.
    channels
        Of the images.
    fill
        What lies outside the images.

    Returns
    -------
    N x channels x out x out float32, 0..255.

    """
    values, inside = extended(bank, what, out, channels)
    colour = upload(np.array(fill, np.float32), values.device)[:, None, None]
    return torch.lerp(colour, values, inside)


def extended(bank: Bank, what: Cuts, out: int, channels: int) -> tuple[Tensor, Tensor]:
    """Cut crops of images that go on outside with their nearest pixels.

    Returns
    -------
    values
        N x channels x out x out float32, 0..255.
    inside
        N x 1 x out x out: 1 inside the images, falling to 0 in a pixel beyond them.

    """
    offset, stride, lengths = what.images[:, 0], what.images[:, 1], what.images[:, 2:, None]
    grid = torch.arange(out, dtype=torch.float32, device=bank.pixels.device)
    at = torch.addcmul(what.places[:, :2, None], what.places[:, 2:, None], grid)
    within = torch.minimum(at + 1.0, lengths - at).clamp_(0.0, 1.0)
    last = lengths - 1
    at = torch.minimum(at.clamp_min_(0.0), last)
    low = at.long()
    part = at - low
    columns, rows = torch.stack([low, torch.minimum(low + 1, last)]).unbind(2)
    planes = torch.arange(channels, device=bank.pixels.device)[:, None, None]
    across = (columns * channels)[:, :, None, None, :] + planes
    lines = (rows * (stride * channels)[:, None] + offset[:, None])[:, :, None, :, None]
    right, down = part[:, 0, None, None, :], part[:, 1, None, :, None]
    above, below = (_between(bank.pixels, line, across, right) for line in lines)
    return torch.lerp(above, below, down), within[:, :1, None] * within[:, 1:, :, None]


def _between(pixels: Tensor, line: Tensor, across: Tensor, right: Tensor) -> Tensor:
    """Return pixels of rows, between two columns (the first axis of `across`)."""
    left, other = pixels[line + across].float()
    return torch.lerp(left, other, right)
