# SPDX-License-Identifier: Apache-2.0
"""Is a camera usable? Frozen, blank, saturated, unfit, stale and missing ones are told apart.

Two questions are answered apart. Is this image without fault (`Health.fit`)? And is the camera
trusted, so that a failing one does not flicker in and out (`Health.usable`)? A dark or foggy
image is no fault: it only shows little, which `imaging.reliability` measures.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.channel_order import in_memory_order
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

_SLOWEST_REPEATS_S = 0.25
"""Longest run of identical images that passes for a camera sending each one several times."""

_DARK, _BRIGHT = 64, 192
"""8-bit levels under and over which a blank image is called black or white."""

_FULL_SCALES = (4095, 16383, 65535)
"""Top counts of 12-, 14- and 16-bit cameras."""


class CameraState(str, Enum):
    """What is the matter with a camera.

    FROZEN sends the same image again and again; BLANK shows one colour only, such as black;
    SATURATED shows white; UNFIT sends what cannot be read or normalised; STALE sends nothing any
    more; MISSING has not sent anything yet.
    """

    OK = 'ok'
    FROZEN = 'frozen'
    BLANK = 'blank'
    SATURATED = 'saturated'
    UNFIT = 'unfit'
    STALE = 'stale'
    MISSING = 'missing'


@dataclass(frozen=True, slots=True)
class Health:
    """State of a camera.

    Attributes
    ----------
    state
        What is the matter with it, if anything.
    reason
        The same in words.
    fit
        There is an image now, and it has no fault itself.
    reliability
        How much the camera has to say at present, 0..1; see `imaging.reliability`.

    """

    state: CameraState
    reason: str
    fit: bool = False
    reliability: float = 0.0

    @property
    def usable(self) -> bool:
        """Return whether the camera is trusted."""
        return self.state is CameraState.OK


def complaints(cameras: Mapping[str, Health]) -> dict[str, str]:
    """Return why each camera that should be there is not trusted, without its name."""
    return {name: health.reason.partition(': ')[2] for name, health in cameras.items()
            if not health.usable and health.state is not CameraState.MISSING}


class CameraHealth:
    """Judges one camera from its images and their times.

    A fault counts from the first bad image on. After it, `health.recover` good images in a row
    are needed before the camera is trusted again, so that a failing one does not flicker in and
    out.

    Parameters
    ----------
    name
        What the camera is called in reasons, `rgb` or `thermal`.
    settings
        Thresholds; may be exchanged at any time by `configure`.
    white
        Whether a white image can be a good one, as that of an event camera.

    """

    def __init__(self, name: str, settings: HealthSettings, *, white: bool = False) -> None:
        self._name = name
        self._settings = settings
        self._white = white
        self.reset()

    def configure(self, settings: HealthSettings, *, white: bool = False) -> None:
        """Use other thresholds from now on."""
        self._settings = settings
        self._white = white

    def reset(self) -> None:
        """Forget everything: the camera is missing until its next image."""
        self._health = Health(CameraState.MISSING, f'{self._name}: no image yet')
        self._image: NDArray[Any] | None = None
        self._sample: NDArray[Any] | None = None
        self._stamp = 0.0
        self._interval = 0.0
        self._repeats = self._usual = 1
        self._changed = 0.0
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
        new = self._arrive(stamp)
        fault = self._fault(image, stamp)
        if fault is not None:
            self._good = 0
            self._health = fault
            return fault
        self._good += 1
        if new or self._good >= self._settings.recover:
            self._health = Health(CameraState.OK, f'{self._name}: ok')
        elif not self._health.usable:
            self._health = Health(
                self._health.state,
                f'{self._name}: was {self._health.state.value}, {self._good} of '
                f'{self._settings.recover} good images since')
        return replace(self._health, fit=True)

    def reject(self, reason: str, stamp: float) -> Health:
        """Take in that an image came which is of no use, and why; it may be the newest one."""
        self._arrive(stamp)
        self._good = 0
        self._health = Health(CameraState.UNFIT, reason)
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

    def _arrive(self, stamp: float) -> bool:
        """Note when an image came; return whether the camera is trusted from now on."""
        new = self._health.state is CameraState.MISSING
        if not new and stamp != self._stamp:
            self.check(stamp)
            rate_known, self._interval = self._interval > 0, stamp - self._stamp
            # With its second image a camera proves to be slow, not silent.
            new = not rate_known and self._interval <= _SLOWEST_S \
                and self._health.state is CameraState.STALE
        self._stamp = stamp
        return new

    def _fault(self, image: NDArray[Any], stamp: float) -> Health | None:
        if image.size == 0:
            return Health(CameraState.BLANK, f'{self._name}: the image is empty')
        sample = _sample(image)
        self._count_repeats(image, sample, stamp)
        mean, deviation = cv2.meanStdDev(sample)
        # What an image shows says more than that it is always the same, as a dead camera's is.
        if not self._white and _is_saturated(sample, float(mean.mean())):
            return Health(CameraState.SATURATED, f'{self._name}: the image is saturated (white)')
        contrast = float(deviation.max())
        if contrast < self._settings.blank:
            return Health(
                CameraState.BLANK, f'{self._name}: the image is blank{_shade(sample, mean)}, '
                f'standard deviation {contrast:.1f} is under {self._settings.blank:g}')
        if self._repeats >= max(self._settings.frozen, int(_LATE * self._usual) + 1):
            return Health(CameraState.FROZEN, f'{self._name}: {self._repeats} identical images')
        return None

    def _count_repeats(self, image: NDArray[Any], sample: NDArray[Any], stamp: float) -> None:
        # The whole image is only compared when the sample is equal, and that when its first row
        # is. (Something small may have moved in a video whose compression leaves the rest.)
        if self._sample is not None and self._image is not None \
                and image.dtype == self._image.dtype \
                and np.array_equal(sample[0], self._sample[0]) \
                and np.array_equal(sample, self._sample) and np.array_equal(image, self._image):
            self._repeats += 1
        else:
            # A 9 Hz sensor behind a 27 Hz interface sends each image three times.
            if stamp - self._changed <= _SLOWEST_REPEATS_S:
                self._usual = self._repeats
            self._repeats = 1
            self._changed = stamp
        self._image, self._sample = image, sample


def _sample(image: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of evenly spread rows: whole rows are cheap to read."""
    step = max(image.nbytes // _SAMPLE_BYTES, 1)
    return np.array(in_memory_order(image)[min(step, image.shape[0]) // 2::step])


def _is_saturated(sample: NDArray[Any], mean: float) -> bool:
    least = _WHITE
    if sample.dtype != np.uint8:
        least = int(sample.max())
        if least not in _FULL_SCALES:
            return False
    # Most images are too dark as a whole, and their pixels need not be counted.
    return mean >= (_SATURATED_SHARE - 0.01) * least and \
        bool(np.count_nonzero(sample >= least) >= _SATURATED_SHARE * sample.size)


def _shade(sample: NDArray[Any], mean: Any) -> str:
    """Return in words whether an 8-bit image is black or white."""
    if sample.dtype == np.uint8 and mean.max() < _DARK:
        return ' (black)'
    return ' (white)' if sample.dtype == np.uint8 and mean.min() > _BRIGHT else ''
