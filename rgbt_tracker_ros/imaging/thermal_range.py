# SPDX-License-Identifier: Apache-2.0
"""Which counts of a thermal image are shown as black and white, steadily over time."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.settings import ThermalSettings

Raw = NDArray[np.uint8] | NDArray[np.uint16]
Range = tuple[float, float]

NARROWEST = {np.dtype(np.uint8): 16.0, np.dtype(np.uint16): 64.0}
"""Smallest range stretched to 256 levels, counts: below it there is mostly sensor noise."""

STEP = 4.0
"""Most that a smoothed range may change the grey level of any count per frame, levels."""

_SAMPLES = 20_000
"""Pixels looked at for the range of an image: enough for 0.1 % steps, and cheap."""

_IN_VIEW = 0.5
"""Share of pixels inside the old range under which the scene counts as a new one."""


def fixed_range(settings: ThermalSettings) -> Range:
    """Return `thermal.min` and `thermal.max` in counts, whichever unit they are given in."""
    if settings.unit == 'counts':
        return settings.min, settings.max
    return ((settings.min - settings.offset) / settings.scale,
            (settings.max - settings.offset) / settings.scale)


def whole_range(raw: Raw) -> Range:
    """Return the smallest and the largest count of an image, widened where they are close."""
    low, high, _, _ = cv2.minMaxLoc(raw)
    return _widened(low, high, NARROWEST[raw.dtype])


def steady_range(raw: Raw, settings: ThermalSettings, old: Range | None) -> tuple[Range, bool]:
    """Return the range between two percentiles, moved slowly, and whether it was set anew.

    Parameters
    ----------
    raw
        H x W uint8 or uint16.
    settings
        Percentiles and smoothing.
    old
        Range of the image before; None sets it anew, as does a scene that leaves it.

    """
    # Sorting 16-bit integers is quicker than selecting among them.
    counts: NDArray[Any] = np.sort(_subsample(raw), axis=None)
    low = _quantile(counts, settings.low_percentile / 100)
    high = _quantile(counts, settings.high_percentile / 100)
    wanted = _widened(low, high, NARROWEST[raw.dtype])
    if old is None or not _shows(counts, *old):
        return wanted, True
    return _moved(old, wanted, settings.smoothing), settings.smoothing == 0


def stretched(raw: Raw, low: float, high: float) -> NDArray[np.uint8]:
    """Map the counts low..high to 0..255; those beyond become black or white."""
    scale = 255.0 / (high - low)
    # One pass with saturation; the second image has no weight.
    return np.asarray(
        cv2.addWeighted(raw, scale, raw, 0.0, -low * scale, dtype=cv2.CV_8U), np.uint8)


def _subsample(raw: Raw) -> Raw:
    step = max(round((raw.size / _SAMPLES) ** 0.5), 1)
    sample: Raw = raw[min(step, raw.shape[0]) // 2::step, min(step, raw.shape[1]) // 2::step]
    return sample


def _quantile(ordered: NDArray[Any], share: float) -> float:
    """Return the value below which a share of the ordered ones lies, linearly interpolated."""
    place = share * (ordered.size - 1)
    index = int(place)
    first = float(ordered[index])
    following = float(ordered[min(index + 1, ordered.size - 1)])
    return first + (place - index) * (following - first)


def _widened(low: float, high: float, narrowest: float) -> Range:
    missing = max(narrowest - (high - low), 0.0)
    return low - missing / 2, high + missing / 2


def _shows(ordered: NDArray[Any], low: float, high: float) -> bool:
    """Return whether most of a scene lies in a range."""
    # Asked in the counts' own type: NumPy would convert all of them for a fraction.
    top = int(np.iinfo(ordered.dtype).max)
    first, last = int(min(max(np.ceil(low), 0), top)), int(min(max(np.floor(high), 0), top))
    shown = np.searchsorted(ordered, ordered.dtype.type(last), side='right') - \
        np.searchsorted(ordered, ordered.dtype.type(first))
    return bool(shown > _IN_VIEW * ordered.size)


def _moved(old: Range, wanted: Range, keep: float) -> Range:
    """Return the old range moved towards the wanted one, by no more than STEP levels."""
    if keep == 0:
        return wanted
    low, high = wanted[0] - old[0], wanted[1] - old[1]
    share, limit = 1 - keep, STEP / 255
    for edge in (low, high):
        # An edge moved by share * edge changes levels by 255 * share * edge / (new range).
        excess = abs(edge) - limit * (high - low)
        if excess > 0:
            share = min(share, limit * (old[1] - old[0]) / excess)
    return old[0] + share * low, old[1] + share * high
