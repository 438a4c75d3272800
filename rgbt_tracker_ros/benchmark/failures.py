# SPDX-License-Identifier: Apache-2.0
"""Where a tracker fails: the moments at which it first loses its target, worst sequences first."""
from __future__ import annotations

from collections.abc import Sequence as List
from dataclasses import dataclass
from itertools import islice

import numpy as np

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence
from rgbt_tracker_ros.benchmark.metrics import overlaps
from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation
from rgbt_tracker_ros.benchmark.recording import RawFrames, read_frames
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer

FAILED_IOU = 0.1
GOOD_IOU = 0.5
SHORTEST = 3
"""Frames for which the IoU must stay under FAILED_IOU: less is no loss of the target."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame of a failure.

    Attributes
    ----------
    frame
        Its number in the sequence.
    pair
        The images, prepared as for the tracker.
    around
        Box in the frame before: where the tracker looked.
    found, truth
        Boxes in this frame; `truth` is None where there is none.
    iou
        Of the two; nan without truth.

    """

    frame: int
    pair: ImagePair
    around: Box
    found: Box
    truth: Box | None
    iou: float


@dataclass(frozen=True, slots=True, eq=False)
class Failure:
    """How a target was lost: the first frame, the last good one, and the first two bad ones.

    Attributes
    ----------
    sequence
        Its name.
    sr
        Of the sequence.
    event
        What happens when it is lost, as far as somebody tells.
    moments
        The first is that of the template.

    """

    sequence: str
    sr: float
    event: str
    moments: tuple[Moment, ...]


def find_failures(dataset: Dataset, result: Evaluation, settings: Settings, most: int = 4,
                  ) -> list[Failure]:
    """Return the first failure of the sequences with the lowest SR, worst first.

    Parameters
    ----------
    dataset, result
        What was tracked, and how.
    settings
        Those of the preparation of frames.
    most
        Number of sequences.

    """
    scores = {name: curves.scores(result.scores.convention).sr
              for name, curves in result.scores.curves.items() if curves.frames}
    failures: list[Failure] = []
    for sequence in sorted((item for item in dataset.sequences if item.name in scores),
                           key=lambda item: scores[item.name]):
        ious = overlaps(result.runs[sequence.name].boxes, sequence.main_truth)
        at = failing(ious, sequence.use)
        if at is None:
            continue
        good = np.flatnonzero((ious[:at] >= GOOD_IOU) & sequence.use[:at])
        frames = [0, int(good[-1]) if len(good) else 0, at, min(at + _later(sequence),
                                                                len(sequence) - 1)]
        moments = _moments(sequence, result, ious, frames, settings)
        event = sequence.events[at] if sequence.events else ''
        failures.append(Failure(sequence.name, scores[sequence.name], event, moments))
        if len(failures) == most:
            break
    return failures


def failing(ious: np.ndarray, use: np.ndarray) -> int | None:
    """Return the first scored frame from which on SHORTEST scored ones are failed; else None."""
    scored = np.flatnonzero(use & np.isfinite(ious))
    bad = ious[scored] < FAILED_IOU
    for place in range(len(scored)):
        if bad[place:place + SHORTEST].all():
            return int(scored[place])
    return None


def _later(sequence: Sequence) -> int:
    """Return half a second, in frames."""
    return max(round((sequence.fps or 30.0) / 2), 1)


def _moments(sequence: Sequence, result: Evaluation, ious: np.ndarray, frames: List[int],
             settings: Settings) -> tuple[Moment, ...]:
    boxes = result.runs[sequence.name].boxes
    prepare = PairPreparer(settings)
    kept: dict[int, ImagePair] = {}
    # All frames are prepared: what the thermal image looks like depends on those before.
    for number, raw in enumerate(islice(read_frames(sequence.rgb, sequence.thermal,
                                                    sequence.start), max(frames) + 1)):
        pair = _prepared(prepare, raw, Box(*boxes[number].tolist()))
        if number in frames and pair is not None:
            kept[number] = pair
    if 0 not in kept:
        raise InputError(f'{sequence.name}: its first frame cannot be used')
    truth = sequence.main_truth
    return tuple(Moment(
        number, kept[number], Box(*boxes[max(number - 1, 0)].tolist()),
        Box(*boxes[number].tolist()),
        Box(*truth[number].tolist()) if np.isfinite(truth[number]).all() else None,
        float(ious[number])) for number in frames if number in kept)


def _prepared(prepare: PairPreparer, raw: RawFrames, box: Box) -> ImagePair | None:
    return prepare(raw.rgb, raw.thermal, raw.stamp, box).pair
