# SPDX-License-Identifier: Apache-2.0
"""How much a camera's view changes over time, part by part: what RGB and thermal have in common.

Pixels of the two cameras do not compare, but both see when and where something moves.
"""
from __future__ import annotations

from collections import deque
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_COLUMNS, _ROWS = 4, 3
CELLS = _COLUMNS * _ROWS
"""Parts of the view, few enough that they need not be registered to each other."""

_JUMP_S = 1.0
_CELL_SIDE = 8
_SAMPLES = 4
"""Pixels looked at per thumbnail pixel and axis: their mean has little noise left."""


class ViewChanges:
    """The newest changes in one camera's images; one thread's.

    Each image is made small, and freed of its mean and contrast, so that a thermal camera that
    changes its range does not count as motion. Repeated images are left out: what changes with
    the next one happened in all the time between.

    Parameters
    ----------
    window
        Seconds that are kept.

    """

    def __init__(self, window: float = 30.0) -> None:
        self._window = window
        self._stamps: deque[float] = deque()
        self._changes: deque[NDArray[np.float32]] = deque()
        self._last: NDArray[np.float32] | None = None

    def clear(self) -> None:
        """Forget all images."""
        self._stamps.clear()
        self._changes.clear()
        self._last = None

    def add(self, stamp: float, image: NDArray[Any]) -> None:
        """Take an image.

        Parameters
        ----------
        stamp
            Seconds; one that goes back by over a second, or on by more than the window, starts
            anew; an image that is only late is left out.
        image
            H x W or H x W x C of any integer type; colour images by their second channel.

        """
        if self._stamps and not -_JUMP_S <= stamp - self._stamps[-1] <= self._window:
            self.clear()
        if self._stamps and stamp <= self._stamps[-1]:
            return
        small = _thumbnail(image)
        if small is None:
            return
        if self._last is not None:
            change = cv2.absdiff(small, self._last)
            cells = cv2.resize(change, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA).ravel()
            if not cells.any():
                return
            self._changes.append(cells / np.float32(stamp - self._stamps[-1]))
        self._stamps.append(stamp)
        self._last = small
        while self._stamps[-1] - self._stamps[0] > self._window:
            self._stamps.popleft()
            self._changes.popleft()

    @property
    def seconds(self) -> float:
        """Return for how long changes are known."""
        return self._stamps[-1] - self._stamps[0] if self._stamps else 0.0

    @property
    def count(self) -> int:
        """Return the number of changes that are known."""
        return len(self._changes)

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return N + 1 stamps and the N x CELLS changes per second between them."""
        return (np.fromiter(self._stamps, np.float64, len(self._stamps)),
                np.array(self._changes, np.float64).reshape(-1, CELLS))


def _thumbnail(image: NDArray[Any]) -> NDArray[np.float32] | None:
    """Return the small image without mean and contrast; None of a blank one."""
    size = (_COLUMNS * _CELL_SIDE, _ROWS * _CELL_SIDE)
    if image.size == 0:
        return None
    if image.ndim == 3:
        image = image[..., min(1, image.shape[2] - 1)]
    steps = [max(side // (_SAMPLES * small), 1)
             for side, small in zip(image.shape, size[::-1], strict=True)]
    sample = np.ascontiguousarray(image[::steps[0], ::steps[1]])
    small = cv2.resize(sample, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    mean, deviation = cv2.meanStdDev(small)
    if deviation[0, 0] < 1e-6:
        return None
    result: NDArray[np.float32] = (small - np.float32(mean[0, 0])) / np.float32(deviation[0, 0])
    return result
