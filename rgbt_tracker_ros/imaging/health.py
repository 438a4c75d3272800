# SPDX-License-Identifier: Apache-2.0
"""Is a camera usable? Frozen, blank, saturated, silent and missing cameras are told apart."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.settings import HealthSettings

_SAMPLE_BYTES = 48_000
"""Bytes of an image that are compared and measured on every frame."""

_SATURATED_SHARE = 0.9
"""Share of pixels at the top of the range that makes an image saturated."""

_WHITE = 250
"""8-bit level from which a pixel counts as saturated."""

_LATE = 1.5
"""A slow camera is silent after so many times the last interval between two images."""

_SLOWEST_S = 3.0
"""Longest silence that passes for slowness."""

_FULL_SCALES = (4095, 16383, 65535)
"""Top counts of 12-, 14- and 16-bit cameras."""


class CameraState(str, Enum):
    """What is the matter with a camera."""

    OK = 'ok'
    FROZEN = 'frozen'
    BLANK = 'blank'
    SATURATED = 'saturated'
    UNFIT = 'unfit'
    STALE = 'stale'
    MISSING = 'missing'


@dataclass(frozen=True, slots=True)
class Health:
    """State of a camera, with the reason in words."""

    state: CameraState
    reason: str

    @property
    def usable(self) -> bool:
        """Return whether the newest image may be used."""
        return self.state is CameraState.OK


class CameraHealth:
    """Judges one camera from its images and their times.

    A fault counts from the first bad image on. After it, `health.recover` good images in a row
    are needed before the camera is used again, so that a failing one does not flicker in and out.

    Parameters
    ----------
    name
        What the camera is called in reasons, `rgb` or `thermal`.
    settings
        Thresholds; may be exchanged at any time by `configure`.

    """

    def __init__(self, name: str, settings: HealthSettings) -> None:
        self._name = name
        self._settings = settings
        self.reset()

    def configure(self, settings: HealthSettings) -> None:
        """Use other thresholds from now on."""
        self._settings = settings

    def reset(self) -> None:
        """Forget everything: the camera is missing until its next image."""
        self._health = Health(CameraState.MISSING, f'{self._name}: no image yet')
        self._image: NDArray[Any] | None = None
        self._sample: NDArray[Any] | None = None
        self._stamp = 0.0
        self._interval = 0.0
        self._repeats = 1
        self._good = 0

    def update(self, image: NDArray[Any], stamp: float) -> Health:
        """Judge a new image.

        Parameters
        ----------
        image
            H x W or H x W x C, uint8 or uint16, as it came from the camera: normalised images
            differ from each other even when the camera is frozen.
        stamp
            Seconds, on the same clock as the `now` of `check`.

        """
        first = self._health.state is CameraState.MISSING
        if not first:
            self.check(stamp)
            self._interval = stamp - self._stamp
        self._stamp = stamp
        fault = self._fault(image)
        if fault is not None:
            self._good = 0
            self._health = fault
            return fault
        self._good += 1
        if first or self._good >= self._settings.recover:
            self._health = Health(CameraState.OK, f'{self._name}: ok')
        elif not self._health.usable:
            self._health = Health(
                self._health.state,
                f'{self._name}: was {self._health.state.value}, {self._good} of '
                f'{self._settings.recover} good images since')
        return self._health

    def check(self, now: float) -> Health:
        """Return the state at a time, whether or not images still come."""
        silence = now - self._stamp
        # A camera of 1 Hz is slow, not silent.
        longest = max(self._settings.stale, min(_LATE * self._interval, _SLOWEST_S))
        if self._health.state is not CameraState.MISSING and silence > longest:
            self._good = 0
            self._health = Health(
                CameraState.STALE, f'{self._name}: no image for {silence:.1f} s')
        return self._health

    def _fault(self, image: NDArray[Any]) -> Health | None:
        if image.size == 0:
            return Health(CameraState.BLANK, f'{self._name}: the image is empty')
        sample = _sample(image)
        self._count_repeats(image, sample)
        if self._repeats >= self._settings.frozen:
            return Health(CameraState.FROZEN, f'{self._name}: {self._repeats} identical images')
        if _saturated_share(sample) >= _SATURATED_SHARE:
            return Health(CameraState.SATURATED, f'{self._name}: the image is saturated')
        contrast = float(cv2.meanStdDev(sample)[1].max())
        if contrast < self._settings.blank:
            return Health(
                CameraState.BLANK, f'{self._name}: the image is blank, standard deviation '
                f'{contrast:.1f} is under {self._settings.blank:g}')
        return None

    def _count_repeats(self, image: NDArray[Any], sample: NDArray[Any]) -> None:
        # The whole image is only compared when the sample is equal: something small may have
        # moved in a video whose compression leaves the rest untouched.
        repeats = self._sample is not None and self._image is not None \
            and image.dtype == self._image.dtype \
            and np.array_equal(sample, self._sample) and np.array_equal(image, self._image)
        self._repeats = self._repeats + 1 if repeats else 1
        self._image, self._sample = image, sample


def _sample(image: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of evenly spread rows: whole rows are cheap to read."""
    step = max(image.nbytes // _SAMPLE_BYTES, 1)
    return np.array(image[min(step, image.shape[0]) // 2::step])


def _saturated_share(sample: NDArray[Any]) -> float:
    if sample.dtype == np.uint8:
        return float(np.count_nonzero(sample >= _WHITE) / sample.size)
    top = int(sample.max())
    return float(np.count_nonzero(sample == top) / sample.size) if top in _FULL_SCALES else 0.0
