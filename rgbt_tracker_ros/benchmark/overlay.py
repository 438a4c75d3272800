# SPDX-License-Identifier: Apache-2.0
"""Draws what the tracker sees and says: RGB, thermal and fused panels over a status bar."""
from __future__ import annotations

from collections.abc import Mapping
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.result import State, TrackResult

Image = NDArray[np.uint8]
Color = tuple[int, int, int]

GREEN: Color = (72, 220, 120)
RED: Color = (255, 76, 76)
WHITE: Color = (245, 247, 250)
GREY: Color = (150, 158, 170)
AMBER: Color = (255, 190, 70)
INK: Color = (22, 26, 33)

_FONT = cv2.FONT_HERSHEY_DUPLEX
_PANEL = 480
_BAR = 48
_GAP = 4
_SUBPIXEL_BITS = 4
_MODES = {'rgbt': 'RGB + thermal', 'rgb': 'RGB only', 'thermal': 'thermal only',
          'none': 'no camera'}


def draw_box(image: Image, box: Box, lost: bool = False, scale: float = 1.0,
             color: Color | None = None, thick: int = 0) -> None:
    """Draw a box into an RGB image, in place: green, or dashed red when lost.

    Parameters
    ----------
    image
        H x W x 3, contiguous.
    box
        Box in pixels of the image before it was scaled.
    lost
        Draws dashes.
    scale
        Size of the image over that of the frame the box is given in.
    color, thick
        Instead of the usual colour and line width (pixels).

    """
    color = color or (RED if lost else GREEN)
    thick = thick or max(round(min(image.shape[:2]) / 240), 1)
    left, top = box.x * scale, box.y * scale
    right, bottom = (box.x + box.w) * scale, (box.y + box.h) * scale
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    for begin, end in zip(corners, corners[1:] + corners[:1], strict=True):
        pieces = _dashes(begin, end) if lost else [(begin, end)]
        # A dark line underneath keeps the box legible on any background.
        for width, ink in ((thick + 2, INK), (thick, color)):
            for first, last in pieces:
                cv2.line(image, _fixed(first), _fixed(last), ink, width, cv2.LINE_AA,
                         _SUBPIXEL_BITS)


def draw_label(image: Image, text: str, place: tuple[int, int], color: Color = WHITE,
               size: float = 0.55) -> None:
    """Write a text on a dark plate whose top-left corner is at `place` (x, y)."""
    (width, height), base = cv2.getTextSize(text, _FONT, size, 1)
    x, y = place
    plate = image[y:y + height + base + 8, x:x + width + 16]
    plate[:] = np.asarray(plate * 0.3 + np.array(INK) * 0.7, np.uint8)
    cv2.putText(image, text, (x + 8, y + height + 5), _FONT, size, color, 1, cv2.LINE_AA)


