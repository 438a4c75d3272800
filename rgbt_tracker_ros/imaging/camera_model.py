# SPDX-License-Identifier: Apache-2.0
"""A calibrated camera: from directions in its optical frame to pixels of the image as it comes."""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError

Matrix = NDArray[np.float64]
Size = tuple[int, int]

_DISTORTIONS = {'plumb_bob': (4, 5), 'rational_polynomial': (8, 12, 14), 'equidistant': (4,)}
"""Models of lens distortion and their numbers of coefficients (sensor_msgs/distortion_models)."""

_GRID = 9

_SAME_SHAPE = 0.02
"""Most that the two scales of an image may differ, relative."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What sensor_msgs/CameraInfo says about a camera.

    Attributes
    ----------
    size
        (width, height) that `k` and `p` are for: the whole sensor; zeros = not said.
    k, r, p
        Row-major 3 x 3, 3 x 3 and 3 x 4 matrices: intrinsics, rectification, projection.
    distortion_model, d
        How the lens bends the raw image.
    roi
        (x, y, width, height) of the part that is sent, pixels of the whole sensor; zeros = all.
    binning
        Sensor pixels per image pixel, x and y.
    rectified
        The image is the rectified one (`image_rect`), so that `p` holds, and the lens does not
        matter any more; else it is the raw one, and `k` holds.

    """

    size: Size
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]
    distortion_model: str = ''
    d: tuple[float, ...] = ()
    roi: tuple[int, int, int, int] = (0, 0, 0, 0)
    binning: tuple[int, int] = (1, 1)
    rectified: bool = False

    def matrix(self, image: Size | None = None) -> Matrix:
        """Return the 3 x 3 map from directions in the optical frame to pixels of an image.

        Parameters
        ----------
        image
            (width, height) of the image as it comes; it may have been scaled after it left the
            driver. None = as the driver sends it.

        Raises
        ------
        InputError
            If the camera is not calibrated, or the numbers are none of a camera.

        """
        full = self._full()
        region = self._region(image)
        width, height = image or (region[2] / self.binning[0], region[3] / self.binning[1])
        x, y = width / region[2], height / region[3]
        # Indices count pixel centres: cropping and scaling keep the corner, index -0.5.
        to_image = np.array([[x, 0, x * (0.5 - region[0]) - 0.5],
                             [0, y, y * (0.5 - region[1]) - 0.5], [0, 0, 1]])
        return np.asarray(to_image @ full, np.float64)

    def doubt(self, image: Size) -> str:
        """Return why images of a size may be none of this calibration; empty = they may be."""
        _, _, width, height = self._region(image)
        if abs(image[0] / width / (image[1] / height) - 1) <= _SAME_SHAPE:
            return ''
        return (f'CameraInfo is for images of {width}x{height}, but they are '
                f'{image[0]}x{image[1]}: is it that of another camera or mode?')

    def bend(self, image: Size) -> tuple[float, float] | None:
        """Return how far the lens bends an image's border (the most) and centre, pixels.

        None where the distortion model is unknown.
        """
        if self.rectified or not any(self.d):
            return 0.0, 0.0
        if len(self.d) not in _DISTORTIONS.get(self.distortion_model, ()):
            return None
        matrix = self.matrix(image)
        x, y = np.meshgrid(*(np.linspace(0, side - 1, _GRID) for side in image))
        straight = np.stack((x, y), axis=-1).reshape(-1, 1, 2)
        rays = cv2.perspectiveTransform(straight, np.linalg.inv(matrix))
        coefficients = np.asarray(self.d, np.float64)
        if self.distortion_model == 'equidistant':
            bent = cv2.fisheye.distortPoints(rays, np.eye(3), coefficients)
        else:
            points = np.dstack((rays, np.ones_like(rays[..., :1])))
            bent, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.eye(3), coefficients)
        moved = cv2.perspectiveTransform(bent.reshape(-1, 1, 2), matrix) - straight
        lengths = np.linalg.norm(moved, axis=-1).reshape(_GRID, _GRID)
        third = _GRID // 3
        return float(lengths.max()), float(lengths[third:-third, third:-third].mean())

    def _full(self) -> Matrix:
        matrix = np.asarray(self.k, np.float64).reshape(3, 3)
        projection = np.asarray(self.p, np.float64).reshape(3, 4)[:, :3]
        if self.rectified and projection.any():
            turn = np.asarray(self.r, np.float64).reshape(3, 3)
            matrix = projection @ (turn if turn.any() else np.eye(3))
        if not matrix.any():
            raise InputError('is not calibrated (K in its CameraInfo is all zero): calibrate it, '
                             'or set registration.homography')
        if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
            raise InputError(f'has K = {np.round(matrix, 3).tolist()} in its CameraInfo, which '
                             'is no camera: calibrate it anew')
        return matrix

    def _region(self, image: Size | None) -> tuple[int, int, int, int]:
        """Return what the image shows, in sensor pixels: x, y, width, height."""
        x, y, width, height = self.roi
        if width and height:
            return x, y, width, height
        width, height = self.size
        if width and height:
            return 0, 0, width, height
        if image is None:
            raise InputError('has no size in its CameraInfo: let its driver set width and height')
        return 0, 0, image[0] * self.binning[0], image[1] * self.binning[1]
