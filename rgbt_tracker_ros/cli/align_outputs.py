# SPDX-License-Identifier: Apache-2.0
"""What `rgbt-tracker align` writes: a parameter file, and a picture to judge by eye."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.overlay import AMBER, WHITE, draw_label, in_rgb_frame
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.alignment import Alignment, Fit

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_WIDTH = 640
"""Of each panel, pixels."""

_GAP = 6
_SQUARES = 8
_EDGE_SHARE = 0.08
"""Share of thermal pixels drawn as edges."""


def write_parameters(path: Path, found: Alignment, rgb: str, thermal: str) -> None:
    """Write a parameter file for the node, whole or not at all."""
    # All as floats: ROS takes no list of mixed types. YAML reads 1e-05 as text, 1.0e-05 not.
    numbers = ', '.join(_float(number) for number in found.matrix.ravel())
    # Names are quoted, so that one with a line break stays in its comment.
    text = (f'# Estimated by rgbt-tracker align from {rgb!r} and {thermal!r}:\n'
            f'# edges agree by {found.after.edges:.3f}, in the scaled view by '
            f'{found.before.edges:.3f}.\n'
            '/**:\n  ros__parameters:\n    registration:\n      source: homography\n'
            f'      homography: [{numbers}]\n')
    with replacing(path) as part:
        part.write_text(text, encoding='utf-8')


def write_picture(path: Path, rgb: Image, thermal: Image, found: Alignment) -> None:
    """Write both views on each other, before and after: edges above, squares below.

    Parameters
    ----------
    path
        Image file.
    rgb, thermal
        Grey images of one pair.
    found
        What was estimated.

    Raises
    ------
    InputError
        If the file cannot be written.

    """
    size = rgb.shape[1], rgb.shape[0]
    columns = [_column(rgb, in_rgb_frame(thermal, size, matrix), title, fit)
               for title, matrix, fit in (('BEFORE: scaled view', None, found.before),
                                          ('AFTER' if not found.objection else 'REFUSED',
                                           found.matrix, found.after))]
    gap = np.zeros((columns[0].shape[0], _GAP, 3), np.uint8)
    whole = cv2.cvtColor(np.concatenate((columns[0], gap, columns[1]), axis=1), cv2.COLOR_RGB2BGR)
    with replacing(path) as part:
        try:
            done = cv2.imwrite(str(part), whole)
        except cv2.error:
            done = False
        if not done:
            raise InputError(f'{path} cannot be written: give the name of a .png or .jpg file')


def _column(rgb: Image, thermal: Image, title: str, fit: Fit) -> Image:
    height = round(rgb.shape[0] * _WIDTH / rgb.shape[1])
    rgb, thermal = (np.asarray(cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA),
                               np.uint8) for image in (rgb, thermal))
    edges, squares = _with_edges(rgb, thermal), _in_squares(rgb, thermal)
    draw_label(edges, f'{title}: edges agree by {fit.edges:.3f}', (0, 0), WHITE)
    draw_label(edges, 'RGB with the edges of thermal', (0, height - 28), AMBER)
    draw_label(squares, 'squares of RGB and thermal in turn', (0, height - 28), AMBER)
    return np.concatenate((edges, np.zeros((_GAP, _WIDTH, 3), np.uint8), squares))


def _with_edges(rgb: Image, thermal: Image) -> Image:
    smooth = cv2.GaussianBlur(thermal.astype(np.float32), (0, 0), 1.5)
    strength = cv2.magnitude(cv2.Scharr(smooth, cv2.CV_32F, 1, 0),
                             cv2.Scharr(smooth, cv2.CV_32F, 0, 1))
    # Where thermal ends there is an edge, but not of the scene.
    strength[cv2.dilate(np.asarray(thermal == 0, np.uint8), np.ones((9, 9))) > 0] = 0
    image = np.dstack([rgb // 3 * 2] * 3)
    image[strength > max(float(np.quantile(strength, 1 - _EDGE_SHARE)), 1.0)] = AMBER
    return np.ascontiguousarray(image, np.uint8)


def _in_squares(rgb: Image, thermal: Image) -> Image:
    rows, columns = np.indices(rgb.shape)
    side = rgb.shape[1] / _SQUARES
    warm = (rows // side + columns // side) % 2 == 1
    colored = cv2.cvtColor(cv2.applyColorMap(thermal, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(
        np.where(warm[..., None], colored, np.dstack([rgb] * 3)), np.uint8)


def _float(number: float) -> str:
    mantissa, exponent, power = f'{number:.10g}'.partition('e')
    return (mantissa if '.' in mantissa else f'{mantissa}.0') + exponent + power
