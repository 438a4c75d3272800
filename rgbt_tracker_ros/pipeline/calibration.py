# SPDX-License-Identifier: Apache-2.0
"""Camera calibrations out of messages."""
from __future__ import annotations

from typing import Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.camera_model import Calibration


def calibration(message: Any, rectified: bool) -> Calibration:
    """Read anything with the fields of sensor_msgs/CameraInfo.

    Parameters
    ----------
    message
        From a topic or from a bag.
    rectified
        The images are the rectified ones.

    Raises
    ------
    InputError
        If a matrix has not as many numbers as it needs.

    """
    matrices = {name: tuple(map(float, getattr(message, name))) for name in 'krp'}
    for name, length in (('k', 9), ('r', 9), ('p', 12)):
        if len(matrices[name]) != length:
            raise InputError(f'CameraInfo has {len(matrices[name])} numbers in '
                             f'{name.upper()}: {length} are needed')
    roi = message.roi
    return Calibration(
        (int(message.width), int(message.height)), **matrices,
        distortion_model=str(message.distortion_model), d=tuple(map(float, message.d)),
        roi=(int(roi.x_offset), int(roi.y_offset), int(roi.width), int(roi.height)),
        # Zero means the same as one.
        binning=(max(int(message.binning_x), 1), max(int(message.binning_y), 1)),
        rectified=rectified)


def shows_rectified(topic: str) -> bool:
    """Return whether a topic carries rectified images, by its name (image_rect...)."""
    return topic.removesuffix('/compressed').rpartition('/')[2].startswith('image_rect')
