# SPDX-License-Identifier: Apache-2.0
"""How thermal pixels map to RGB pixels."""
from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import RegistrationSettings

_IMAGE_SCALE = 1000.0
"""Pixels taken as one unit when a homography is judged, so that shift and tilt compare."""

_FLATTEST = 1e-6
"""Smallest ratio of singular values: below it a view collapses to a line."""


def thermal_to_rgb(settings: RegistrationSettings) -> NDArray[np.float64] | None:
    """Return the 3 x 3 homography from thermal to RGB pixels, with its last element 1.

    Returns None when the cameras share one view; the crops then scale whichever sizes differ.

    Raises
    ------
    InputError
        If the nine numbers are not finite, or do not map a plane to a plane.

    """
    numbers = settings.homography
    if not numbers:
        return None
    if len(numbers) != 9 or not np.isfinite(numbers).all():
        raise InputError(f'registration.homography = {tuple(numbers)} must be nine finite numbers '
                         'in row-major order, or empty')
    matrix = np.asarray(numbers, np.float64).reshape(3, 3)
    unit = np.array([_IMAGE_SCALE, _IMAGE_SCALE, 1.0])
    singular = np.linalg.svd(matrix / unit[:, None] * unit, compute_uv=False)
    if not singular[2] > _FLATTEST * singular[0]:
        raise InputError(f'registration.homography = {tuple(numbers)} has no inverse: '
                         'calibrate it from four or more points that are not on one line')
    if abs(matrix[2, 2]) <= _FLATTEST * np.abs(matrix).max():
        raise InputError(f'registration.homography = {tuple(numbers)} maps the thermal corner '
                         'pixel to infinity: its last number must not be 0')
    return np.asarray(matrix / matrix[2, 2], np.float64)
