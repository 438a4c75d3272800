# SPDX-License-Identifier: Apache-2.0
"""A tracker of OpenCV behind the interface of ours.

It looks at one image: RGB, thermal in the view of RGB, or the average of both. A frame whose image
is missing leaves the box where it was.
"""
from __future__ import annotations

from collections.abc import Callable
import ctypes
import os
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.overlay import in_color, in_rgb_frame
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.tracking.result import State, TrackResult

VIEWS = ('rgb', 'thermal', 'average')
_SEED = 0


class PeerTracker:
    """A tracker of OpenCV with the methods of ours.

    Parameters
    ----------
    make
        Makes one for each target.
    view
        Which image it looks at, one of VIEWS.

    """

    def __init__(self, make: Callable[[], Any], view: str) -> None:
        self._make = make
        self._view = view
        self._tracker: Any = None
        self._box = Box(0, 0, 1, 1)
        self._state = State.IDLE

    @property
    def state(self) -> State:
        """Return IDLE without a target, LOST where the tracker itself says so, else TRACKING."""
        return self._state

    @property
    def box(self) -> Box | None:
        """Return where the target was last, pixels of the RGB image; None without a target."""
        return None if self._state is State.IDLE else self._box

    def initialize(self, pair: ImagePair, box: Box) -> TrackResult:
        """Take the target in `box`, pixels of the RGB image, as the one to track.

        Raises
        ------
        InputError
            If the box is outside the image, or the image is missing.

        """
        begin = perf_counter()
        image = viewed(pair, self._view)
        if image is None:
            raise InputError(f'the first {self._view} image is missing or unusable')
        self._box = Box(*box).inside(pair.width, pair.height)
        x, y, w, h = map(round, self._box)
        _seed()
        self._tracker = self._make()
        self._tracker.init(image, (x, y, max(w, 1), max(h, 1)))
        self._state = State.TRACKING
        return self._result(pair.mode, 1.0, begin)

    def track(self, pair: ImagePair, fused: bool = False) -> TrackResult:
        """Find the target in the next pair; `fused` has no meaning here."""
        begin = perf_counter()
        image = viewed(pair, self._view)
        if image is None:
            return self._result(pair.mode, 0.0, begin, f'no {self._view} image')
        try:
            found, box = self._tracker.update(image)
        except cv2.error as error:
            return self._result(pair.mode, 0.0, begin, ' '.join(str(error).split()))
        self._state = State.TRACKING if found else State.LOST
        if found:
            self._box = Box(*map(float, box))
        score = float(found)
        if found and hasattr(self._tracker, 'getTrackingScore'):
            score = float(np.clip(self._tracker.getTrackingScore(), 0, 1))
        return self._result(pair.mode, score, begin)

    def miss(self, note: str) -> TrackResult:
        """Let a frame pass in which no camera was usable."""
        return self._result('none', 0.0, perf_counter(), note)

    def reset(self) -> None:
        """Forget the target."""
        self._tracker = None
        self._state = State.IDLE

    def _result(self, mode: str, score: float, begin: float, note: str = '') -> TrackResult:
        spent = 1000 * (perf_counter() - begin)
        return TrackResult(self._box, score, self._state, mode, 0, spent, spent, note=note)


def viewed(pair: ImagePair, view: str) -> NDArray[np.uint8] | None:
    """Return a pair's one image, H x W x 3 in BGR order; None when its camera is missing.

    The average of a pair with one camera is that camera's image.
    """
    rgb = thermal = None
    if view != 'thermal' and pair.rgb is not None:
        rgb = cv2.cvtColor(pair.rgb, cv2.COLOR_RGB2BGR)
    if view != 'rgb' and pair.thermal is not None:
        seen = in_rgb_frame(pair.thermal, (pair.width, pair.height), pair.thermal_to_rgb)
        thermal = cv2.cvtColor(in_color(seen), cv2.COLOR_RGB2BGR)
    if rgb is not None and thermal is not None:
        return np.asarray(cv2.addWeighted(rgb, 0.5, thermal, 0.5, 0.0), np.uint8)
    found = thermal if rgb is None else rgb
    return None if found is None else np.asarray(found, np.uint8)


def _seed() -> None:
    """Let MIL draw the same in each run: its samples from OpenCV's generator, its features by C's.

    Where the C library is not to be had (Windows), its boxes depend on what was tracked before.
    """
    cv2.setRNGSeed(_SEED)
    if os.name == 'posix':
        ctypes.CDLL(None).srand(_SEED)
