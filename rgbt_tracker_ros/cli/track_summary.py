# SPDX-License-Identifier: Apache-2.0
"""What happened while a recording was tracked, in words."""
from __future__ import annotations

from time import perf_counter

from rgbt_tracker_ros.benchmark.recording import TrackedFrame, unusable
from rgbt_tracker_ros.tracking.result import State


class TrackSummary:
    """Counts frames and notices when cameras fail and the target is lost or found."""

    def __init__(self) -> None:
        self._begin = perf_counter()
        self._frames = 0
        self._lost = 0
        self._score = 0.0
        self._ms = 0.0
        self._mode = ''
        self._state = State.IDLE
        self._note = ''

    def add(self, frame: TrackedFrame) -> list[str]:
        """Take in a frame and return what has changed with it, one sentence each."""
        result, number = frame.result, frame.raw.number
        events = []
        if result.mode != self._mode and self._mode:
            reason = unusable(frame.prepared)
            events.append(f'frame {number}: using {result.mode} instead of {self._mode}'
                          + (f' ({reason})' if reason else ''))
        elif result.note and result.note != self._note:
            events.append(f'frame {number}: {result.note}')
        if result.state is State.LOST and self._state is State.TRACKING:
            events.append(f'frame {number}: target lost')
        elif result.state is State.TRACKING and self._state is State.LOST:
            events.append(f'frame {number}: target found again')
        self._mode, self._state, self._note = result.mode, result.state, result.note
        self._frames += 1
        self._lost += result.state is State.LOST
        self._score += result.score
        self._ms += result.total_ms
        return events

    def line(self) -> str:
        """Return the summary of all frames on one line."""
        seconds = max(perf_counter() - self._begin, 1e-9)
        return (f'{self._frames} frames in {seconds:.1f} s ({self._frames / seconds:.1f} fps, '
                f'tracker {self._ms / self._frames:.1f} ms a frame), '
                f'mean score {self._score / self._frames:.2f}, lost in {self._lost} frames')
