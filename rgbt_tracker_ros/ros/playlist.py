# SPDX-License-Identifier: Apache-2.0
"""When which recorded frame is shown: rates, stamps and the faults a player can make."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import heapq
from itertools import count, pairwise
import math
from pathlib import Path
import random
from typing import NamedTuple

import numpy as np

from rgbt_tracker_ros.benchmark.sources import Frame, FrameSource, Kind, open_source
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.synthetic.corruptions import Corruption
from rgbt_tracker_ros.synthetic.patterns import Film
from rgbt_tracker_ros.synthetic.streams import Frames, held

_RATE = 30.0
"""Frames per second of images without stamps."""

_COUNTS_OF_ZERO, _COUNTS_PER_GREY = 7000, 8
"""How 8-bit grey becomes counts like those of an uncooled 14-bit camera."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on purpose.

    Attributes
    ----------
    drop
        Share of frames, 0..1, that are never published.
    seed
        Chooses which, and what is random in the corruptions.
    thermal_delay
        Thermal messages come so much later than their stamp says, seconds.
    thermal_stamp_offset
        Thermal stamps are wrong by so much, seconds.
    freeze
        (start, end) intervals, seconds, in which the thermal image stands still.
    sixteen_bit
        8-bit thermal images are published as 16-bit counts.
    corruptions
        What happens to the images, one after the other.

    """

    drop: float = 0.0
    seed: int = 0
    thermal_delay: float = 0.0
    thermal_stamp_offset: float = 0.0
    freeze: tuple[tuple[float, float], ...] = ()
    sixteen_bit: bool = False
    corruptions: tuple[Corruption, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """Frames of one camera and when they were taken.

    Attributes
    ----------
    kind
        Which camera.
    source
        The frames.
    stamps
        Seconds of each frame since the recording's start; empty = at `rate`.
    rate
        Frames per second where there are no stamps.

    """

    kind: Kind
    source: FrameSource
    stamps: tuple[float, ...] = ()
    rate: float = _RATE

    @classmethod
    def open(cls, kind: Kind, path: str | Path, rate: float = 0.0,
             stamps: Path | None = None) -> Recording:
        """Open a source; a `rate` over 0 takes the place of its own rate or stamps.

        Raises
        ------
        InputError
            If the frames or the stamps cannot be read.

        """
        source = open_source(path, kind)
        if stamps is not None and rate <= 0:
            return cls(kind, source, _read_stamps(stamps))
        return cls(kind, source, rate=rate if rate > 0 else source.rate or _RATE)

    @property
    def period(self) -> float:
        """Return the mean time between two frames, seconds."""
        if len(self.stamps) > 1:
            return (self.stamps[-1] - self.stamps[0]) / (len(self.stamps) - 1)
        return 1 / self.rate

    @property
    def length(self) -> int | None:
        """Return the number of frames, None when nobody knows."""
        return len(self.stamps) or self.source.count

    def times(self) -> Iterator[float]:
        """Yield the seconds of each frame; without stamps they never end."""
        return iter(self.stamps) if self.stamps else (n / self.rate for n in count())


class Show(NamedTuple):
    """One frame to publish.

    Attributes
    ----------
    due
        When to publish it, seconds since the start.
    stamp
        What its header says, seconds since the start.

    """

    due: float
    kind: Kind
    stamp: float
    pixels: Frame


def open_clip(folder: str | Path) -> list[Recording]:
    """Open a clip folder: `rgb/`, `thermal/` and, for each, `<camera>_stamps.txt` (seconds).

    Raises
    ------
    InputError
        If a part of it is missing or cannot be read.

    """
    root = Path(folder).expanduser()
    kinds: tuple[Kind, Kind] = ('rgb', 'thermal')
    return [Recording.open(kind, root / kind, stamps=root / f'{kind}_stamps.txt')
            for kind in kinds]


def play(recordings: Sequence[Recording], faults: Faults, loop: bool = False) -> Iterator[Show]:
    """Yield the frames of all cameras in the order in which they are due."""
    start = 0.0
    while True:
        end: float | None = None
        for show in heapq.merge(*(_shows(item, faults) for item in recordings),
                                key=lambda show: show.due):
            end = start + show.due
            yield show._replace(due=start + show.due, stamp=start + show.stamp)
        if not loop or end is None:
            return
        start = end + min(item.period for item in recordings)


def _shows(recording: Recording, faults: Faults) -> Iterator[Show]:
    chance = random.Random(f'{faults.seed} {recording.kind}')
    thermal = recording.kind == 'thermal'
    frames: Frames = recording.source.frames()
    for corruption in faults.corruptions:
        frames = corruption.stream(recording.kind, frames, Film('', recording.length, faults.seed))
    if thermal:
        frames = held(frames, (any(begin <= time < end for begin, end in faults.freeze)
                               for time in recording.times()))
    # It ends with the frames or the stamps, whichever end first.
    for time, pixels in zip(recording.times(), frames, strict=False):
        if chance.random() < faults.drop or pixels is None:
            continue
        yield Show(time + faults.thermal_delay * thermal, recording.kind,
                   time + faults.thermal_stamp_offset * thermal,
                   _counts(pixels) if thermal and faults.sixteen_bit else pixels)


def _counts(pixels: Frame) -> Frame:
    if pixels.dtype == np.uint16:
        return pixels
    return pixels.astype(np.uint16) * _COUNTS_PER_GREY + _COUNTS_OF_ZERO


def _read_stamps(file: Path) -> tuple[float, ...]:
    try:
        stamps = tuple(float(line) for line in file.read_text().split())
    except (OSError, ValueError) as error:
        raise InputError(f'stamps file {file} cannot be read: {error}') from error
    rising = all(earlier < later for earlier, later in pairwise(stamps))
    if not stamps or not rising or not all(map(math.isfinite, stamps)):
        raise InputError(f'stamps file {file} must hold one number of seconds a line, rising')
    return stamps
