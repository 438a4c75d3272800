# SPDX-License-Identifier: Apache-2.0
"""The last moments as the tracker saw them, so that a box can be matched to its own frame."""
from __future__ import annotations

from collections import deque

from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.pipeline.header import Header

_SPAN_S = 1.5
_BYTES = 128 * 2**20

Entry = tuple[Header, ImagePair]


class RecentPairs:
    """A short memory of image pairs, bounded in time and in bytes."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def newest(self) -> Entry | None:
        """Return the newest pair and its header."""
        return self._entries[-1] if self._entries else None

    @property
    def span(self) -> tuple[float, float]:
        """Return the stamps of the oldest and the newest pair, seconds."""
        return self._entries[0][1].stamp, self._entries[-1][1].stamp

    def append(self, header: Header, pair: ImagePair) -> None:
        """Take in a pair; one that goes back in time makes the memory start anew."""
        if self._entries and pair.stamp <= self._entries[-1][1].stamp:
            self.clear()
        self._entries.append((header, pair))
        self._bytes += _size(pair)
        while len(self._entries) > 1 and (
                self._bytes > _BYTES or pair.stamp - self._entries[0][1].stamp > _SPAN_S):
            self._bytes -= _size(self._entries.popleft()[1])

    def nearest(self, stamp: float) -> Entry:
        """Return the pair nearest to a stamp; there must be one."""
        return min(self._entries, key=lambda entry: abs(entry[1].stamp - stamp))

    def after(self, stamp: float, most: int) -> list[Entry]:
        """Return up to `most` evenly spaced pairs later than a stamp, the newest included."""
        later = [entry for entry in self._entries if entry[1].stamp > stamp]
        count = min(most, len(later))
        return [later[(index + 1) * len(later) // count - 1] for index in range(count)]

    def clear(self) -> None:
        """Forget all pairs."""
        self._entries.clear()
        self._bytes = 0


def _size(pair: ImagePair) -> int:
    return sum(image.nbytes for image in (pair.rgb, pair.thermal) if image is not None)
