# SPDX-License-Identifier: Apache-2.0
"""Finds by how much thermal stamps are wrong from what the images show.

Both cameras see the same motion. Its strength over time, in each part of the view, is compared
between them at every offset up to SEARCH_S; where it agrees best is the offset. Neither stamps nor
times of arrival can tell as much: a driver that stamps images when they arrive looks perfect.
"""
from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.view_changes import ViewChanges

SEARCH_S = 1.0
"""Offsets are looked for up to so far on both sides of the one in use."""

CERTAIN = 0.5
"""Confidence from which an estimate may be acted upon."""

_LEAST_S = 4.0
_LEAST_CHANGES = 30
_GRID_S = 0.02

_TREND_S = 1.0
"""What changes more slowly than this tells nothing about the time."""

_QUIET = 0.2
"""Share of the median activity under which differences do not count."""

_OUTLIER = 4.0
"""Deviations over so many standard ones (a shutter, a flash) are cut."""

_APART_S = 0.2
"""Offsets nearer than this to the best one are not another answer."""

_MARGIN, _MARGIN_S = 0.26, 20.0
"""By how much the best offset stands out at a confidence of 1, in so many seconds of images.

Half of it, which is CERTAIN, is never reached by images of two different scenes."""

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TimeOffset:
    """What the images say about `sync.thermal_offset`.

    Attributes
    ----------
    seconds
        To be added to thermal stamps; None when nothing can be said.
    confidence
        From 0 to 1: how far this offset stands out of all others; see CERTAIN.
    words
        The finding, or why there is none and what to do.

    """

    seconds: float | None
    confidence: float
    words: str

    @property
    def certain(self) -> bool:
        """Return whether it may be acted upon."""
        return self.seconds is not None and self.confidence >= CERTAIN


def estimate_offset(rgb: ViewChanges, thermal: ViewChanges,
                    expected: float = 0.0) -> TimeOffset:
    """Estimate what is to be added to thermal stamps.

    Parameters
    ----------
    rgb, thermal
        What changed in the cameras' images, by their own stamps.
    expected
        Where to look, for example the offset in use, seconds.

    """
    for name, trace in (('rgb', rgb), ('thermal', thermal)):
        if trace.seconds < _LEAST_S or trace.count < _LEAST_CHANGES:
            return _refuse(
                f'{name}: {trace.seconds:.0f} s with {trace.count} images that differ from the '
                f'one before are too few: {_LEAST_S:g} s with {_LEAST_CHANGES} are needed')
    rgb_stamps, rgb_changes = rgb.arrays()
    thermal_stamps, thermal_changes = thermal.arrays()
    thermal_stamps += expected
    begin = max(rgb_stamps[0], thermal_stamps[0])
    end = min(rgb_stamps[-1], thermal_stamps[-1])
    if end - begin < _LEAST_S:
        return _refuse(
            f'the cameras have images of the same time for {max(end - begin, 0):.0f} s only, '
            f'{_LEAST_S:g} s are needed: their newest stamps differ by '
            f'{rgb_stamps[-1] - thermal_stamps[-1]:.1f} s')
    width = max(float(np.median(np.diff(rgb_stamps))), float(np.median(np.diff(thermal_stamps))))
    grid = np.arange(begin - SEARCH_S, end + SEARCH_S, _GRID_S)
    agreement, overlap = _correlate(_signal(rgb_stamps, rgb_changes, grid, width),
                                    _signal(thermal_stamps, thermal_changes, grid, width))
    return _judge(agreement, expected, overlap * _GRID_S, max(_APART_S, 1.5 * width))


def _refuse(words: str) -> TimeOffset:
    return TimeOffset(None, 0.0, words)


