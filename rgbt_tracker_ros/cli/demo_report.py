# SPDX-License-Identifier: Apache-2.0
"""What came out of the demonstration's run: its frames, its boxes and its figures."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.metrics import overlaps, score_track
from rgbt_tracker_ros.benchmark.track_log import LOG_COLUMNS, box_line
from rgbt_tracker_ros.cli.demo_material import Material, Truth
from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.result import State, TrackResult

_SAME_MOMENT_S = 2e-3
_CANDIDATES = 60
"""The first frame that was tracked is among so many first frames."""

_FOUND_IOU = 0.5
_FOUND_WITHIN_S = 2.0


@dataclass(frozen=True)
class Seen:
    """One RGB frame of the recording as the node answered it.

    Attributes
    ----------
    frame
        Number of the RGB frame, from 0.
    stamp
        As in the recorder's table.
    result
        The answer.
    notes
        Per camera that was left out, what was the matter with it.

    """

    frame: int
    stamp: str
    result: TrackResult
    notes: dict[str, str]


@dataclass(frozen=True)
class Run:
    """All answers of the node, and the box of every RGB frame.

    Attributes
    ----------
    seen
        The frames that got an answer, in order.
    boxes
        N x 4, one per RGB frame; a frame without an answer has the last one known.
    latency_ms, overhead_ms
        Stamp to detection, and that less the network's time, per answer.
    backend_ms
        The network's time per answer.
    counters
        The node's counters at the end.

    """

    seen: list[Seen]
    boxes: NDArray[np.float64]
    latency_ms: NDArray[np.float64]
    overhead_ms: NDArray[np.float64]
    backend_ms: NDArray[np.float64]
    counters: dict[str, int]


@dataclass(frozen=True)
class Summary:
    """The figures.

    Attributes
    ----------
    rgb_frames, thermal_frames
        Played.
    pairs, single, unpaired
        Answers from both cameras; from one; RGB frames the synchroniser left out since no thermal
        frame was nearest to them.
    dropped
        RGB frames that got no answer though they should have.
    fps
        Answers per second.
    latency_ms, overhead_ms, backend_ms
        Median and 95th percentile.
    lost
        Answers that said LOST.
    success
        SR over the frames in which the target can be seen; None without ground truth.
    events
        SR during each event.
    found_again
        Whether the box was back on the target within 2 s after every occlusion; None without one.

    """

    rgb_frames: int
    thermal_frames: int
    pairs: int
    single: int
    unpaired: int
    dropped: int
    fps: float
    latency_ms: tuple[float, float]
    overhead_ms: tuple[float, float]
    backend_ms: tuple[float, float]
    lost: int
    success: float | None
    events: dict[str, float]
    found_again: bool | None


def read_run(table: Path, material: Material) -> Run:
    """Read the recorder's table and find each answer's RGB frame.

    Raises
    ------
    ModelError
        If there is no answer about a target in it.

    """
    with table.open(newline='', encoding='utf-8') as file:
        rows = [row for row in csv.DictReader(file) if row['x']]
    if not rows:
        raise ModelError('the tracker never started on the target: see the logs beside it')
    frames = match_frames([float(row['stamp']) for row in rows], material.rgb_stamps)
    answered = {frame: row for frame, row in zip(frames, rows, strict=True) if frame is not None}
    ordered = sorted(answered.items())
    seen = [Seen(frame, row['stamp'], _result(row), _notes(row)) for frame, row in ordered]
    boxes = np.array([material.init] * len(material.rgb_stamps), np.float64)
    for item in seen:
        boxes[item.frame:] = item.result.box
    latency, backend = (np.array([float(row[name] or 'nan') for _, row in ordered])
                        for name in ('latency_ms', 'backend_ms'))
    counters = {name: int(float(value)) for name, value in rows[-1].items()
                if name in ('unpaired_rgb', 'dropped_frames') and value}
    return Run(seen, boxes, latency, latency - backend, backend, counters)


def match_frames(
    stamps: Sequence[float], frame_stamps: NDArray[np.float64],
) -> list[int | None]:
    """Return the number of the frame each stamp belongs to.

    Parameters
    ----------
    stamps
        Of the answers: those of the recording plus an unknown constant.
    frame_stamps
        Of the recording, ascending.

    Returns
    -------
    Frame numbers; None for a stamp that is no RGB frame's.

    """
    times = np.asarray(stamps)
    best: tuple[int, NDArray[np.int64], NDArray[np.bool_]] | None = None
    for first in range(min(_CANDIDATES, len(frame_stamps))):
        shifted = times - times[0] + frame_stamps[first]
        index = np.clip(np.searchsorted(frame_stamps, shifted), 1, len(frame_stamps) - 1)
        index -= np.abs(frame_stamps[index - 1] - shifted) <= np.abs(frame_stamps[index] - shifted)
        good = np.abs(frame_stamps[index] - shifted) < _SAME_MOMENT_S
        if best is None or good.sum() > best[0]:
            best = int(good.sum()), index, good
    assert best is not None
    return [int(frame) if fits else None for frame, fits in zip(best[1], best[2], strict=True)]


def summarize(run: Run, material: Material) -> Summary:
    """Work out the figures of a run."""
    times = material.rgb_stamps[[item.frame for item in run.seen]]
    seconds = float(times[-1] - times[0])
    modes = [item.result.mode for item in run.seen]
    unpaired = run.counters.get('unpaired_rgb', 0)
    truth = material.truth
    return Summary(
        rgb_frames=len(material.rgb_stamps), thermal_frames=len(material.thermal_stamps),
        pairs=modes.count('rgbt'), single=len(modes) - modes.count('rgbt'), unpaired=unpaired,
        dropped=max(len(material.rgb_stamps) - len(modes) - unpaired, 0),
        fps=(len(modes) - 1) / seconds if seconds > 0 else 0.0,
        latency_ms=_percentiles(run.latency_ms), overhead_ms=_percentiles(run.overhead_ms),
        backend_ms=_percentiles(run.backend_ms),
        lost=sum(item.result.state is State.LOST for item in run.seen),
        success=None if truth is None else _success(run.boxes, truth),
        events={} if truth is None else _success_in_events(run.boxes, truth),
        found_again=None if truth is None else _found_again(
            run.boxes, truth, material.rgb_stamps))


def write_boxes(path: Path, run: Run) -> None:
    """Write `x,y,w,h` per RGB frame, the initial box first."""
    with replacing(path) as part:
        part.write_text(''.join(box_line(Box(*box)) for box in run.boxes.tolist()),
                        encoding='utf-8')


def write_log(path: Path, run: Run) -> None:
    """Write the per-frame log: the usual columns, then latency and network time."""
    columns = ','.join((*LOG_COLUMNS, 'latency_ms', 'backend_ms'))
    with replacing(path) as part, part.open('w', encoding='utf-8') as file:
        file.write(columns + '\n')
        for item, latency in zip(run.seen, run.latency_ms, strict=True):
            result = item.result
            file.write(
                f'{item.frame},{box_line(result.box).rstrip()},{result.score:.4f},'
                f'{result.state.value},{result.mode},{result.template_frame},'
                f'{result.total_ms:.2f},{latency:.2f},{result.backend_ms:.2f}\n')


def _result(row: Mapping[str, str]) -> TrackResult:
    box = Box(*(float(row[name]) for name in 'xywh'))
    return TrackResult(
        box=box, score=float(row['score']), state=State(row['state']), mode=row['mode'],
        template_frame=int(float(row['template_frame'] or 0)),
        backend_ms=float(row['backend_ms'] or 'nan'), total_ms=float(row['track_ms'] or 'nan'))


def _notes(row: Mapping[str, str]) -> dict[str, str]:
    return {camera: row[f'{camera}_camera'] for camera in ('rgb', 'thermal')
            if row[f'{camera}_camera'] not in ('', 'ok')}


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan, math.nan
    return float(np.percentile(known, 50)), float(np.percentile(known, 95))


def _success(boxes: NDArray[np.float64], truth: Truth) -> float:
    return score_track(boxes, truth.boxes, ~truth.occluded).sr


def _success_in_events(boxes: NDArray[np.float64], truth: Truth) -> dict[str, float]:
    """Return SR per event, in order of appearance; an event in which nothing is seen has none."""
    events = dict.fromkeys(name for names in truth.events for name in names.split('+'))
    found = {}
    for event in events:
        during = np.array([event in names.split('+') for names in truth.events])
        scores = score_track(boxes, truth.boxes, during & ~truth.occluded)
        if scores.frames:
            found[event] = scores.sr
    return found


def _found_again(
    boxes: NDArray[np.float64], truth: Truth, stamps: NDArray[np.float64],
) -> bool | None:
    ends = [index for index in range(1, len(stamps))
            if truth.occluded[index - 1] and not truth.occluded[index]]
    if not ends:
        return None
    iou = overlaps(boxes, truth.boxes)
    return all(bool((iou[end:][stamps[end:] <= stamps[end] + _FOUND_WITHIN_S] >= _FOUND_IOU).any())
               for end in ends)
