# SPDX-License-Identifier: Apache-2.0
"""Runs a tracker over tracks with ground truth, one pass each, and scores it."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.metrics import Scores, score_track
from rgbt_tracker_ros.benchmark.sources import Kind, open_source
from rgbt_tracker_ros.benchmark.tracks import Track
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer
from rgbt_tracker_ros.tracking.result import State, TrackResult
from rgbt_tracker_ros.tracking.tracker import Tracker

Frames = tuple[NDArray[np.uint8] | None, NDArray[Any] | None]


@dataclass(frozen=True, slots=True)
class TrackRun:
    """One track as it was tracked, frame by frame from the initial one."""

    track: Track
    results: list[TrackResult]
    scores: Scores

    @property
    def boxes(self) -> NDArray[np.float64]:
        """Return N x 4 boxes x, y, w, h."""
        return np.array([result.box for result in self.results], np.float64)

    @property
    def lost(self) -> int:
        """Return in how many frames the target counted as lost."""
        return sum(result.state is State.LOST for result in self.results)


def run_track(tracker: Tracker, track: Track, settings: Settings, modality: str = 'rgbt',
              ) -> TrackRun:
    """Track one target from its first box to its last frame and score it.

    Parameters
    ----------
    tracker
        Its target is replaced.
    track
        The target with its recordings.
    settings
        Settings of the frame preparation.
    modality
        `rgb` or `thermal` blanks the other camera (black frames), `rgbt` uses both.

    Raises
    ------
    InputError
        If the recordings end before the track does, or the first frame is unusable.

    """
    prepare = PairPreparer(settings)
    results: list[TrackResult] = []
    for rgb, thermal in islice(_frames(track, modality), len(track.truth)):
        pair = prepare(rgb, thermal).pair
        if not results:
            if pair is None:
                raise InputError(f'track {track.name}: its first frame is blank in both cameras')
            results.append(tracker.initialize(pair, Box(*track.truth[0].tolist())))
        elif pair is None:
            results.append(results[-1])
        else:
            results.append(tracker.track(pair))
    if len(results) < len(track.truth):
        raise InputError(f'track {track.name}: its recordings end after {len(results)} of '
                         f'{len(track.truth)} frames')
    boxes = np.array([result.box for result in results])
    return TrackRun(track, results, score_track(boxes, track.truth, track.use))


def _frames(track: Track, modality: str) -> Iterator[Frames]:
    if track.rgb is None and track.thermal is None:
        raise InputError(f'track {track.name} has no recordings: give --rgb or --thermal')
    return zip(_stream(track.rgb, 'rgb', track.start, blank=modality == 'thermal'),
               _stream(track.thermal, 'thermal', track.start, blank=modality == 'rgb'),
               strict=False)


def _stream(path: Path | None, kind: Kind, start: int, blank: bool) -> Iterator[Any]:
    if path is None:
        return repeat(None)
    frames = open_source(path, kind).frames(start)
    return (np.zeros_like(frame) for frame in frames) if blank else frames
