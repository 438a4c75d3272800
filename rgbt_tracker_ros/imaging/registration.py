# SPDX-License-Identifier: Apache-2.0
"""How thermal pixels map to RGB pixels: by scale, by a homography, or by two calibrations."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.camera_model import Calibration
from rgbt_tracker_ros.settings import RegistrationSettings

Matrix = NDArray[np.float64]
Size = tuple[int, int]

_IMAGE_SCALE = 1000.0
"""Pixels taken as one unit when a homography is judged, so that shift and tilt compare."""

_FLATTEST = 1e-6
"""Smallest ratio of singular values: below it a view collapses to a line."""

_BEND = 2.0
"""Pixels of lens distortion from which a word about it is due."""


@dataclass(frozen=True, slots=True)
class Registered:
    """How the views of one pair correspond.

    Attributes
    ----------
    matrix
        3 x 3 homography from thermal to RGB pixels; None = same view, scaled.
    text
        What there is to say about it; empty = nothing.
    trouble
        The text says what is wrong.

    """

    matrix: Matrix | None
    text: str = ''
    trouble: bool = False


SAME_VIEW = Registered(None)


class Registration:
    """Knows the registration of a pair from its images' sizes.

    Parameters
    ----------
    settings
        Where it comes from.

    Raises
    ------
    InputError
        If `registration.homography` is no homography.

    """

    def __init__(self, settings: RegistrationSettings) -> None:
        self._calibrations: dict[str, Calibration] = {}
        self._known: tuple[object, Registered] = None, SAME_VIEW
        self.configure(settings)

    def configure(self, settings: RegistrationSettings) -> None:
        """Use other settings from now on; raise InputError and change nothing if they are bad."""
        self._fixed = thermal_to_rgb(settings)
        self._settings = settings

    def calibrate(self, camera: str, calibration: Calibration) -> None:
        """Take in the calibration of `rgb` or `thermal`; from any thread."""
        self._calibrations[camera] = calibration

    def __call__(self, rgb: Size | None, thermal: Size) -> Registered:
        """Return the registration of images of (width, height) `rgb` and `thermal`.

        `rgb` is None as long as no RGB image came.
        """
        if self._settings.source == 'homography':
            return Registered(self._fixed)
        calibrations = self._calibrations.get('rgb'), self._calibrations.get('thermal')
        key = self._settings, *calibrations, rgb, thermal
        if key != self._known[0]:
            self._known = key, self._by_calibration(*calibrations, rgb, thermal)
        return self._known[1]

    def _by_calibration(self, rgb: Calibration | None, thermal: Calibration | None,
                        rgb_size: Size | None, thermal_size: Size) -> Registered:
        missing = [f'{name}/camera_info' for name, given in (('rgb', rgb), ('thermal', thermal))
                   if given is None]
        if rgb is None or thermal is None:
            return _scaled(f'no message on {" and ".join(missing)} yet')
        cameras = ('rgb', rgb, rgb_size), ('thermal', thermal, thermal_size)
        matrices = {}
        for name, calibration, size in cameras:
            try:
                matrices[name] = calibration.matrix(size)
            except InputError as error:
                return _scaled(f'the {name} camera {error}')
        settings = self._settings
        try:
            matrix = checked_homography(plane_homography(
                matrices['rgb'], matrices['thermal'], settings.depth, settings.translation,
                settings.rotation))
        except InputError as error:
            return _scaled(f'by registration.translation {settings.translation} and '
                           f'registration.rotation {settings.rotation} the map {error}')
        doubts = [text for name, calibration, size in cameras if size is not None
                  for text in _doubts(name, calibration, size)]
        return Registered(matrix, '; '.join([
            f'by both CameraInfo at {settings.depth:g} m', *doubts]), bool(doubts))


def thermal_to_rgb(settings: RegistrationSettings) -> Matrix | None:
    """Return `registration.homography` as a matrix with its last element 1.

    Returns None when the cameras share one view; the crops then scale whichever sizes differ.

    Raises
    ------
    InputError
        If the nine numbers are not finite, or do not map a plane to a plane.

    """
    numbers = settings.homography
    if not numbers:
        return None
    name = f'registration.homography = {tuple(numbers)}'
    if len(numbers) != 9 or not np.isfinite(numbers).all():
        raise InputError(f'{name} must be nine finite numbers in row-major order, or empty')
    try:
        return checked_homography(np.asarray(numbers, np.float64).reshape(3, 3))
    except InputError as error:
        raise InputError(f'{name} {error}') from None


def checked_homography(matrix: Matrix) -> Matrix:
    """Return a homography with its last element 1, or raise InputError where it is none."""
    unit = np.array([_IMAGE_SCALE, _IMAGE_SCALE, 1.0])
    singular = np.linalg.svd(matrix / unit[:, None] * unit, compute_uv=False)
    if not singular[2] > _FLATTEST * singular[0]:
        raise InputError('has no inverse: calibrate it from four or more points that are not on '
                         'one line')
    if abs(matrix[2, 2]) <= _FLATTEST * np.abs(matrix).max():
        raise InputError('maps the thermal corner pixel to infinity: its last number must not be '
                         '0')
    return np.asarray(matrix / matrix[2, 2], np.float64)


def scaled_view(source: Size, target: Size) -> Matrix:
    """Return the map between the pixels of two images, (width, height), of the same view."""
    x, y = target[0] / source[0], target[1] / source[1]
    # Indices count pixel centres, so the two grids meet at their corners, index -0.5.
    return np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])


def reached_size(matrix: Matrix, thermal: Size) -> Size | None:
    """Return the least (width, height) of an RGB image in which a whole thermal image lies.

    None where a map sends a part of it to infinity.
    """
    width, height = thermal
    corners = matrix @ np.array([[-0.5, width - 0.5, width - 0.5, -0.5],
                                 [-0.5, -0.5, height - 0.5, height - 0.5], [1, 1, 1, 1]])
    if corners[2].min() <= _FLATTEST:
        return None
    x, y = (corners[:2] / corners[2]).max(axis=1) + 0.5
    return max(math.ceil(x - _FLATTEST), 1), max(math.ceil(y - _FLATTEST), 1)


def plane_homography(rgb: Matrix, thermal: Matrix, depth: float, translation: Sequence[float],
                     rotation: Sequence[float]) -> Matrix:
    """Return the map from thermal to RGB pixels of what is `depth` before the thermal camera.

    Parameters
    ----------
    rgb, thermal
        3 x 3 intrinsics of both cameras, pixels.
    depth
        Distance of the plane along the thermal camera's axis, m; the plane faces that camera.
    translation
        Where the thermal camera is in the RGB camera's optical frame, m (x right, y down,
        z forward: REP-103).
    rotation
        How it is turned there: roll, pitch and yaw about the fixed x, y and z axes, rad; the
        numbers of a static transform from the RGB to the thermal optical frame.

    """
    turn = rotation_matrix(*rotation)
    # A point X of the plane has n X = depth with n = (0, 0, 1), so t = (t n / depth) X.
    move = np.outer(np.asarray(translation, np.float64), (0.0, 0.0, 1.0 / depth))
    return np.asarray(rgb @ (turn + move) @ np.linalg.inv(thermal), np.float64)


def rotation_matrix(roll: float, pitch: float, yaw: float) -> Matrix:
    """Return the rotation about the fixed axes x, then y, then z (as in URDF and tf2)."""
    (sr, cr), (sp, cp), (sy, cy) = ((math.sin(angle), math.cos(angle))
                                    for angle in (roll, pitch, yaw))
    return np.array([[cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
                     [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
                     [-sp, cp * sr, cp * cr]])


def _scaled(reason: str) -> Registered:
    return Registered(None, f'registration.source is camera_info, but {reason}; meanwhile '
                      'thermal is taken for the scaled RGB view', True)


def _doubts(name: str, calibration: Calibration, size: Size) -> list[str]:
    doubts = [f'{name}: {text}' for text in [calibration.doubt(size)] if text]
    bend = calibration.bend(size)
    if bend is None:
        doubts.append(f'{name}: distortion model {calibration.distortion_model!r} with '
                      f'{len(calibration.d)} coefficients is unknown: give rectified images')
    elif max(bend) > _BEND:
        doubts.append(f'{name}: its lens bends the image by {bend[0]:.1f} px at the border and '
                      f'{bend[1]:.1f} px in the centre: give rectified images (image_proc)')
    return doubts
