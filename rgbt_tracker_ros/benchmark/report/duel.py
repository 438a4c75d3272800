# SPDX-License-Identifier: Apache-2.0
"""Where two trackers differ: by sequence, and in a sequence by frame."""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.box_files import Floats, as_xywh, parse_boxes
from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence, has_area
from rgbt_tracker_ros.benchmark.metrics import Scores, overlaps
from rgbt_tracker_ros.benchmark.report.contest import Contest, Entry
from rgbt_tracker_ros.benchmark.results import match_prefix, open_results

LEAD = 0.2
"""Share of a span that shows how the difference comes about."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Scores of two trackers in one sequence."""

    name: str
    first: Scores
    second: Scores

    @property
    def gap(self) -> float:
        """Return by how much the first one's SR is higher."""
        return self.first.sr - self.second.sr


@dataclass(frozen=True, slots=True, eq=False)
class Duel:
    """Two trackers in one sequence, frame by frame.

    Attributes
    ----------
    sequence
        The recordings.
    difference
        The trackers' scores in it.
    boxes
        N x 4 boxes x, y, w, h of each tracker.
    ious
        N overlaps of each with the truth, the better camera's; nan where no frame counts.
    span
        First frame to show, and the one after the last.

    """

    sequence: Sequence
    difference: Difference
    boxes: tuple[Floats, Floats]
    ious: tuple[Floats, Floats]
    span: tuple[int, int]


def differences(contest: Contest, names: tuple[str, str]) -> tuple[list[Difference], Difference]:
    """Return the scores of two trackers by sequence, and their mean.

    The sequence with the largest difference of SR comes first.
    """
    entries = {entry.name: entry for entry in contest.entries}
    first, second = (entries[name] for name in names)

    def scores(entry: Entry, sequence: str) -> Scores:
        return entry.scores.curves[sequence].scores(contest.convention)

    found = [Difference(name, scores(first, name), scores(second, name))
             for name in contest.sequences]
    return (sorted(found, key=lambda item: (-abs(item.gap), item.name)),
            Difference(f'all ({len(found)})', first.mean, second.mean))


def stage(sequence: Sequence, difference: Difference, places: tuple[Path, Path],
          known: Collection[str], frames: int) -> Duel:
    """Read the boxes of both trackers in a sequence and find the frames to show.

    Parameters
    ----------
    sequence, difference
        What they differ in.
    places
        Folders or archives of the box files, which were scored before.
    known
        Names of all sequences of the dataset.
    frames
        Length of the span to show.

    """
    boxes = [_boxes(place, sequence.name, known) for place in places]
    length = min(len(sequence), *map(len, boxes))
    ious = [frame_overlaps(got[:length], sequence) for got in boxes]
    gap = np.nan_to_num(ious[0] - ious[1]) * (1 if difference.gap >= 0 else -1)
    return Duel(sequence, difference, (boxes[0][:length], boxes[1][:length]), (ious[0], ious[1]),
                worst_span(gap, frames))


def frame_overlaps(boxes: Floats, sequence: Sequence) -> Floats:
    """Return the IoU of each frame with the better camera's truth, nan where none counts."""
    ious = np.full(len(boxes), np.nan)
    for truth in sequence.truth.values():
        part = truth[:len(boxes)]
        ious = np.fmax(ious, np.where(has_area(part), overlaps(boxes, part), np.nan))
    return np.where(sequence.use[:len(boxes)], ious, np.nan)


def worst_span(gap: NDArray[np.float64], frames: int) -> tuple[int, int]:
    """Return the span of so many frames with the largest sum, after a lead, as begin and end.

    Parameters
    ----------
    gap
        N differences, 0 where there is none.
    frames
        How many to show; the whole sequence if it is shorter.

    """
    frames = min(frames, len(gap))
    lead = round(LEAD * frames)
    total = np.concatenate([[0.0], np.cumsum(gap)])
    core = frames - lead
    sums = total[core:] - total[:len(total) - core]
    begin = int(np.argmax(sums)) - lead
    begin = min(max(begin, 0), len(gap) - frames)
    return begin, begin + frames


def _boxes(place: Path, sequence: str, known: Collection[str]) -> Floats:
    files = open_results(place)
    stem = match_prefix(files, known) + sequence
    return as_xywh(parse_boxes(files.text(stem), files.name(stem)))

