# SPDX-License-Identifier: Apache-2.0
"""Changing some images of a batch: the host knows which ones, so the device never has to wait."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from rgbt_tracker_ros.training.batched.crops import CropBatch

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dice:
    """All randomness of a batch: `rng` decides on the host, `noise` fills pixels on the device."""

    rng: np.random.Generator
    noise: torch.Generator

    def uniform(self, low: float, high: float, *shape: int) -> Floats:
        """Return evenly distributed numbers."""
        return self.rng.uniform(low, high, shape)

    def hits(self, chance: float, count: int) -> Flags:
        """Return which of `count` samples something befalls that has this chance."""
        return np.asarray(self.rng.random(count) < chance)


def upload(values: NDArray[Any], device: torch.device) -> Tensor:
    """Copy an array to the device without waiting for it; floats become float32."""
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    host = torch.from_numpy(np.ascontiguousarray(values))
    # From memory that may be swapped out, the copy would wait for what the device does.
    return (host.pin_memory() if device.type == 'cuda' else host).to(device, non_blocking=True)


def column(values: NDArray[Any], like: Tensor) -> Tensor:
    """Return N or N x C numbers as N x 1 x 1 x 1 or N x C x 1 x 1, beside the images `like`."""
    return upload(values.reshape(len(values), -1, 1, 1).astype(np.float32), like.device)


def columns(like: Tensor, *values: NDArray[Any]) -> list[Tensor]:
    """Return several such columns that are copied at once."""
    flat = [value.reshape(len(value), -1) for value in values]
    packed = column(np.concatenate(flat, 1), like)
    return list(packed.split([part.shape[1] for part in flat], 1))


def change(images: Tensor, rows: Rows, effect: Callable[..., Tensor], *arguments: Any) -> None:
    """Put in the place of these rows what `effect(their images, *arguments)` makes of them."""
    if len(rows):
        index = upload(rows, images.device)
        # index_select does the same, forty times slower on a CPU.
        images[index] = effect(images[index], *arguments)


def in_each(
    views: Sequence[CropBatch], samples: Rows, *values: NDArray[Any],
) -> Iterator[tuple[CropBatch, Rows, list[NDArray[Any]]]]:
    """Yield each view with the rows that belong to these samples, and their values there.

    The last view has one crop of each sample; others may have several, one batch after the other.
    `values` have one entry for each of the samples.
    """
    count = len(views[-1])
    for view in views:
        times = len(view) // count
        rows = (np.arange(times)[:, None] * count + samples).ravel()
        yield view, rows, [np.concatenate([value] * times) for value in values]
