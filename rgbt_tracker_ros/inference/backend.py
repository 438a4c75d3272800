# SPDX-License-Identifier: Apache-2.0
"""What the tracker needs of a run time."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import ModelError

Array = NDArray[np.float32]
TemplateTensors = Mapping[str, Any]
"""Tensors made once from a template crop; opaque, they may live on the backend's device."""


@dataclass(frozen=True, slots=True)
class SearchMaps:
    """Head outputs for one search region, S x S cells.

    Attributes
    ----------
    score
        S x S in [0, 1].
    size
        2 x S x S: width and height as fractions of the search crop.
    offset
        2 x S x S: x and y offset inside the cell, in cells.
    fused
        3 x H x W fused search crop (R, G, B; nominal range 0..1), only when asked for and known.

    """

    score: Array
    size: Array
    offset: Array
    fused: Array | None = None

    def checked(self) -> SearchMaps:
        """Return the maps, or raise ModelError when they do not fit together or are not finite."""
        shape = self.score.shape
        for name, array, wanted in (
                ('score_map', self.score, (shape[-1],) * 2), ('size_map', self.size, (2, *shape)),
                ('offset_map', self.offset, (2, *shape)), ('fused_image', self.fused, None)):
            if array is None:
                continue
            if wanted is not None and array.shape != wanted:
                raise ModelError(f'model gave {name!r} of shape {array.shape}: {wanted} fits the '
                                 'other maps')
            if not np.isfinite(array).all():
                raise ModelError(f'model gave NaN or infinity in {name!r}')
        return self


@dataclass(frozen=True, slots=True)
class Choice:
    """Why a run time was taken.

    Attributes
    ----------
    reason
        In words, for the log and the diagnostics; empty where it was asked for by name.
    degraded
        It stands in for another one that failed: a user must be warned.

    """

    reason: str = ''
    degraded: bool = False


AS_ASKED = Choice()
"""Nothing was chosen: it runs on what was asked for."""


class Backend(Protocol):
    """Runs the two graphs of a model bundle.

    Attributes
    ----------
    name
        What runs it, as in `onnxruntime`.
    choice
        Why that runs it; whoever chooses sets it.

    """

    name: str
    choice: Choice

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Turn a normalised template crop (1 x C x Z x Z each) into template tensors."""
        ...

    def search(
        self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
        fused: bool = False,
    ) -> SearchMaps:
        """Match a normalised search crop (1 x C x X x X each) against the template slots."""
        ...

    def close(self) -> None:
        """Free what the backend holds."""
        ...
