# SPDX-License-Identifier: Apache-2.0
"""From two raw camera frames to the pair a tracker takes; the node and the command share it."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.health import CameraHealth, CameraState, Health
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.imaging.registration import thermal_to_rgb
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
        Health of each camera.

    """

    pair: ImagePair | None
    rgb: Health
    thermal: Health


class PairPreparer:
    """Checks each camera's health, normalises thermal counts and registers the two views.

    An image of a camera that is not usable (frozen, blank, saturated, or unfit for the chosen
    normalisation) is left out, so that tracking goes on with the other one, until the camera is
    healthy again.

    Parameters
    ----------
    settings
        The groups `health`, `thermal` and `registration` matter here.

    Raises
    ------
    InputError
        If `registration.homography` is no homography.

    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self._homography = thermal_to_rgb(settings.registration)
        self._normalizer = ThermalNormalizer(settings.thermal)
        self._rgb = CameraHealth('rgb', settings.health)
        self._thermal = CameraHealth('thermal', settings.health)
        self._size: tuple[int, int] | None = None

    def configure(self, settings: Settings) -> None:
        """Use other settings from the next pair on; raise InputError and change nothing if bad."""
        self._homography = thermal_to_rgb(settings.registration)
        self._normalizer.configure(settings.thermal)
        self._rgb.configure(settings.health)
        self._thermal.configure(settings.health)

    def reset(self) -> None:
        """Forget the cameras' past: a new recording, or time went back."""
        self._normalizer.reset()
        self._rgb.reset()
        self._thermal.reset()
        self._size = None

    def __call__(self, rgb: NDArray[np.uint8] | None, thermal: NDArray[Any] | None,
                 stamp: float = 0.0) -> Prepared:
        """Prepare the frames of one moment.

        Parameters
        ----------
        rgb
            H x W x 3 uint8, or None when there is no frame.
        thermal
            H x W uint8 or uint16 as it came from the camera, or None.
        stamp
            Seconds, for the pair and the cameras' health.

        Raises
        ------
        InputError
            If the RGB image has another shape or type.

        """
        rgb_health = _judge(self._rgb, rgb, stamp)
        thermal_health = _judge(self._thermal, thermal, stamp)
        if rgb is not None:
            # Known also when the image itself is of no use: boxes are in this frame.
            self._size = (rgb.shape[1], rgb.shape[0])
        good_rgb = rgb if rgb_health.usable else None
        good_thermal = None
        if thermal is not None and thermal_health.usable:
            try:
                good_thermal = self._normalizer(thermal)
            except InputError as error:
                thermal_health = Health(CameraState.UNFIT, f'thermal: {error}')
        if good_rgb is None and good_thermal is None:
            return Prepared(None, rgb_health, thermal_health)
        pair = ImagePair(good_rgb, good_thermal, stamp, self._homography, self._size)
        return Prepared(pair, rgb_health, thermal_health)


def _judge(camera: CameraHealth, image: NDArray[Any] | None, stamp: float) -> Health:
    return camera.check(stamp) if image is None else camera.update(image, stamp)
