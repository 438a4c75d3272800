# SPDX-License-Identifier: Apache-2.0
"""Latency-aware (streaming) accuracy: at each frame's stamp, the box that is there by then counts.

A robot does not wait for its tracker. While a frame is worked on, the world moves on and newer
frames arrive; when the answer is there, it tells where the target was. The offline scores hide
that, so here frame i is compared with the newest result finished until t_i (streaming accuracy,
sAP: Li et al., "Towards Streaming Perception", ECCV 2020; for trackers LAE: Li et al., "Predictive
Visual Tracking", 2021). A permitted delay gives e-LAE's sigma (Li et al., "PVT++", ICCV 2023).
Until the first result the initial box counts, which the user knows before anything is computed.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rgbt_tracker_ros.benchmark.metrics.conventions import FOLDER, Convention
from rgbt_tracker_ros.benchmark.metrics.frames import Floats
from rgbt_tracker_ros.benchmark.metrics.scoring import Curves, Truths, track_curves
from rgbt_tracker_ros.errors import InputError

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """Which frames a tracker takes from a live stream, and when it is done with them.

    Attributes
    ----------
    frames
        M numbers of the frames it works on, rising.
    finished
        M times at which the results are there, in seconds on the clock of the stamps.

    """

    frames: Indices
    finished: Floats


def play_stream(stamps: ArrayLike, durations: ArrayLike) -> Stream:
    """Return what a tracker does that always takes the newest frame as soon as it is free.

    That is a mailbox of one place in which the newest frame wins, as the node has it.

    Parameters
    ----------
    stamps
        N times in seconds, not falling, at which the frames arrive.
    durations
        N times in seconds (or one for all) that each frame would take.

    Raises
    ------
    InputError
        If stamps fall or a time is negative or not finite.

    """
    times = _times(stamps, 'stamps')
    taken = np.broadcast_to(np.asarray(durations, np.float64), times.shape)
    if not (np.isfinite(taken) & (taken >= 0)).all():
        raise InputError('durations: finite seconds of at least 0 are needed')
    frames: list[int] = []
    finished: list[float] = []
    free = -np.inf
    number = 0
    while number < len(times):
        # Either it waits for the next frame, or the newest of those that arrived meanwhile is due.
        number = max(number, int(np.searchsorted(times, free, side='right')) - 1)
        free = max(float(times[number]), free) + float(taken[number])
        frames.append(number)
        finished.append(free)
        number += 1
    return Stream(np.array(frames, np.int64), np.array(finished, np.float64))


def newest_finished(stream: Stream, stamps: ArrayLike, permitted: float = 0.0) -> Indices:
    """Return for each frame which result is the newest one at its stamp, -1 while there is none.

    Parameters
    ----------
    stream
        Frames that were worked on, and when each was finished.
    stamps
        N times in seconds, one for each frame of the recording, not falling.
    permitted
        Results may be late by so many seconds (e-LAE's sigma, there in frames), but nobody may
        look ahead: a result of a later frame is never taken.

    Raises
    ------
    InputError
        If stamps fall, or a result was finished before the one before it.

    """
    times = _times(stamps, 'stamps')
    finished = _times(stream.finished, 'finished')
    newest = np.searchsorted(finished, times + permitted, side='right')
    past = np.searchsorted(stream.frames, np.arange(len(times)), side='right')
    return np.asarray(np.minimum(newest, past) - 1, np.int64)


def streamed_boxes(boxes: ArrayLike, stream: Stream, stamps: ArrayLike, initial: ArrayLike,
                   permitted: float = 0.0) -> Floats:
    """Return the N x 4 boxes that are there at the stamps of the N frames.

    Parameters
    ----------
    boxes
        M x 4 results of the frames of the stream.
    stream, stamps, permitted
        As for `newest_finished`.
    initial
        The box that the tracker was started with.

    Raises
    ------
    InputError
        If there are not as many boxes as results in the stream, or times fall.

    """
    got = np.asarray(boxes, np.float64).reshape(-1, 4)
    if len({len(got), len(stream.finished), len(stream.frames)}) > 1:
        raise InputError(f'{len(got)} boxes need as many frames and times at which they were '
                         f'finished, not {len(stream.frames)} and {len(stream.finished)}')
    known = np.vstack([np.asarray(initial, np.float64).reshape(1, 4), got])
    return np.asarray(known[newest_finished(stream, stamps, permitted) + 1], np.float64)


def streaming_curves(boxes: ArrayLike, stream: Stream, stamps: ArrayLike, truth: Truths,
                     initial: ArrayLike, use: ArrayLike | None = None,
                     convention: Convention = FOLDER, permitted: float = 0.0) -> Curves:
    """Measure one track with each frame's box being the one that is there at its stamp.

    With results of all frames that are there at once (`play_stream(stamps, 0.0)`) these are the
    offline curves. See `streamed_boxes` and `track_curves` for parameters and errors.
    """
    return track_curves(streamed_boxes(boxes, stream, stamps, initial, permitted), truth, use,
                        convention)


def _times(values: ArrayLike, name: str) -> Floats:
    times = np.asarray(values, np.float64)
    if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise InputError(f'{name}: finite seconds that do not fall are needed')
    return times