def compose(rgb: Image | None, thermal: Image | None, result: TrackResult, *,
            caption: str = '', event: str = '', fused: bool = False, truth: Box | None = None,
            notes: Mapping[str, str] | None = None) -> Image:
    """Return the panels of one frame, 480 pixels high, over a status bar.

    Parameters
    ----------
    rgb
        H x W x 3, or None when there is no such camera.
    thermal
        H x W in the RGB image's frame (see `in_rgb_frame`), or None; H x W x 3 of another second
        camera is shown as it is.
    result
        What the tracker said.
    caption
        Stands at the left of the bar, for example the frame's number.
    event
        Stands at the right of the bar: what happens in the scene.
    fused
        Adds a panel with the fused search crop, empty where the result has none.
    truth
        True box, drawn thin and white.
    notes
        Per camera (`rgb`, `thermal`) why it is left out; its panel is dimmed.

    """
    notes = notes or {}
    panels = []
    if rgb is not None:
        panels.append(_panel(rgb, 'RGB', result, truth, notes.get('rgb', '')))
    if thermal is not None:
        name = 'THERMAL'
        if thermal.ndim == 3:
            name = 'SECOND CAMERA'
        else:
            thermal = np.asarray(cv2.cvtColor(
                cv2.applyColorMap(thermal, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), np.uint8)
        panels.append(_panel(thermal, name, result, truth, notes.get('thermal', '')))
    if fused:
        panels.append(_fused_panel(result))
    gap = np.full((_PANEL, _GAP, 3), INK, np.uint8)
    row = [part for panel in panels for part in (panel, gap)][:-1]
    image = np.concatenate(row, axis=1)
    return np.concatenate([image, _bar(image.shape[1], result, caption, event)])


def in_rgb_frame(thermal: Image, size: tuple[int, int],
                 thermal_to_rgb: NDArray[np.float64] | None = None) -> Image:
    """Return a thermal image resampled to the RGB image's (width, height) and view."""
    if thermal_to_rgb is not None:
        return np.asarray(cv2.warpPerspective(thermal, thermal_to_rgb, size), np.uint8)
    if thermal.shape[1::-1] == size:
        return thermal
    return np.asarray(cv2.resize(thermal, size), np.uint8)


def in_color(image: Image) -> Image:
    """Return a grey image as H x W x 3; one that has three channels is the result itself."""
    return np.stack([image] * 3, axis=2) if image.ndim == 2 else image


def _panel(image: Image, name: str, result: TrackResult, truth: Box | None, note: str) -> Image:
    scale = _PANEL / image.shape[0]
    panel = _resized(image, round(image.shape[1] * scale))
    if note:
        panel = np.asarray(panel * 0.45, np.uint8)
    if truth is not None and all(map(math.isfinite, truth)):
        draw_box(panel, truth, scale=scale, color=WHITE, thick=1)
    draw_box(panel, result.box, lost=result.state is State.LOST, scale=scale)
    draw_label(panel, f'{name}: {note}' if note else name, (0, 0), AMBER if note else WHITE)
    return panel


def _fused_panel(result: TrackResult) -> Image:
    region = result.crop_box
    if result.fused is None or region is None:
        panel = np.full((_PANEL, _PANEL, 3), INK, np.uint8)
    else:
        panel = _resized(result.fused, _PANEL)
        inside = Box(result.box.x - region.x, result.box.y - region.y, result.box.w, result.box.h)
        draw_box(panel, inside, lost=result.state is State.LOST, scale=_PANEL / region.w)
    draw_label(panel, 'FUSED (search region)', (0, 0))
    return panel


def _bar(width: int, result: TrackResult, caption: str, event: str) -> Image:
    bar = np.full((_BAR, width, 3), INK, np.uint8)
    color = RED if result.state is State.LOST else GREEN
    cv2.rectangle(bar, (12, 11), (122, _BAR - 12), color, -1, cv2.LINE_AA)
    _write(bar, result.state.value.upper(), 67, INK, align=0.5)
    cv2.rectangle(bar, (142, 20), (262, _BAR - 21), (58, 66, 80), -1)
    cv2.rectangle(bar, (142, 20), (142 + round(120 * result.score), _BAR - 21), color, -1)
    _write(bar, f'{result.score:.2f}', 274, WHITE)
    _write(bar, _MODES.get(result.mode, result.mode), 340,
           WHITE if result.mode == 'rgbt' else AMBER)
    _write(bar, caption, 510, GREY)
    _write(bar, event, width - 14, AMBER, align=1.0)
    return bar


def _write(bar: Image, text: str, x: int, color: Color, align: float = 0.0) -> None:
    """Write a text in the bar; align 0 starts at x, 0.5 is centred, 1 ends there."""
    (width, height), _ = cv2.getTextSize(text, _FONT, 0.55, 1)
    cv2.putText(bar, text, (round(x - align * width), (_BAR + height) // 2), _FONT, 0.55, color, 1,
                cv2.LINE_AA)


def _resized(image: Image, width: int) -> Image:
    if image.shape[:2] == (_PANEL, width):
        return np.array(image)
    shrinks = image.shape[0] > _PANEL
    return np.asarray(cv2.resize(image, (width, _PANEL), interpolation=cv2.INTER_AREA if shrinks
                                 else cv2.INTER_CUBIC), np.uint8)


def _dashes(begin: tuple[float, float], end: tuple[float, float],
            ) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Cut a side into dashes; both ends of the side are drawn, so that corners stay closed."""
    length = math.dist(begin, end)
    count = max(round(length / 18), 1)
    cuts = [index / (2 * count + 1) for index in range(2 * count + 2)]
    points = [(begin[0] + (end[0] - begin[0]) * cut, begin[1] + (end[1] - begin[1]) * cut)
              for cut in cuts]
    return list(zip(points[::2], points[1::2], strict=True))


def _fixed(point: tuple[float, float]) -> tuple[int, int]:
    """Return the point in OpenCV's fixed-point coordinates (pixel centres at whole numbers)."""
    unit = 1 << _SUBPIXEL_BITS
    return round((point[0] - 0.5) * unit), round((point[1] - 0.5) * unit)
