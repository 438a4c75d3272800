# SPDX-License-Identifier: Apache-2.0
"""What befalls a stream of frames: gaps, images that stand still, delays, image faults.

Each function takes frames one by one and gives one for each, None where there is none; nothing is
read ahead, so that a stream may be long or endless.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[Any]
Frames = Iterable[Frame | None]
Flags = Iterable[bool] | NDArray[np.bool_]


def missing(frames: Frames, where: Flags) -> Iterator[Frame | None]:
    """Leave out the flagged frames; it ends with the frames or the flags."""
    for frame, gone in zip(frames, where, strict=False):
        yield None if gone else frame


def held(frames: Frames, where: Flags) -> Iterator[Frame | None]:
    """Show the last image again in the flagged frames, as a frozen camera does."""
    shown: Frame | None = None
    for frame, frozen in zip(frames, where, strict=False):
        if shown is None or not frozen:
            shown = frame
        yield shown


def delayed(frames: Frames, count: int) -> Iterator[Frame | None]:
    """Show each image `count` frames late; the first one is shown until then."""
    past: deque[Frame | None] = deque(maxlen=count + 1)
    for frame in frames:
        past.append(frame)
        yield past[0]


def marred(frames: Frames, change: Callable[[NDArray[np.uint8], int], NDArray[np.uint8]],
           first: int = 0) -> Iterator[Frame | None]:
    """Change the images from number `first` on.

    Parameters
    ----------
    frames
        Images; those of 16 bits are pressed into 8 for the change, by the range of the first one
        with as much again on both sides, and spread again.
    change
        Gets an image and its number in the stream, from 0.
    first
        Number of the first image that is changed.

    """
    scale: tuple[float, float] | None = None
    for number, frame in enumerate(frames):
        if frame is None or number < first:
            yield frame
        elif frame.dtype == np.uint8:
            yield change(frame, number)
        else:
            scale = scale or _scale(frame)
            grey = np.clip(np.rint((frame - scale[0]) / scale[1]), 0, 255).astype(np.uint8)
            counts = change(grey, number) * scale[1] + scale[0]
            limits = np.iinfo(frame.dtype)
            yield np.clip(np.rint(counts), limits.min, limits.max).astype(frame.dtype)


def _scale(frame: Frame) -> tuple[float, float]:
    low, high = float(frame.min()), float(frame.max())
    span = max(high - low, 1.0)
    return low - span, 3 * span / 255
