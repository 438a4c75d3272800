# SPDX-License-Identifier: Apache-2.0
"""Batches that are made on the device that trains, as the trainer takes them."""
from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from rgbt_tracker_ros.imaging.normalization import Normalization
from rgbt_tracker_ros.networks.inputs import RGB, THERMAL
from rgbt_tracker_ros.training import processes
from rgbt_tracker_ros.training.batched.augment import augmented
from rgbt_tracker_ros.training.batched.crops import SampleBatch
from rgbt_tracker_ros.training.batched.subsets import upload
from rgbt_tracker_ros.training.dataset import augmentation
from rgbt_tracker_ros.training.recipe import Recipe

_NOISE_SEED = 2**63


class Source(Protocol):
    """What cuts the crops of a batch."""

    def draw(self, step: int, rows: range, *, hard: bool) -> SampleBatch:
        """Return these rows of a step's batch."""


class BatchedLoader:
    """The batches of a run from a step on: the seven tensors of `PairDataset` each.

    A step's samples are a function of the recipe, the step and the process. Nothing waits for
    the device.

    Parameters
    ----------
    recipe
        The run's.
    source
        Cuts the crops, on `device`.
    device
        That trains.
    first
        Step to begin with.

    """

    def __init__(
        self, recipe: Recipe, source: Source, device: torch.device, first: int,
    ) -> None:
        self._recipe, self._source, self._first = recipe, source, first
        self._rows = processes.own_rows(recipe.optim.batch)
        self._augment = augmentation(recipe.data)
        self._device, self._noise = device, torch.Generator(device)
        self._rgb, self._thermal = _scales(RGB, device), _scales(THERMAL, device)

    def __iter__(self) -> Iterator[list[Tensor]]:
        # To launch a batch's kernels takes as long as to launch a step's: a thread is one ahead.
        steps = range(self._first, self._recipe.optim.steps)
        with ThreadPoolExecutor(1) as ahead:
            made = ahead.submit(self.batch, steps[0]) if steps else None
            for step in steps:
                assert made is not None
                batch = made.result()
                made = ahead.submit(self.batch, step + 1) if step + 1 < steps.stop else None
                yield batch

    @torch.no_grad()
    def batch(self, step: int) -> list[Tensor]:
        """Return the images and boxes of a step."""
        recipe = self._recipe
        hard = step >= recipe.data.hard_from * recipe.optim.steps
        rng = np.random.default_rng([recipe.seed, step, processes.rank(), 1])
        self._noise.manual_seed(int(rng.integers(_NOISE_SEED)))
        samples = augmented(
            self._source.draw(step, self._rows, hard=hard), self._augment, rng, self._noise)
        tensors = []
        for crop in samples:
            tensors += [_normalised(crop.rgb, crop.has_rgb, *self._rgb),
                        _normalised(crop.thermal, crop.has_thermal, *self._thermal)]
        return [*tensors, upload(samples.search.box.astype(np.float32), self._device)]


def _scales(statistics: Normalization, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return factor and shift, C x 1 x 1 each, of a normalisation of 0..255."""
    mean, std = (torch.tensor(values, device=device)[:, None, None]
                 for values in (statistics.mean, statistics.std))
    return 1.0 / (255.0 * std), -mean / std


def _normalised(
    images: Tensor, present: NDArray[np.bool_], factor: Tensor, shift: Tensor,
) -> Tensor:
    """Normalise B x C x S x S images; those that are missing become zeros."""
    normal = torch.addcmul(shift, images, factor)
    if present.all():
        return normal
    there = upload(present.reshape(-1, 1, 1, 1), images.device)
    return torch.where(there, normal, 0.0)
