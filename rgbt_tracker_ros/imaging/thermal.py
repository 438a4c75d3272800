# SPDX-License-Identifier: Apache-2.0
"""Raw thermal counts (8, 14 or 16 bits) to the 8-bit image the tracker works on.

So are the frames of a depth or event camera in its place: they become images of three channels.
"""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.clahe import SteadyClahe
from rgbt_tracker_ros.imaging.depth import depth_image
from rgbt_tracker_ros.imaging.thermal_range import (
    NARROWEST,
    Range,
    Raw,
    fixed_range,
    steady_range,
    stretched,
    whole_range,
)
from rgbt_tracker_ros.settings import ThermalSettings


class ThermalNormalizer:
    """Turns raw thermal images into 8 bits, steadily over time.

    With `percentile` and `clahe` the range moves slowly from frame to frame: a tracker compares a
    template with later frames, so a hot object that enters the view must not turn the target dark
    from one frame to the next. When most of the image leaves the range (the camera has
    re-calibrated, or looks elsewhere), the range is set anew at once.

    Parameters
    ----------
    settings
        Which normalisation; may be exchanged at any time by `configure`.
    channels
        What the network takes, 1 or 3: depth and event images have three.

    Raises
    ------
    InputError
        If the network does not take what the settings make.

    """

    def __init__(self, settings: ThermalSettings, channels: int = 3) -> None:
        self._settings = settings
        self._channels = channels
        self._check_channels()
        self._range: Range | None = None
        self._depth: np.dtype[Any] | None = None
        self._clahe = SteadyClahe()

    def configure(self, settings: ThermalSettings) -> None:
        """Use other settings from the next image on."""
        if settings.normalization != self._settings.normalization:
            self.reset()
        self._settings = settings

    def reset(self) -> None:
        """Forget the range: the next image sets it anew."""
        self._range = None
        self._clahe.reset()

    @property
    def range(self) -> Range | None:
        """Return the counts shown as black and white in the last image; None before one."""
        return self._range

    def __call__(self, raw: Raw) -> NDArray[np.uint8]:
        """Return the image in 8 bits; with `none` and `event` it is the input itself, not a copy.

        Parameters
        ----------
        raw
            H x W uint8 or uint16, in the machine's byte order (with `depth`: millimetres); with
            `event` H x W or H x W x 3 uint8.

        Returns
        -------
        H x W, or H x W x 3 with `depth` and (of frames in colour) `event`.

        Raises
        ------
        InputError
            If the image has another shape or type, or is 16-bit with `none`, or the network does
            not take what the settings make.

        """
        self._check_channels()
        if self._settings.in_color:
            return _event_frame(raw)
        if raw.ndim != 2 or raw.dtype not in NARROWEST or 0 in raw.shape:
            raise InputError(f'thermal image has shape {raw.shape} and type {raw.dtype}: '
                             'H x W uint8 or uint16 is needed')
        if raw.dtype != self._depth:
            self._depth = raw.dtype
            self.reset()
        settings = self._settings
        if settings.normalization == 'depth':
            return depth_image(raw)
        if settings.normalization == 'none':
            if raw.dtype != np.uint8:
                raise InputError(f'thermal image of type {raw.dtype} needs thermal.normalization '
                                 'minmax, percentile, clahe or range: none takes 8-bit images '
                                 'only')
            return raw.view(np.uint8)
        if settings.normalization == 'range':
            self._range = fixed_range(settings)
        elif settings.normalization == 'minmax':
            self._range = whole_range(raw)
        else:
            self._range, anew = steady_range(raw, settings, self._range)
            if anew:
                self._clahe.reset()
        image = stretched(raw, *self._range)
        if settings.normalization == 'clahe':
            return self._clahe(image, settings.clip_limit, settings.tiles, settings.smoothing)
        return image

    def _check_channels(self) -> None:
        made = self._settings.normalization
        if made in ('depth', 'event') and self._channels != 3:
            raise InputError(
                f'thermal.normalization = {made} makes images of 3 channels, but the model takes '
                f'{self._channels}: set model.name to one that takes 3, such as patrack, or '
                'thermal.normalization to percentile')


def _event_frame(raw: NDArray[Any]) -> NDArray[np.uint8]:
    if raw.dtype != np.uint8 or raw.ndim not in (2, 3) or raw.shape[2:] not in ((), (3,)) \
            or 0 in raw.shape:
        raise InputError(f'event image has shape {raw.shape} and type {raw.dtype}: '
                         'thermal.normalization event takes 8-bit frames, grey or colour')
    return raw.view(np.uint8)
