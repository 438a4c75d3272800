# SPDX-License-Identifier: Apache-2.0
"""Runs a tracker over tracks with ground truth, one pass each, and scores it."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.metrics import Scores, score_track
from rgbt_tracker_ros.benchmark.recording import read_frames, track_frames
from rgbt_tracker_ros.benchmark.sources import Frame, FrameSource, Kind, open_source
from rgbt_tracker_ros.benchmark.tracks import Track
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer
from rgbt_tracker_ros.tracking.result import State, TrackResult
from rgbt_tracker_ros.tracking.tracker import Tracker


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
    frames = read_frames(_source(track.rgb, 'rgb', blank=modality == 'thermal'),
                         _source(track.thermal, 'thermal', blank=modality == 'rgb'), track.start)
    tracked = track_frames(tracker, PairPreparer(settings), islice(frames, len(track.truth)),
                           Box(*track.truth[0].tolist()))
    results = [frame.result for frame in tracked]
    if len(results) < len(track.truth):
        raise InputError(f'track {track.name}: its recordings end after {len(results)} of '
                         f'{len(track.truth)} frames')
    boxes = np.array([result.box for result in results])
    return TrackRun(track, results, score_track(boxes, track.truth, track.use))


class _Blank:
    """A source whose frames are black: the camera is there but sees nothing."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.text, self.count, self.rate = source.text, source.count, source.rate

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield as many black frames as the source has frames."""
        return (np.zeros_like(frame) for frame in self._source.frames(start))


def _source(path: Path | None, kind: Kind, blank: bool) -> FrameSource | None:
    if path is None:
        return None
    source = open_source(path, kind)
    return _Blank(source) if blank else source
