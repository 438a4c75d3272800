# SPDX-License-Identifier: Apache-2.0
"""Tells a tracked target from a lost one, with hysteresis."""
from __future__ import annotations

from rgbt_tracker_ros.settings import TargetSettings
from rgbt_tracker_ros.tracking.result import State


class TargetState:
    """State of the target, driven by one score per frame.

    TRACKING becomes LOST after `lost_frames` scores in a row under `lost_threshold`; LOST becomes
    TRACKING again at one score of `found_threshold` or more.
    """

    def __init__(self, settings: TargetSettings) -> None:
        self.settings = settings
        self._state = State.IDLE
        self._low = 0

    @property
    def state(self) -> State:
        """Return the present state."""
        return self._state

    def start(self) -> None:
        """Begin with a target that is in view."""
        self._state = State.TRACKING
        self._low = 0

    def stop(self) -> None:
        """Forget the target."""
        self._state = State.IDLE

    def update(self, score: float) -> State:
        """Take in the score of a frame (0..1) and return the new state."""
        if self._state is State.LOST:
            if score >= self.settings.found_threshold:
                self.start()
        elif self._state is State.TRACKING:
            self._low = self._low + 1 if score < self.settings.lost_threshold else 0
            if self._low >= self.settings.lost_frames:
                self._state = State.LOST
        return self._state
