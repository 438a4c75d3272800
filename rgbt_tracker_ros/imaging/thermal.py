# SPDX-License-Identifier: Apache-2.0
"""Raw thermal counts (8, 14 or 16 bits) to the 8-bit image the tracker works on."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import ThermalSettings

Raw = NDArray[np.uint8] | NDArray[np.uint16]

_SAMPLES = 20_000
"""Pixels looked at for the range of an image: enough for 0.1 % steps, and cheap."""

_NARROWEST = {np.dtype(np.uint8): 16.0, np.dtype(np.uint16): 64.0}
"""Smallest range stretched to 256 levels, counts: below it there is mostly sensor noise."""

_STEP = 4.0
"""Most that a smoothed range may change the grey level of any count per frame, levels."""

_IN_VIEW = 0.5
"""Share of pixels inside the old range under which the scene counts as a new one."""


class ThermalNormalizer:
    """Turns raw thermal images into 8 bits, steadily over time.

    With `percentile` the range moves slowly from frame to frame: a tracker compares a template
    with later frames, so a hot object that enters the view must not turn the target dark from one
    frame to the next. When most of the image leaves the range (the camera has re-calibrated, or
    looks elsewhere), the range is set anew at once.

    Parameters
    ----------
    settings
        Which normalisation; may be exchanged at any time by `configure`.

    """

    def __init__(self, settings: ThermalSettings) -> None:
        self._settings = settings
        self._range: tuple[float, float] | None = None
        self._depth: np.dtype[Any] | None = None

    def configure(self, settings: ThermalSettings) -> None:
        """Use other settings from the next image on."""
        if settings.normalization != self._settings.normalization:
            self.reset()
        self._settings = settings

    def reset(self) -> None:
        """Forget the range: the next image sets it anew."""
        self._range = None

    @property
    def range(self) -> tuple[float, float] | None:
        """Return the counts shown as black and white in the last image; None before one."""
        return self._range

    def __call__(self, raw: Raw) -> NDArray[np.uint8]:
        """Return the image in 8 bits; with `none` it is the input itself, not a copy.

        Parameters
        ----------
        raw
            H x W uint8 or uint16, in the machine's byte order.

        Raises
        ------
        InputError
            If the image has another shape or type, or is 16-bit with `none`.

        """
        if raw.ndim != 2 or raw.dtype not in _NARROWEST or 0 in raw.shape:
            raise InputError(f'thermal image has shape {raw.shape} and type {raw.dtype}: '
                             'H x W uint8 or uint16 is needed')
        if raw.dtype != self._depth:
            self._depth = raw.dtype
            self.reset()
        if self._settings.normalization == 'none':
            if raw.dtype != np.uint8:
                raise InputError(f'thermal image of type {raw.dtype} needs thermal.normalization '
                                 'minmax, percentile or range: none takes 8-bit images only')
            return raw.view(np.uint8)
        self._range = self._next_range(raw)
        return _stretch(raw, *self._range)

    def _next_range(self, raw: Raw) -> tuple[float, float]:
        settings = self._settings
        if settings.normalization == 'range':
            return settings.min, settings.max
        if settings.normalization == 'minmax':
            low, high, _, _ = cv2.minMaxLoc(raw)
            return _widened(low, high, _NARROWEST[raw.dtype])
        sample = _subsample(raw)
        low, high = np.percentile(sample, (settings.low_percentile, settings.high_percentile))
        wanted = _widened(float(low), float(high), _NARROWEST[raw.dtype])
        if self._range is None or not _shows(sample, *self._range):
            return wanted
        return _moved(self._range, wanted, settings.smoothing)


def _subsample(raw: Raw) -> Raw:
    step = max(round((raw.size / _SAMPLES) ** 0.5), 1)
    return raw[step // 2::step, step // 2::step]


def _widened(low: float, high: float, narrowest: float) -> tuple[float, float]:
    missing = max(narrowest - (high - low), 0.0)
    return low - missing / 2, high + missing / 2


def _shows(sample: Raw, low: float, high: float) -> bool:
    """Return whether most of a scene lies in a range."""
    shown = np.count_nonzero((sample >= low) & (sample <= high))
    return bool(shown > _IN_VIEW * sample.size)


def _moved(old: tuple[float, float], wanted: tuple[float, float],
           keep: float) -> tuple[float, float]:
    """Return the old range moved towards the wanted one, by no more than _STEP levels."""
    if keep == 0:
        return wanted
    low, high = wanted[0] - old[0], wanted[1] - old[1]
    share, limit = 1 - keep, _STEP / 255
    for edge in (low, high):
        # An edge moved by share * edge changes levels by 255 * share * edge / (new range).
        excess = abs(edge) - limit * (high - low)
        if excess > 0:
            share = min(share, limit * (old[1] - old[0]) / excess)
    return old[0] + share * low, old[1] + share * high


def _stretch(raw: Raw, low: float, high: float) -> NDArray[np.uint8]:
    """Map low..high to 0..255 by a look-up table over all counts there can be."""
    levels = np.arange(np.iinfo(raw.dtype).max + 1, dtype=np.float32)
    table = np.clip((levels - low) * (255.0 / (high - low)) + 0.5, 0, 255).astype(np.uint8)
    return np.take(table, raw)
