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


_Tap = tuple[Tensor, Tensor]


class Cuts(NamedTuple):
    """What is cut, on the device.

    Attributes
    ----------
    images
        N x 4 int64: first byte, width of a whole row, height and width of the image.
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
    rows = np.stack([chosen['offset'], chosen['width'], chosen['height'], chosen['width']], 1)
    if windows is not None:
        left, top, side = windows.T
        rows[:, 0] += (top * chosen['width'] + left) * chosen['channels']
        rows[:, 2] = rows[:, 3] = side
    device = bank.pixels.device
    return Cuts(upload(rows, device), upload(places, device))


def cut(
    bank: Bank, what: Cuts, out: int, channels: int, fill: tuple[int, ...] | None,
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
        1 or 3.
    fill
        What lies outside the images; None: their nearest pixels.

    Returns
    -------
    N x channels x out x out float32, 0..255.

    """
    offset, stride, height, width = what.images[:, :, None].unbind(1)
    left, top, step_x, step_y = what.places[:, :, None].unbind(1)
    columns = _taps(left, step_x, width, out, fill is None)
    rows = _taps(top, step_y, height, out, fill is None)
    planes = torch.arange(channels, device=bank.pixels.device)[:, None, None]
    result = torch.zeros(
        (len(left), channels, out, out), dtype=torch.float32, device=bank.pixels.device)
    for y, down in rows:
        line = (offset + y * stride * channels)[:, None, :, None] + planes
        for x, right in columns:
            values = bank.pixels[line + (x * channels)[:, None, None, :]]
            result.addcmul_(values * down[:, None, :, None], right[:, None, None, :])
    if fill is not None:
        down, right = (first[1] + second[1] for first, second in (rows, columns))
        inside = down[:, None, :, None] * right[:, None, None, :]
        colour = torch.tensor(fill, dtype=torch.float32).to(result.device, non_blocking=True)
        result += colour[:, None, None] * (1.0 - inside)
    return result


def _taps(
    start: Tensor, step: Tensor, length: Tensor, out: int, replicate: bool,
) -> list[_Tap]:
    """Return N x out indices along a side, and weights, of the two pixels that each is between.

    What lies outside has no weight.
    """
    at = start + step * torch.arange(out, dtype=torch.float32, device=start.device)
    if replicate:
        at = torch.minimum(at.clamp_min(0.0), length - 1.0)
    first = at.floor()
    part = at - first
    taps = []
    for index, weight in ((first, 1.0 - part), (first + 1.0, part)):
        inside = (index >= 0) & (index < length)
        taps.append((torch.minimum(index.clamp_min(0.0), length - 1.0).long(), weight * inside))
    return taps
