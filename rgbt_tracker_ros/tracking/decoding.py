# SPDX-License-Identifier: Apache-2.0
"""From a network's maps to the boxes of their peaks."""
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.inference.backend import SearchMaps
from rgbt_tracker_ros.inference.bundle import Calibration

_LEAST_SIZE = 1e-3
_LEAST_WEIGHT = 1e-6
_NEIGHBOURS = 2

_AGREEING = 0.5
"""Cells beside a peak that score this share of it or more have a say in its box."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A cell that scores more than those around it, with a box.

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
    return _peak(maps, row, col)


def peaks(maps: SearchMaps, least: float, most: int) -> list[Peak]:
    """Return the peaks of the maps, the highest first; at least the highest of all.

    Parameters
    ----------
    maps
        Finite maps of S x S cells.
    least
        Score that a peak needs to be returned beside the highest.
    most
        Largest number of peaks.

    """
    score = maps.score
    padded = np.pad(score, 1, constant_values=-np.inf)
    rows, cols = score.shape
    highest = np.max([padded[row:row + rows, col:col + cols]
                      for row in range(3) for col in range(3)], axis=0)
    cells = np.flatnonzero((score >= highest) & (score >= min(least, float(score.max()))))
    order = np.argsort(-score.flat[cells], kind='stable')[:most]
    return [_peak(maps, *divmod(int(cell), cols)) for cell in cells[order]]


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


def _peak(maps: SearchMaps, row: int, col: int) -> Peak:
    """Return the peak at a cell; its box is the mean over the cell and those that agree.

    A target between two cells has them both score: either one's box alone is drawn to its own
    middle, and would swing with the choice between them from frame to frame.
    """
    cells = maps.score.shape[-1]
    top, left = max(row - 1, 0), max(col - 1, 0)
    area = np.s_[top:row + 2, left:col + 2]
    score = maps.score[area]
    weight = np.where(score >= _AGREEING * score[row - top, col - left], score, 0.0)
    weight[row - top, col - left] = max(weight[row - top, col - left], _LEAST_WEIGHT)
    weight /= weight.sum()
    down, right = np.indices(score.shape)
    x = (left + right + maps.offset[0][area]) / cells
    y = (top + down + maps.offset[1][area]) / cells
    width, height = (min(max(float((weight * side[area]).sum()), _LEAST_SIZE), 1.0)
                     for side in maps.size)
    return Peak(cx=float((weight * x).sum()), cy=float((weight * y).sum()), w=width, h=height,
                score=min(max(float(maps.score[row, col]), 0.0), 1.0),
                rival=_rival(maps.score, row, col))


def _rival(score: NDArray[np.float32], row: int, col: int) -> float:
    away = np.ones(score.shape, bool)
    away[max(row - _NEIGHBOURS, 0):row + _NEIGHBOURS + 1,
         max(col - _NEIGHBOURS, 0):col + _NEIGHBOURS + 1] = False
    return float(np.max(score, where=away, initial=0.0))
