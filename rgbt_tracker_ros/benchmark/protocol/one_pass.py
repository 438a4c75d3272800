# SPDX-License-Identifier: Apache-2.0
"""One-pass evaluation: a sequence is tracked from its first box to its last frame, once."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence
from rgbt_tracker_ros.benchmark.protocol.job import Job, make_tracker
from rgbt_tracker_ros.benchmark.recording import (
    RawFrames,
    TargetTracker,
    read_frames,
    track_frames,
)
from rgbt_tracker_ros.benchmark.sources import Frame, FrameSource
from rgbt_tracker_ros.benchmark.track_log import log_header, log_line
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer
from rgbt_tracker_ros.tracking.result import State

BOX_DECIMALS = 2


@dataclass(frozen=True, slots=True, eq=False)
class SequenceRun:
    """One sequence as it was tracked.

    Attributes
    ----------
    name
        Of the sequence.
    boxes
        N x 4 boxes x, y, w, h, rounded as in the box file.
    seconds
        N times of preparing and tracking a frame, without reading it.
    scores
        N scores of the tracker.
    lost
        In how many frames the target counted as lost.
    log
        Content of the log file.
    error
        Why the sequence could not be tracked, else empty.

    """

    name: str
    boxes: NDArray[np.float64]
    seconds: NDArray[np.float64]
    scores: NDArray[np.float64]
    lost: int
    log: str = ''
    error: str = ''


def run_sequence(job: Job, sequence: Sequence,
                 on_frame: Callable[[], None] = lambda: None) -> SequenceRun:
    """Track a sequence; what is wrong with its data is told in `error`, not raised.

    Raises
    ------
    ModelError
        If the job's model cannot be loaded.

    """
    tracker = make_tracker(job)
    try:
        return track_sequence(tracker, sequence, job.settings, job.modality, on_frame)
    except InputError as error:
        none = np.zeros(0)
        return SequenceRun(sequence.name, none.reshape(0, 4), none, none, 0, error=str(error))


def track_sequence(tracker: TargetTracker, sequence: Sequence, settings: Settings,
                   modality: str = 'rgbt', on_frame: Callable[[], None] = lambda: None,
                   ) -> SequenceRun:
    """Track a sequence.

    Parameters
    ----------
    tracker
        Its target is replaced.
    sequence
        The target with its recordings.
    settings
        Settings of the frame preparation.
    modality
        See `Job`.
    on_frame
        Called after each frame.

    Raises
    ------
    InputError
        If the recordings end before the ground truth does, or a frame cannot be read, or the
        first one is unusable.

    """
    clock = _Clock(islice(read_frames(
        _camera(sequence.rgb, blank=modality == 'thermal'),
        _camera(sequence.thermal, blank=modality == 'rgb'), sequence.start), len(sequence)))
    results, seconds, log = [], [], [log_header()]
    for tracked in track_frames(tracker, PairPreparer(settings), clock, sequence.init):
        seconds.append(perf_counter() - clock.begin)
        results.append(tracked.result)
        log.append(log_line(tracked.raw.number, tracked.result))
        on_frame()
    if len(results) < len(sequence):
        raise InputError(f'its recordings end after {len(results)} of {len(sequence)} frames')
    return SequenceRun(
        sequence.name, np.array([result.box for result in results]).round(BOX_DECIMALS),
        np.array(seconds), np.array([result.score for result in results]),
        sum(result.state is State.LOST for result in results), ''.join(log))


class _Clock:
    """Passes frames on and keeps when the newest one had been read."""

    def __init__(self, frames: Iterable[RawFrames]) -> None:
        self.begin = 0.0
        self._frames = frames

    def __iter__(self) -> Iterator[RawFrames]:
        for frame in self._frames:
            self.begin = perf_counter()
            yield frame


class _Blank:
    """A source whose frames are black: the camera is there but sees nothing."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.text, self.count, self.rate = source.text, source.count, source.rate

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield as many black frames as the source has frames."""
        return (frame if frame is None else np.zeros_like(frame)
                for frame in self._source.frames(start))


def _camera(source: FrameSource | None, blank: bool) -> FrameSource | None:
    return _Blank(source) if source is not None and blank else source
