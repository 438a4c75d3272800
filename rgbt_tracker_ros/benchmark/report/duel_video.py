# SPDX-License-Identifier: Apache-2.0
"""Pictures of two trackers in one sequence: both boxes, the truth, and the IoU over time."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.box_files import Floats
from rgbt_tracker_ros.benchmark.datasets.sequence import has_area
from rgbt_tracker_ros.benchmark.overlay import (
    GREY,
    INK,
    WHITE,
    Color,
    Image,
    draw_box,
    draw_label,
    in_rgb_frame,
)
from rgbt_tracker_ros.benchmark.recording import RawFrames, read_frames
from rgbt_tracker_ros.benchmark.report.duel import Duel
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import Settings

FIRST: Color = (86, 180, 233)
SECOND: Color = (240, 140, 30)

_WIDTH, _PANEL, _HEAD, _FOOT, _GAP = 1284, 480, 40, 176, 4
_LEFT, _TOP, _BOTTOM = 340, 16, 30
_RIGHT = 20
_NAME = 22
_THICK = 3
_SMALL, _ENLARGED = 48, 216
"""A target smaller than the one, pixels in the panel, is also shown in a view as large as the
other.
"""
_TITLE = 44
_FONT = cv2.FONT_HERSHEY_DUPLEX
_FARTHEST = 1e5
"""Pixels; OpenCV cannot draw a box that is much farther away or larger."""
_JOINED = 15
"""Frames without a truth between two points that a line still joins."""


def draw_duel(duel: Duel, names: tuple[str, str]) -> Iterator[Image]:
    """Yield the pictures of a duel's span, all of one size whatever the recordings' size is.

    Parameters
    ----------
    duel
        The sequence, the boxes of both trackers and the span.
    names
        Of the trackers.

    Raises
    ------
    InputError
        If a frame cannot be read.

    """
    begin, end = duel.span
    sequence = duel.sequence
    normalize = ThermalNormalizer(Settings().thermal)
    chart = _chart(duel, names)
    frames = read_frames(sequence.rgb, sequence.thermal, sequence.start + begin)
    for index, raw in zip(range(begin, end), islice(frames, end - begin), strict=False):
        panels = _panels(raw, duel, index, normalize)
        yield np.concatenate([_head(duel, index), panels, _foot(chart, duel, index)])


def _panels(raw: RawFrames, duel: Duel, index: int, normalize: ThermalNormalizer) -> Image:
    images: list[tuple[str, Image]] = []
    size = None
    if raw.rgb is not None:
        size = raw.rgb.shape[1::-1]
        images.append(('rgb', raw.rgb))
    if raw.thermal is not None:
        thermal = normalize(raw.thermal)
        grey = in_rgb_frame(thermal, size or thermal.shape[1::-1])
        images.append(('thermal', np.stack([grey] * 3, axis=2)))
    width = (_WIDTH - _GAP * (len(images) - 1)) // len(images)
    gap = np.full((_PANEL, _GAP, 3), INK, np.uint8)
    row = [part for camera, image in images
           for part in (_panel(image, camera, duel, index, width), gap)][:-1]
    return np.concatenate(row, axis=1)


def _panel(image: Image, camera: str, duel: Duel, index: int, width: int) -> Image:
    """Return an image with all boxes, fitted into a panel, and a small target enlarged."""
    scale = min(_PANEL / image.shape[0], width / image.shape[1])
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    shown = np.asarray(cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8)
    _draw_boxes(shown, scale, (0.0, 0.0), duel, camera, index)
    panel = np.full((_PANEL, width, 3), INK, np.uint8)
    y, x = (_PANEL - size[1]) // 2, (width - size[0]) // 2
    panel[y:y + size[1], x:x + size[0]] = shown
    true = _truth(duel, camera)[index]
    if has_area(true[None])[0] and max(true[2:]) * scale < _SMALL:
        # Always in the same corner, away from where the target is most of the time.
        place = np.nanmedian(_truth(duel, camera)[slice(*duel.span)], axis=0)
        left = width - _ENLARGED if place[0] * scale + x < width / 2 else 0
        top = _PANEL - _ENLARGED if place[1] * scale + y < _PANEL / 2 else 0
        panel[top:top + _ENLARGED, left:left + _ENLARGED] = _enlarged(image, duel, camera, index)
    draw_label(panel, camera.upper(), (0, 0))
    return panel


def _enlarged(image: Image, duel: Duel, camera: str, index: int) -> Image:
    """Return the surroundings of the true box, four of its longer sides wide."""
    true = _truth(duel, camera)[index]
    side = 4 * float(max(true[2:]))
    corner = true[:2] + true[2:] / 2 - side / 2
    scale = _ENLARGED / side
    shown = np.asarray(cv2.warpAffine(
        image, scale * np.array([[1, 0, -corner[0]], [0, 1, -corner[1]]]),
        (_ENLARGED, _ENLARGED), flags=cv2.INTER_CUBIC, borderValue=INK), np.uint8)
    _draw_boxes(shown, scale, (corner[0], corner[1]), duel, camera, index)
    cv2.rectangle(shown, (0, 0), (_ENLARGED - 1, _ENLARGED - 1), GREY, 2)
    return shown


def _draw_boxes(shown: Image, scale: float, corner: tuple[float, float], duel: Duel, camera: str,
                index: int) -> None:
    """Draw results and truth into a view, in place; `corner` is its top-left one in the image."""
    # Dashes let the other box shine through where both are the same.
    for boxes, color, dashed in zip(duel.boxes, (FIRST, SECOND), (False, True), strict=True):
        x, y, w, h = np.clip(boxes[index], -_FARTHEST, _FARTHEST).tolist()
        draw_box(shown, Box(x - corner[0], y - corner[1], w, h), lost=dashed, scale=scale,
                 color=color, thick=_THICK)
    true = _truth(duel, camera)[index]
    if has_area(true[None])[0]:
        # Thinner than the others and without a dark border: it hides no box that is the same.
        sides = np.array([true[:2], true[:2] + true[2:]]) - corner
        first, last = np.round(scale * sides - 0.5).astype(int).tolist()
        cv2.rectangle(shown, first, last, WHITE, 1)


def _truth(duel: Duel, camera: str) -> Floats:
    truth = duel.sequence.truth
    return truth.get('both', truth.get(camera, duel.sequence.main_truth))


def _head(duel: Duel, index: int) -> Image:
    head = np.full((_HEAD, _WIDTH, 3), INK, np.uint8)
    _write(head, _cut(duel.sequence.name, _TITLE), 14, 27, WHITE, 0.65)
    tags = _cut(' '.join(duel.sequence.attributes), _TITLE)
    _write(head, f'{tags}   frame {index + 1} of {len(duel.boxes[0])}', _WIDTH - 14, 27, GREY,
           right=True)
    return head


def _chart(duel: Duel, names: tuple[str, str]) -> Image:
    """Return the foot without what changes from frame to frame."""
    foot = np.full((_FOOT, _WIDTH, 3), INK, np.uint8)
    length = len(duel.ious[0])
    begin, end = (_column(index, length) for index in (duel.span[0], duel.span[1] - 1))
    foot[_TOP:_FOOT - _BOTTOM, begin:end + 1] = (44, 52, 66)
    for value in (0.0, 0.5, 1.0):
        cv2.line(foot, (_LEFT, _row(value)), (_WIDTH - _RIGHT, _row(value)), (70, 78, 92), 1)
        _write(foot, f'{value:.1f}', _LEFT - 8, _row(value) + 5, GREY, 0.45, right=True)
    _write(foot, 'IoU over the whole sequence; lighter: what is shown', _LEFT, _FOOT - 9, GREY,
           0.45)
    for ious, color in zip(duel.ious, (FIRST, SECOND), strict=True):
        _draw_curve(foot, ious, color)
    scores = (duel.difference.first, duel.difference.second)
    for line, (name, color, score) in enumerate(zip(names, (FIRST, SECOND), scores, strict=True)):
        y = _TOP + 18 + 44 * line
        cv2.line(foot, (14, y - 5), (44, y - 5), color, 3)
        _write(foot, _cut(name, _NAME), 54, y, color)
        _write(foot, f'SR {100 * score.sr:.1f}', 54, y + 19, GREY, 0.45)
    cv2.line(foot, (14, _TOP + 101), (44, _TOP + 101), WHITE, 1)
    _write(foot, 'truth', 54, _TOP + 106, WHITE)
    return foot


def _foot(chart: Image, duel: Duel, index: int) -> Image:
    foot = np.array(chart)
    x = _column(index, len(duel.ious[0]))
    cv2.line(foot, (x, _TOP), (x, _FOOT - _BOTTOM), WHITE, 1)
    for line, (ious, color) in enumerate(zip(duel.ious, (FIRST, SECOND), strict=True)):
        value = float(ious[index])
        said = '-' if math.isnan(value) else f'{value:.2f}'
        _write(foot, f'IoU {said}', 140, _TOP + 37 + 44 * line, color, 0.45)
        if not math.isnan(value):
            cv2.circle(foot, (x, _row(value)), 4, color, -1, cv2.LINE_AA)
    return foot


def _draw_curve(foot: Image, ious: NDArray[np.float64], color: Color) -> None:
    there = np.flatnonzero(np.isfinite(ious))
    for run in np.split(there, np.flatnonzero(np.diff(there) > _JOINED) + 1):
        points = np.array([(_column(index, len(ious)), _row(ious[index])) for index in run],
                          np.int32).reshape(-1, 1, 2)
        cv2.polylines(foot, [points], False, color, 1, cv2.LINE_AA)


def _column(index: int, length: int) -> int:
    return _LEFT + round((_WIDTH - _RIGHT - 1 - _LEFT) * index / max(length - 1, 1))


def _row(value: float) -> int:
    return round(_FOOT - _BOTTOM - value * (_FOOT - _BOTTOM - _TOP))


def _write(image: Image, text: str, x: int, y: int, color: Color, size: float = 0.55,
           right: bool = False) -> None:
    """Write a text from x on, or up to x, on the base line y."""
    if right:
        x -= cv2.getTextSize(text, _FONT, size, 1)[0][0]
    cv2.putText(image, text, (x, y), _FONT, size, color, 1, cv2.LINE_AA)


def _cut(text: str, length: int) -> str:
    """Return a text in the letters OpenCV's font has, not too long."""
    text = text.encode('ascii', 'replace').decode('ascii')
    return text if len(text) <= length else text[:length - 3] + '...'
