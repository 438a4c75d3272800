# SPDX-License-Identifier: Apache-2.0
"""Failures as one small picture: a row each, RGB over thermal, the template first."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from rgbt_tracker_ros.benchmark.failures import Failure, Moment
from rgbt_tracker_ros.benchmark.overlay import (
    GREEN,
    INK,
    RED,
    WHITE,
    Image,
    draw_box,
    draw_label,
    in_color,
    in_rgb_frame,
)
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import CAMERAS

_SIDE = 176
_GAP = 4
_TITLE = 22
_QUALITY = 80
_AROUND_TEMPLATE, _AROUND_SEARCH = 2.0, 4.0
"""Sides of what is shown over the mean side of the box, as in the network's crops."""


def draw_failures(failures: Sequence[Failure], path: Path) -> None:
    """Write the picture: found boxes red, true ones green; what was searched, and where it is.

    Parameters
    ----------
    failures
        At least one.
    path
        A PNG or JPEG by its suffix; JPEG is a fifth as large.

    Raises
    ------
    InputError
        If the file cannot be written.

    """
    cameras = [camera for camera in CAMERAS if any(
        getattr(moment.pair, camera) is not None for failure in failures
        for moment in failure.moments)]
    rows = [_row(failure, cameras) for failure in failures]
    width = max(row.shape[1] for row in rows)
    image = np.concatenate([cv2.copyMakeBorder(
        row, 0, _GAP, 0, width - row.shape[1], cv2.BORDER_CONSTANT, value=INK) for row in rows])
    options = (cv2.IMWRITE_JPEG_QUALITY, _QUALITY) if path.suffix != '.png' else ()
    try:
        done, data = cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    except cv2.error:
        done = False
    if not done:
        raise InputError(f'--failures {path}: give a name that ends in .png or .jpg')
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise InputError(f'--failures {path} cannot be written ({error.strerror})') from error


def _row(failure: Failure, cameras: Sequence[str]) -> Image:
    """Return the moments of one failure side by side, under its name."""
    first, *rest = failure.moments
    columns = [_column(first, cameras, _AROUND_TEMPLATE, 'template')]
    columns += [_column(moment, cameras, _AROUND_SEARCH, f'{moment.frame}: IoU {moment.iou:.2f}')
                for moment in rest]
    gap = np.full((columns[0].shape[0], _GAP, 3), INK, np.uint8)
    strip = np.concatenate([part for column in columns for part in (column, gap)], axis=1)
    title = np.full((_TITLE, strip.shape[1], 3), INK, np.uint8)
    event = f', {failure.event}' if failure.event else ''
    cv2.putText(title, f'{failure.sequence}: SR {failure.sr:.2f}{event}', (6, 15),
                cv2.FONT_HERSHEY_DUPLEX, 0.42, WHITE, 1, cv2.LINE_AA)
    return np.concatenate([title, strip])


def _column(moment: Moment, cameras: Sequence[str], factor: float, label: str) -> Image:
    """Return a square around where the target was, from the cameras, one over the other."""
    around = moment.around
    side = factor * float(np.sqrt(around.w * around.h))
    x, y = around.x + around.w / 2 - side / 2, around.y + around.h / 2 - side / 2
    scale = _SIDE / side
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    parts = []
    for image in (_image(moment, camera) for camera in cameras):
        part = np.asarray(cv2.warpAffine(in_color(image), matrix, (_SIDE, _SIDE),
                                         borderValue=(127, 127, 127)), np.uint8)
        for box, color in ((moment.truth, GREEN), (moment.found, RED)):
            if box is not None:
                draw_box(part, Box(box.x - x, box.y - y, box.w, box.h), scale=scale, color=color,
                         thick=1)
        parts.append(part)
    draw_label(parts[0], label, (0, 0), size=0.36)
    return np.concatenate(parts)


def _image(moment: Moment, camera: str) -> Image:
    """Return what a camera shows, in the view of RGB; black where there is no image."""
    pair = moment.pair
    image: Image | None = getattr(pair, camera)
    if image is None:
        return np.zeros((pair.height, pair.width), np.uint8)
    if camera == 'rgb':
        return image
    return in_rgb_frame(image, (pair.width, pair.height), pair.thermal_to_rgb)
