# SPDX-License-Identifier: Apache-2.0
"""The crops of a whole batch: pixels on the device, all that is decided about them on the host."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

ABSENT = (0.5, 0.5, 0.0, 0.0)
"""Box of a target that a crop does not show."""


@dataclass(slots=True)
class CropBatch:
    """One kind of crop (template, dynamic template or search region) of all samples of a batch.

    Parameters
    ----------
    rgb
        B x 3 x S x S float32 0..255 on the device; anything where `has_rgb` is False.
    thermal
        B x 1 x S x S float32 0..255; anything where `has_thermal` is False.
    mask
        B x 1 x S x S float32 0..1, the target's outline; zeros where it is not known.
    has_rgb, has_thermal, has_mask
        B, on the host: which images a sample has.
    box
        B x 4 float32 (cx, cy, w, h) in fractions of the crop, on the host; w = h = 0: absent.

    """

    rgb: Tensor
    thermal: Tensor
    mask: Tensor
    has_rgb: NDArray[np.bool_]
    has_thermal: NDArray[np.bool_]
    has_mask: NDArray[np.bool_]
    box: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.box)

    @property
    def size(self) -> int:
        """Return the crops' side in pixels."""
        return int(self.rgb.shape[-1])

    def halves(self) -> tuple[CropBatch, CropBatch]:
        """Return the first and the second half of the batch."""
        middle = len(self) // 2
        first, second = (
            CropBatch(*(getattr(self, field.name)[span] for field in fields(self)))
            for span in (slice(middle), slice(middle, None)))
        return first, second


class SampleBatch(NamedTuple):
    """A batch's crops: initial template, dynamic template (a later moment), search region."""

    template: CropBatch
    dynamic: CropBatch
    search: CropBatch


def stacked(batches: Sequence[SampleBatch]) -> SampleBatch:
    """Return several batches as one."""
    return SampleBatch(*map(joined, zip(*batches, strict=True)))


def joined(batches: Sequence[CropBatch]) -> CropBatch:
    """Return crops of the same size as one batch."""
    return CropBatch(*(_concatenated([getattr(crops, field.name) for crops in batches])
                       for field in fields(CropBatch)))


def _concatenated(values: Sequence[Any]) -> Any:
    if len(values) == 1:
        return values[0]
    return torch.cat(list(values)) if isinstance(values[0], Tensor) else np.concatenate(values)
