# SPDX-License-Identifier: Apache-2.0
"""The same sequences at a lower frame rate, or in images of another size."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import cv2

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence
from rgbt_tracker_ros.benchmark.recording import DEFAULT_RATE
from rgbt_tracker_ros.benchmark.sources import Frame, FrameSource
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box

_LARGEST = 8.0


@dataclass(frozen=True, slots=True)
class Variation:
    """How the sequences differ from those of the dataset.

    Attributes
    ----------
    every
        Only every so many frames are seen (and scored), at their own times.
    scale
        Sides of the images over those of the dataset.

    Raises
    ------
    InputError
        If a value is out of range.

    """

    every: int = 1
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Check both."""
        if self.every < 1:
            raise InputError(f'--every {self.every}: give a whole number over 0')
        if not 0 < self.scale <= _LARGEST:
            raise InputError(f'--scale {self.scale:g}: give a number over 0 and up to '
                             f'{_LARGEST:g}')

    def __str__(self) -> str:
        """Return what differs, as part of a file name; empty when nothing does."""
        return '+'.join([*([f'every-{self.every}'] if self.every > 1 else []),
                         *([f'scale-{self.scale:g}'] if self.scale != 1 else [])])

    def of(self, dataset: Dataset) -> Dataset:
        """Return the dataset with its sequences varied."""
        if not str(self):
            return dataset
        return replace(dataset, sequences=tuple(map(self._varied, dataset.sequences)))

    def _varied(self, sequence: Sequence) -> Sequence:
        sources = [None if source is None else VariedSource(source, self, sequence.start)
                   for source in (sequence.rgb, sequence.thermal)]
        return replace(
            sequence, rgb=sources[0], thermal=sources[1], start=0,
            truth={camera: boxes[::self.every] * self.scale
                   for camera, boxes in sequence.truth.items()},
            init=Box(*(self.scale * value for value in sequence.init)),
            use=sequence.use[::self.every], events=sequence.events[::self.every],
            fps=None if sequence.fps is None else sequence.fps / self.every)


class VariedSource:
    """A source of which every so many frames are read, and resized; see `FrameSource`.

    Parameters
    ----------
    source
        The recording as it is.
    variation
        What differs.
    first
        Number of its frame that becomes number 0.

    """

    def __init__(self, source: FrameSource, variation: Variation, first: int) -> None:
        self.text = source.text
        self.count = None if source.count is None else -(
            (first - source.count) // variation.every)
        self.rate: float | None = (source.rate or DEFAULT_RATE) / variation.every
        self._source, self._variation, self._first = source, variation, first

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from number `start` on."""
        every, scale = self._variation.every, self._variation.scale
        frames = self._source.frames(self._first + start * every)
        for frame in islice(frames, 0, None, every):
            yield frame if frame is None or scale == 1 else cv2.resize(
                frame, None, fx=scale, fy=scale,
                interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
