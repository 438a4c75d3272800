# SPDX-License-Identifier: Apache-2.0
"""From a network's maps to the box of the best peak."""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.inference.backend import SearchMaps
from rgbt_tracker_ros.inference.bundle import Calibration

_LEAST_SIZE = 1e-3
_NEIGHBOURS = 2


@dataclass(frozen=True, slots=True)
class Peak:
    """The best cell of a score map.

    Attributes
    ----------
    cx, cy, w, h
        Centre and size as fractions of the search crop.
    score
        Raw score of the cell, 0..1 (the window only takes part in the choice).
    rival
        Highest raw score more than two cells away: near `score` means a look-alike is about.

    """

    cx: float
    cy: float
    w: float
    h: float
    score: float
    rival: float


def decode(maps: SearchMaps, window_weight: float = 0.0) -> Peak:
    """Return the best peak of the maps.

    Parameters
    ----------
    maps
        Finite maps of S x S cells.
    window_weight
        0 takes the highest score; towards 1 a Hann window over the crop decides more and more.

    """
    cells = maps.score.shape[-1]
    window = (1.0 - window_weight) + window_weight * hann(cells)
    row, col = divmod(int(np.argmax(maps.score * window)), cells)
    width, height = (min(max(float(maps.size[axis, row, col]), _LEAST_SIZE), 1.0)
                     for axis in (0, 1))
    return Peak(
        cx=(col + float(maps.offset[0, row, col])) / cells,
        cy=(row + float(maps.offset[1, row, col])) / cells,
        w=width, h=height,
        score=min(max(float(maps.score[row, col]), 0.0), 1.0),
        rival=_rival(maps.score, row, col))


@lru_cache(maxsize=8)
def hann(cells: int) -> NDArray[np.float64]:
    """Return the cells x cells Hann window without its zero border; 1 at the centre."""
    line = np.hanning(cells + 2)[1:-1]
    window = np.outer(line, line)
    window /= window.max()
    window.setflags(write=False)
    return window


def calibrated(raw: float, calibration: Calibration) -> float:
    """Return the confidence, 0..1, that belongs to a raw score."""
    if calibration == Calibration():
        return raw
    inside = min(max(raw, 1e-6), 1 - 1e-6)
    logit = calibration.scale * math.log(inside / (1 - inside)) + calibration.bias
    # Written so that neither branch can overflow.
    return 1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit))


def _rival(score: NDArray[np.float32], row: int, col: int) -> float:
    away = np.ones(score.shape, bool)
    away[max(row - _NEIGHBOURS, 0):row + _NEIGHBOURS + 1,
         max(col - _NEIGHBOURS, 0):col + _NEIGHBOURS + 1] = False
    return float(np.max(score, where=away, initial=0.0))
