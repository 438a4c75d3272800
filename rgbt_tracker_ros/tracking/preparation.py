# SPDX-License-Identifier: Apache-2.0
"""From two raw camera frames to the pair a tracker takes; the node and the command share it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared pair; `pair` is None when no camera is usable."""

    pair: ImagePair | None


class PairPreparer:
    """Checks each camera's health, normalises thermal counts and registers the two views."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._normalizer = ThermalNormalizer(self._settings.thermal)

    def __call__(self, rgb: NDArray[np.uint8] | None, thermal: NDArray[Any] | None,
                 stamp: float = 0.0) -> Prepared:
        """Return the pair of two raw frames; either may be missing."""
        if rgb is None and thermal is None:
            return Prepared(None)
        normalized = None if thermal is None else self._normalizer(thermal)
        return Prepared(ImagePair(rgb, normalized, stamp))