def _signal(stamps: _Array, changes: _Array, grid: _Array, width: float) -> tuple[_Array, slice]:
    """Return the activity on the grid, and where it is known (zero elsewhere).

    It is averaged over `width`, the period of the slower camera, so that both are equally blurred;
    its logarithm without the trend compares whatever the contrast of the cameras.
    """
    first, last = np.searchsorted(grid, (stamps[0] + width / 2, stamps[-1] - width / 2))
    times = grid[first:last]
    total = np.concatenate([np.zeros((1, changes.shape[1])),
                            np.cumsum(changes * np.diff(stamps)[:, None], axis=0)])
    result = np.zeros((len(grid), changes.shape[1]))
    for cell, sums in enumerate(total.T):
        activity = (np.interp(times + width / 2, stamps, sums)
                    - np.interp(times - width / 2, stamps, sums)) / width
        result[first:last, cell] = np.log(activity + _QUIET * np.median(activity) + 1e-9)
    known = result[first:last]
    known -= _moving_average(known, max(_TREND_S, 8 * width))
    limit = _OUTLIER * 1.48 * np.median(np.abs(known), axis=0)
    np.clip(known, -limit, limit, out=known)
    return result, slice(int(first), int(last))


def _moving_average(signal: _Array, seconds: float) -> _Array:
    half = round(seconds / _GRID_S / 2)
    sums = np.concatenate([np.zeros((1, signal.shape[1])), np.cumsum(signal, axis=0)])
    index = np.arange(len(signal))
    low, high = np.maximum(index - half, 0), np.minimum(index + half + 1, len(signal))
    average: _Array = (sums[high] - sums[low]) / (high - low)[:, None]
    return average


def _correlate(rgb: tuple[_Array, slice], thermal: tuple[_Array, slice]) -> tuple[_Array, float]:
    """Return the mean correlation of all cells at each offset, and how many samples overlap."""
    (first, seen), (second, shown) = rgb, thermal
    reach = round(SEARCH_S / _GRID_S)
    length = 1 << (len(first) + reach).bit_length()
    spectrum = np.fft.rfft(first, length, axis=0) * np.fft.rfft(second, length, axis=0).conj()
    lags = np.arange(-reach, reach + 1)
    products = np.fft.irfft(spectrum, length, axis=0)[lags]
    low = np.maximum(seen.start, shown.start + lags)
    high = np.maximum(np.minimum(seen.stop, shown.stop + lags), low)
    energy = _energy(first, low, high) * _energy(second, low - lags, high - lags)
    return (products / np.sqrt(energy + 1e-9)).mean(axis=1), float(np.median(high - low))


def _energy(signal: _Array, low: NDArray[np.int64], high: NDArray[np.int64]) -> _Array:
    sums = np.concatenate([np.zeros((1, signal.shape[1])), np.cumsum(signal ** 2, axis=0)])
    result: _Array = sums[high] - sums[low]
    return result


def _judge(agreement: _Array, expected: float, seconds: float, apart: float) -> TimeOffset:
    """Say which offset agrees best and how sure that is."""
    offsets = (np.arange(len(agreement)) - len(agreement) // 2) * _GRID_S
    best = int(agreement.argmax())
    if best in (0, len(agreement) - 1):
        return _refuse(f'no offset within {SEARCH_S:g} s of {expected:.2f} s stands out: let '
                       'something move in both views')
    before, peak, after = agreement[best - 1:best + 2]
    # The vertex of the parabola through the peak and its neighbours.
    exact = offsets[best] + _GRID_S / 2 * (before - after) / min(before - 2 * peak + after, -1e-12)
    others = np.where(np.abs(offsets - offsets[best]) > apart, agreement, -math.inf)
    rival = int(others.argmax())
    margin = peak - max(float(others[rival]), 0.0)
    length = seconds / _MARGIN_S
    # Chance agreement falls with the root of the length; short scenes resemble each other more.
    weight = math.sqrt(length) * min(length, 1.0) ** 0.25
    confidence = float(np.clip(margin / _MARGIN * weight, 0.0, 1.0))
    found = float(expected + exact)
    if confidence >= CERTAIN:
        words = f'motion in both views agrees best with sync.thermal_offset = {found:.3f}'
    elif others[rival] > 0.7 * peak and peak > _MARGIN:
        words = (f'motion repeats itself: offsets of {found:.2f} and '
                 f'{expected + offsets[rival]:.2f} s fit alike; let something move irregularly')
    else:
        words = (f'too little motion that both cameras see in {seconds:.0f} s: move the cameras, '
                 'or let something move in both views')
    return TimeOffset(found, confidence, words)
