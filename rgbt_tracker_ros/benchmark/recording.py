# SPDX-License-Identifier: Apache-2.0
"""Tracking through a recording: two sources in, one result per frame out."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.sources import FrameSource
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.health import CameraState
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.tracking.preparation import PairPreparer, Prepared
from rgbt_tracker_ros.tracking.result import State, TrackResult

DEFAULT_RATE = 30.0
_SAME_RATE = 1.02
_END = object()


class TargetTracker(Protocol):
    """What is asked of a tracker here; see `Tracker`."""

    @property
    def state(self) -> State:
        """Return IDLE without a target, else TRACKING or LOST."""
        ...

    @property
    def box(self) -> Box | None:
        """Return where the target was last, pixels of the RGB image; None without a target."""
        ...

    def initialize(self, pair: ImagePair, box: Box) -> TrackResult:
        """Take the target in `box` as the one to track."""
        ...

    def track(self, pair: ImagePair, fused: bool = False) -> TrackResult:
        """Find the target in the next pair."""
        ...

    def miss(self, note: str) -> TrackResult:
        """Let a frame pass in which no camera was usable."""
        ...

    def reset(self) -> None:
        """Forget the target."""
        ...


@dataclass(frozen=True, slots=True)
class RawFrames:
    """Frames of one moment as recorded; None where there is no such camera, or no image of it."""

    number: int
    stamp: float
    rgb: NDArray[np.uint8] | None
    thermal: NDArray[Any] | None


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """One frame of a recording with what the tracker said about it."""

    raw: RawFrames
    prepared: Prepared
    result: TrackResult


def read_frames(rgb: FrameSource | None, thermal: FrameSource | None, start: int = 0,
                warn: Callable[[str], None] = lambda _: None) -> Iterator[RawFrames]:
    """Yield the frames of two sources side by side, as long as both last.

    Parameters
    ----------
    rgb, thermal
        The sources; one may be None.
    start
        Number of the first frame, from 0.
    warn
        Called with a sentence when one source is longer or faster than the other.

    Raises
    ------
    InputError
        If both are None, a frame cannot be read, or there is no frame number `start`.

    """
    given = [source for source in (rgb, thermal) if source is not None]
    if not given:
        raise InputError('no recording: give --rgb, --thermal or both')
    rates = [source.rate for source in given if source.rate]
    rate = rates[0] if rates else DEFAULT_RATE
    if max(rates, default=rate) > _SAME_RATE * min(rates, default=rate):
        warn(f'{given[0].text} has {rates[0]:.4g} frames per second but {given[1].text} '
             f'{rates[1]:.4g}: frames are paired by number, not by time')
    number = start
    sides: list[Iterator[Any]] = [source.frames(start) for source in given]
    for frames in zip_longest(*sides, fillvalue=_END):
        if any(frame is _END for frame in frames):
            longer, shorter = sorted(zip(given, frames, strict=True), key=_has_ended)
            warn(f'{shorter[0].text} ends before frame {number} but {longer[0].text} goes on: '
                 'only the common part is tracked')
            break
        yield RawFrames(number, number / rate,
                        rgb=None if rgb is None else frames[0],
                        thermal=None if thermal is None else frames[-1])
        number += 1
    if number == start:
        raise InputError(f'--start {start}: the recordings have no such frame: '
                         f'give a number from 0 to {_length(given) - 1}')


def track_frames(tracker: TargetTracker, prepare: PairPreparer, frames: Iterable[RawFrames],
                 box: Box, fused: bool = False) -> Iterator[TrackedFrame]:
    """Track a target through a recording, frame by frame.

    Parameters
    ----------
    tracker
        Its target is replaced.
    prepare
        Its memory of the cameras is reset.
    frames
        The recording.
    box
        Target in the first frame, pixels of the RGB image.
    fused
        Also ask for the fused search crop.

    Raises
    ------
    InputError
        If the box is not in the first frame's image, or the first frame is unusable.

    """
    prepare.reset()
    tracker.reset()
    for raw in frames:
        prepared = prepare(raw.rgb, raw.thermal, raw.stamp, tracker.box)
        if tracker.state is State.IDLE:
            if prepared.pair is None:
                raise InputError(f'frame {raw.number} is of no use to start with '
                                 f'({unusable(prepared)}): start at another frame')
            try:
                result = tracker.initialize(prepared.pair, box)
            except InputError as error:
                raise InputError(f'first box (--init): {error}') from error
        elif prepared.pair is None:
            result = tracker.miss(unusable(prepared))
        else:
            result = tracker.track(prepared.pair, fused=fused)
        yield TrackedFrame(raw, prepared, result)


def unusable(prepared: Prepared) -> str:
    """Return the reasons why cameras are left out, empty when both are in use."""
    return '; '.join(health.reason for health in (prepared.rgb, prepared.thermal)
                     if not health.usable and health.state is not CameraState.MISSING)


def _has_ended(item: tuple[FrameSource, object]) -> bool:
    return item[1] is _END


def _length(sources: list[FrameSource]) -> int:
    return min((source.count for source in sources if source.count), default=1)
