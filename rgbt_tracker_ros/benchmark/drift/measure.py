# SPDX-License-Identifier: Apache-2.0
"""Runs candidates in the reference's footsteps and on their own."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence
from rgbt_tracker_ros.benchmark.drift.shadows import REFERENCE, Look, Shadows, largest_errors
from rgbt_tracker_ros.benchmark.metrics import overlaps, score_track
from rgbt_tracker_ros.benchmark.protocol.one_pass import track_sequence
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.inference.backend import Backend, SearchMaps
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.decoding import decode
from rgbt_tracker_ros.tracking.result import State
from rgbt_tracker_ros.tracking.tracker import Tracker

_WORST = 6
_SPREAD = 10
"""Frames between two of the worst ones, so that they show different things."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """What is compared with the reference: a backend, and the bundle it runs."""

    name: str
    bundle: ModelBundle
    backend: Backend


@dataclass(frozen=True, slots=True, eq=False)
class WorstFrame:
    """A frame in which the boxes differ most: its crops and both boxes, as shares of the crop."""

    sequence: str
    frame: int
    overlap: float
    rgb: np.ndarray
    thermal: np.ndarray
    reference: Box
    box: Box


@dataclass(slots=True, eq=False)
class Drift:
    """One candidate beside the reference.

    Attributes
    ----------
    overlaps
        IoU with the reference's box in each frame in which the reference was tracking, both shown
        the same crops and templates.
    errors
        Largest absolute difference in each of these frames, by map.
    seconds
        Times of a search, the reference's and its own, in the same frames.
    worst
        The frames of the least overlap, the least first.
    track_overlaps
        Mean IoU with the reference's boxes by sequence, when it tracks on its own.
    sr
        Success rate by sequence, of the reference and its own.
    failed
        Why it could not be compared to the end, else empty.

    """

    overlaps: list[float] = field(default_factory=list)
    errors: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[tuple[float, float]] = field(default_factory=list)
    worst: list[WorstFrame] = field(default_factory=list)
    track_overlaps: dict[str, float] = field(default_factory=dict)
    sr: dict[str, tuple[float, ...]] = field(default_factory=dict)
    failed: str = ''

    def add(self, place: tuple[str, int], look: Look, name: str, window: float) -> None:
        """Take in what a look says about the candidate."""
        boxes = [_box(look.maps[key], window) for key in (REFERENCE, name)]
        overlap = boxes[0].iou(boxes[1])
        self.overlaps.append(overlap)
        for part, value in largest_errors(look.maps[REFERENCE], look.maps[name]).items():
            self.errors.setdefault(part, []).append(value)
        self.seconds.append((look.seconds[REFERENCE], look.seconds[name]))
        # Of neighbouring frames only the worst one is shown.
        near = [item for item in self.worst
                if item.sequence == place[0] and abs(item.frame - place[1]) < _SPREAD]
        if any(item.overlap <= overlap for item in near) or (
                not near and len(self.worst) == _WORST and overlap >= self.worst[-1].overlap):
            return
        worst = WorstFrame(*place, overlap, look.rgb[0].copy(), look.thermal[0].copy(), *boxes)
        kept = [item for item in self.worst if item not in near]
        self.worst = sorted([*kept, worst], key=lambda item: item.overlap)[:_WORST]


def measure(reference: Candidate, candidates: Iterable[Candidate], sequences: Iterable[Sequence],
            settings: Settings, modality: str = 'rgbt',
            on_frame: Callable[[], None] = lambda: None) -> dict[str, Drift]:
    """Track each sequence by the reference with all candidates behind it, then by each alone.

    Parameters
    ----------
    reference
        Its boxes count as right.
    candidates
        What is compared; their bundles have the reference's shapes.
    sequences
        What is tracked.
    settings
        Of the trackers.
    modality
        See `protocol.job.Job`.
    on_frame
        Called after each frame of each pass.

    Returns
    -------
    By the candidate's name.

    Raises
    ------
    InputError
        If a recording cannot be read.
    ModelError
        If the reference fails.

    """
    rivals = {candidate.name: candidate for candidate in candidates}
    shadows = Shadows(reference.backend, {name: each.backend for name, each in rivals.items()})
    drifts = {name: Drift() for name in rivals}
    trackers = {name: Tracker(each.bundle, each.backend, settings)
                for name, each in rivals.items()}
    followed = Tracker(reference.bundle, shadows, settings)
    for sequence in sequences:
        watcher = _Watcher(followed, shadows, drifts, sequence, settings.target.window, on_frame)
        boxes = track_sequence(followed, sequence, settings, modality, watcher).boxes
        for name, tracker in trackers.items():
            drifts[name].failed = shadows.failed.get(name, '')
            if not drifts[name].failed:
                own = track_sequence(tracker, sequence, settings, modality, on_frame).boxes
                drifts[name].track_overlaps[sequence.name] = float(overlaps(own, boxes).mean())
                drifts[name].sr[sequence.name] = tuple(
                    score_track(each, sequence.truth, sequence.use).sr for each in (boxes, own))
    return drifts


class _Watcher:
    """Called after each frame: gives its looks to the drifts."""

    def __init__(self, tracker: Tracker, shadows: Shadows, drifts: Mapping[str, Drift],
                 sequence: Sequence, window: float, on_frame: Callable[[], None]) -> None:
        self._tracker = tracker
        self._shadows = shadows
        self._drifts = drifts
        self._sequence = sequence
        self._window = window
        self._on_frame = on_frame
        self._frame = sequence.start
        self._tracking = False

    def __call__(self) -> None:
        looks, self._shadows.looks = self._shadows.looks, []
        # Where the target is lost, the best peak of several regions is anybody's guess.
        if self._tracking and len(looks) == 1:
            for name, drift in self._drifts.items():
                if name in looks[0].maps:
                    drift.add((self._sequence.name, self._frame), looks[0], name, self._window)
        self._tracking = self._tracker.state is State.TRACKING
        self._frame += 1
        self._on_frame()


def _box(maps: SearchMaps, window: float) -> Box:
    peak = decode(maps, window)
    return Box.from_center(peak.cx, peak.cy, peak.w, peak.h)

