# SPDX-License-Identifier: Apache-2.0
"""One picture of a tracked recording: key frames above, what happened over time below."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rgbt_tracker_ros.benchmark.metrics import overlaps
from rgbt_tracker_ros.benchmark.overlay import INK, WHITE, draw_box
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.result import State, TrackResult

Image = NDArray[np.uint8]

_TILE = 360
_DPI = 110
_EVENT_COLORS = ('#7f6bbd', '#4a8fd0', '#e08e33', '#4d8f9c', '#b55a8e', '#6aa84f', '#d2504f',
                 '#8a8a8a')
_MODE_COLORS = {'rgbt': '#2f9e62', 'rgb': '#e8a33d', 'thermal': '#c2542d', 'none': '#333333'}
_MODE_NAMES = {'rgbt': 'RGB + thermal', 'rgb': 'RGB only', 'thermal': 'thermal only',
               'none': 'no camera'}


@dataclass(frozen=True, slots=True)
class Span:
    """Something that goes on between two times, seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """One frame of the film strip.

    Attributes
    ----------
    index
        Its place in the timeline.
    rgb
        H x W x 3, or None.
    thermal
        H x W 8-bit image in the RGB image's frame, or None.

    """

    index: int
    rgb: Image | None
    thermal: Image | None


def spans(names: Sequence[str], times: Sequence[float] | NDArray[np.float64],
          skip: Sequence[str] = ('', 'clear')) -> list[Span]:
    """Return the runs of each name in a list of names per frame.

    Parameters
    ----------
    names
        Per frame; several that go on at once are joined by `+`.
    times
        Per frame, seconds.
    skip
        Names of nothing going on.

    """
    found = []
    for name in dict.fromkeys(part for item in names for part in item.split('+')):
        if name in skip:
            continue
        active = [index for index, item in enumerate(names) if name in item.split('+')]
        start = active[0]
        for index, following in zip(active, [*active[1:], -1], strict=True):
            if following != index + 1:
                end = min(index + 1, len(times) - 1)
                found.append(Span(name, float(times[start]), float(times[end])))
                start = following
    return sorted(found, key=lambda span: span.start)


def pick_frames(times: Sequence[float] | NDArray[np.float64], events: Sequence[Span],
                count: int = 6) -> list[int]:
    """Return the indices of `count` telling frames: the start, the events' middles, the end."""
    moments = [float(times[0]), *((span.start + span.end) / 2 for span in events),
               float(times[-1])]
    if len(moments) > count:
        keep = np.linspace(0, len(moments) - 1, count).round().astype(int)
        moments = [moments[index] for index in keep]
    picked = sorted({int(np.argmin(np.abs(np.asarray(times) - moment))) for moment in moments})
    while len(picked) < min(count, len(times)):
        # What is still free goes to the middle of the widest gap.
        widest = int(np.argmax(np.diff(picked)))
        picked.insert(widest + 1, (picked[widest] + picked[widest + 1]) // 2)
    return picked


def draw_summary(
    path: Path, times: ArrayLike, results: Sequence[TrackResult], frames: Sequence[KeyFrame], *,
    truth: ArrayLike | None = None, events: Sequence[Span] = (), title: str = '',
    subtitle: str = '',
) -> None:
    """Write the summary picture as PNG.

    Parameters
    ----------
    path
        Where to write.
    times
        Seconds, per result.
    results
        What the tracker said, in order.
    frames
        The film strip, from left to right.
    truth
        N x 4 true boxes, nan when absent; adds the IoU curve and white boxes.
    events
        What happened in the scene; shaded.
    title, subtitle
        Stand above the picture.

    """
    # Imported here since it takes a second, and figures are made without any display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    seconds = np.asarray(times, np.float64)
    boxes = None if truth is None else np.asarray(truth, np.float64)
    strip = _film_strip(frames, results, seconds, boxes, events)
    width = 15.0
    strip_height = width * 0.93 * strip.shape[0] / strip.shape[1]
    height = strip_height + 4.5
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor='white')
    FigureCanvasAgg(figure)

    def axes(bottom: float, tall: float) -> Any:
        return figure.add_axes((0.045, bottom / height, 0.93, tall / height))

    figure.text(0.045, 1 - 0.3 / height, title, fontsize=17, fontweight='bold', va='center')
    figure.text(0.045, 1 - 0.62 / height, subtitle, fontsize=11, color='#555555', va='center')
    picture = axes(3.6, strip_height)
    picture.imshow(strip, aspect='auto', interpolation='lanczos')
    picture.set_axis_off()
    curves, cameras = axes(1.0, 2.1), axes(0.45, 0.26)
    _draw_curves(curves, seconds, results, boxes, events)
    _draw_modes(cameras, seconds, results)
    for frame in frames:
        curves.axvline(seconds[frame.index], color='#999999', linewidth=0.8, linestyle=':')
    figure.savefig(path, format='png')


