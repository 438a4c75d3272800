# SPDX-License-Identifier: Apache-2.0
"""From two raw camera frames to the pair a tracker takes; the node and the command share it."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.camera_model import Calibration
from rgbt_tracker_ros.imaging.health import CameraHealth, CameraState, Health
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.imaging.registration import (
    SAME_VIEW,
    Registered,
    Registration,
    reached_size,
)
from rgbt_tracker_ros.imaging.reliability import Reliability
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared pair with what was found about its cameras.

    Attributes
    ----------
    pair
        The usable images; None when neither camera is usable.
    rgb, thermal
        Health of each camera, its reliability not measured yet: see `PairPreparer.rate`.
    normalize_s
        Seconds that the thermal normalisation took.
    registration
        How the views correspond.

    """

    pair: ImagePair | None
    rgb: Health
    thermal: Health
    normalize_s: float = 0.0
    registration: Registered = SAME_VIEW


class PairPreparer:
    """Checks each camera's health, normalises thermal counts and registers the two views.

    A faulty image (frozen, blank, saturated, unreadable, or unfit for the chosen normalisation)
    is left out, so that tracking goes on with the other camera. So are the first good images
    after a fault, until the camera is trusted again; unless there is no better one: whatever can
    be seen is used while no trusted camera shows anything.

    Parameters
    ----------
    settings
        The groups `health`, `thermal` and `registration` matter here.
    channels
        Channels of the thermal image that the network takes, 1 or 3.

    Raises
    ------
    InputError
        If `registration.homography` is no homography, or `thermal.normalization` makes images
        that the network does not take.

    """

    def __init__(self, settings: Settings | None = None, channels: int = 3) -> None:
        settings = settings or Settings()
        self._registration = Registration(settings.registration)
        self._registered = SAME_VIEW
        self._normalizer = ThermalNormalizer(settings.thermal, channels)
        self._rgb = CameraHealth('rgb', settings.health)
        self._thermal = CameraHealth(
            'thermal', settings.health, white=settings.thermal.in_color)
        self._rgb_reliability, self._thermal_reliability = Reliability(), Reliability()
        self._size: tuple[int, int] | None = None
        self._unrated: Callable[[], tuple[Health, Health]] | None = None

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next pair on; raise InputError and change nothing if bad."""
        self._registration.configure(settings.registration)
        self._normalizer.configure(settings.thermal)
        self._rgb.configure(settings.health)
        self._thermal.configure(settings.health, white=settings.thermal.in_color)

    def reset(self) -> None:
        """Forget the cameras' past: a new recording, or time went back."""
        self._normalizer.reset()
        self._rgb.reset()
        self._thermal.reset()
        self._rgb_reliability.reset()
        self._thermal_reliability.reset()
        self._size = None
        self._unrated = None

    def calibrate(self, camera: str, calibration: Calibration) -> None:
        """Take in the calibration of `rgb` or `thermal`; from any thread."""
        self._registration.calibrate(camera, calibration)

    def reject(self, camera: str, reason: str, stamp: float) -> None:
        """Take in that a message of `rgb` or `thermal` could not be read, and why.

        The next call then has no image of that camera.
        """
        (self._rgb if camera == 'rgb' else self._thermal).reject(reason, stamp)

    def __call__(self, rgb: NDArray[np.uint8] | None, thermal: NDArray[Any] | None,
                 stamp: float = 0.0, target: Box | None = None) -> Prepared:
        """Prepare the frames of one moment.

        Parameters
        ----------
        rgb
            H x W x 3 uint8, or None when there is no frame.
        thermal
            H x W uint8 or uint16 as it came from the camera (H x W x 3 uint8 of an event
            camera), or None.
        stamp
            Seconds, for the pair and the cameras' health.
        target
            Where the target was last, pixels of the RGB image: `rate` measures the cameras'
            reliability around it. None for the whole images.

        Raises
        ------
        InputError
            If the RGB image has another shape or type.

        """
        self._unrated = None
        rgb_health = _judge(self._rgb, rgb, stamp)
        thermal_health = _judge(self._thermal, thermal, stamp)
        if rgb is not None:
            # Known also when the image itself is of no use: boxes are in this frame.
            self._size = (rgb.shape[1], rgb.shape[0])
        normal = None
        begin = perf_counter()
        if thermal is not None and thermal_health.fit:
            try:
                normal = self._normalizer(thermal)
            except InputError as error:
                # Not held against the camera: another setting cures it at once.
                thermal_health = Health(CameraState.UNFIT, f'thermal: {error}')
        normalize_s = perf_counter() - begin
        self._registered = SAME_VIEW if thermal is None or thermal.ndim < 2 else \
            self._registration(self._size, (thermal.shape[1], thermal.shape[0]))
        self._unrated = partial(self._rate, rgb_health, rgb, thermal_health, normal, stamp, target)
        trusted = any(health.fit and health.usable for health in (rgb_health, thermal_health))
        if not _used(rgb_health, trusted):
            rgb = None
        if not _used(thermal_health, trusted):
            normal = None
        if rgb is None and normal is None:
            return Prepared(None, rgb_health, thermal_health, normalize_s, self._registered)
        matrix, size = self._registered.matrix, self._size
        if size is None and normal is not None and matrix is not None:
            # Boxes are in the RGB frame, also before its first image.
            size = reached_size(matrix, (normal.shape[1], normal.shape[0]))
        pair = ImagePair(rgb, normal, stamp, matrix, size)
        return Prepared(pair, rgb_health, thermal_health, normalize_s, self._registered)

    def rate(self) -> tuple[Health, Health] | None:
        """Return the health of the RGB and the thermal camera with their reliability measured.

        It belongs to the newest pair. It is told to users only, so call this once for each pair,
        when the target has been found: that need not wait. None when it was called already.
        """
        unrated, self._unrated = self._unrated, None
        return None if unrated is None else unrated()

    def _rate(self, rgb_health: Health, rgb: NDArray[np.uint8] | None, thermal_health: Health,
              thermal: NDArray[np.uint8] | None, stamp: float,
              target: Box | None) -> tuple[Health, Health]:
        if thermal is not None and thermal.ndim == 3:
            thermal = thermal[:, :, 1]      # white is no glare here
        return (self._rgb_reliability.rate(rgb_health, rgb, stamp, target, self._size),
                self._thermal_reliability.rate(
                    thermal_health, thermal, stamp, target, self._size,
                    self._registered.matrix))


def _judge(camera: CameraHealth, image: NDArray[Any] | None, stamp: float) -> Health:
    return camera.check(stamp) if image is None else camera.update(image, stamp)


def _used(health: Health, trusted: bool) -> bool:
    """Return whether a camera's image is used, where `trusted` says if a trusted one is there."""
    return health.fit and (health.usable or not trusted)