def _film_strip(frames: Sequence[KeyFrame], results: Sequence[TrackResult],
                seconds: NDArray[np.float64], truth: NDArray[np.float64] | None,
                events: Sequence[Span]) -> Image:
    columns = []
    for frame in frames:
        result = results[frame.index]
        true = None if truth is None else Box(*truth[frame.index].tolist())
        tiles = []
        if frame.rgb is not None:
            tiles.append(_tile(frame.rgb, result, true))
        if frame.thermal is not None:
            heat = cv2.applyColorMap(frame.thermal, cv2.COLORMAP_INFERNO)
            tiles.append(_tile(np.asarray(heat[..., ::-1], np.uint8), result, true))
        now = seconds[frame.index]
        going_on = ', '.join(span.name for span in events if span.start <= now < span.end)
        caption = np.full((34, _TILE, 3), INK, np.uint8)
        cv2.putText(caption, f'{now:.1f} s   score {result.score:.2f}   {going_on}', (10, 23),
                    cv2.FONT_HERSHEY_DUPLEX, 0.6, WHITE, 1, cv2.LINE_AA)
        columns.append(np.concatenate([*tiles, caption]))
    gap = np.full((columns[0].shape[0], 6, 3), 255, np.uint8)
    parts = [part for column in columns for part in (column, gap)][:-1]
    return np.concatenate(parts, axis=1)


def _tile(image: Image, result: TrackResult, truth: Box | None) -> Image:
    scale = _TILE / image.shape[1]
    size = _TILE, round(image.shape[0] * scale)
    tile = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    if truth is not None and np.isfinite(truth).all():
        draw_box(tile, truth, scale=scale, color=WHITE, thick=1)
    draw_box(tile, result.box, lost=result.state is State.LOST, scale=scale, thick=2)
    return tile


def _draw_curves(axes: Any, seconds: NDArray[np.float64], results: Sequence[TrackResult],
                 truth: NDArray[np.float64] | None, events: Sequence[Span]) -> None:
    names = list(dict.fromkeys(span.name for span in events))
    for span in events:
        color = _EVENT_COLORS[names.index(span.name) % len(_EVENT_COLORS)]
        axes.axvspan(span.start, span.end, color=color, alpha=0.22, linewidth=0)
        # The name of an event that begins during another one stands in a second row.
        row = any(other.start < span.start < other.end for other in events)
        axes.text((span.start + span.end) / 2, 1.04 + 0.09 * row, span.name, ha='center',
                  va='bottom', fontsize=10, color=color, fontweight='bold')
    for span in spans(['lost' if result.state is State.LOST else '' for result in results],
                      seconds):
        axes.axvspan(span.start, span.end, ymax=0.05, color='#e03131', linewidth=0)
    axes.plot(seconds, [result.score for result in results], color='#1c7ed6', linewidth=1.8,
              label='score')
    if truth is not None:
        iou = overlaps([result.box for result in results], truth)
        axes.plot(seconds, iou, color='#2b8a3e', linewidth=1.8, label='IoU with the true box')
    axes.plot([], [], color='#e03131', linewidth=6, label='lost')
    axes.set(xlim=(seconds[0], seconds[-1]), ylim=(0, 1.02))
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)
    axes.tick_params(labelbottom=False)
    axes.legend(loc='lower left', bbox_to_anchor=(0.0, 0.06), fontsize=10, framealpha=0.9, ncols=3)


def _draw_modes(axes: Any, seconds: NDArray[np.float64], results: Sequence[TrackResult]) -> None:
    shown = set()
    for span in spans([result.mode for result in results], seconds):
        color = _MODE_COLORS.get(span.name, '#888888')
        axes.axvspan(span.start, span.end, color=color, linewidth=0,
                     label=None if span.name in shown else _MODE_NAMES.get(span.name, span.name))
        shown.add(span.name)
    axes.set(xlim=(seconds[0], seconds[-1]), yticks=[])
    axes.set_xlabel('seconds', fontsize=10, loc='right')
    axes.set_ylabel('cameras', rotation=0, ha='right', va='center', fontsize=10)
    axes.spines[:].set_visible(False)
    axes.legend(loc='upper left', bbox_to_anchor=(0.0, -0.5), ncols=4, fontsize=10, frameon=False)
