# SPDX-License-Identifier: Apache-2.0
"""Compares what the node says with what it was shown; knows nothing of ROS.

Always: every number is finite, every box lies inside its image, every stamp is that of an image.
In health: exactly one answer per pair, on the target, by both cameras. What the node itself counts
as dropped, because it was busy with another frame, is no violation but is reported.
"""
from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
import math
import threading

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.ros.soak.history import Event, Frame, History, Said, Violation

LEAST_OVERLAP = 0.5
_EDGE_PX = 0.01
_KNOWN = 20_000
"""Newest frames whose stamps are known: answers are never that late."""

_FUSED = ('tracking', 'rgbt')


class Judge:
    """Called from any thread; times are seconds of the monotonic clock.

    Parameters
    ----------
    begin
        When the test began.

    Attributes
    ----------
    history
        What was seen so far.
    unstamped
        Answers may have stamps that no image had: those without a stamp get the time of arrival.

    """

    def __init__(self, begin: float) -> None:
        self.history = History(begin)
        self.unstamped = False
        self._lock = threading.RLock()
        self._frames: dict[int, Frame] = {}
        self._order: deque[int] = deque()
        self._good_until = -math.inf
        self._modes: deque[tuple[float, str]] = deque(maxlen=1000)
        self._dropped = 0
        self._stretch: list[Frame] = []
        self._answers: Counter[int] = Counter()
        self._boxes: dict[int, list[Box]] = {}
        self._names: set[str] = set()
        self._said: dict[int, Said] = {}
        self._dropped_before = 0

    # What is shown and said --------------------------------------------------------------------

    def shown(self, frame: Frame) -> None:
        """Note a frame before it is published."""
        with self._lock:
            self.history.frames += 1
            for stamp in set(frame.stamps):
                self._frames[stamp] = frame
                self._order.append(stamp)
            while len(self._order) > _KNOWN:
                self._frames.pop(self._order.popleft(), None)
            if frame.healthy:
                self._stretch.append(frame)

    def answered(self, at: float, stamp: int, boxes: list[Box], numbers: Iterable[float],
                 names: Iterable[str] = ()) -> None:
        """Judge a message of `~/detections`: stamp, boxes, all numbers, names of the targets."""
        with self._lock:
            if not all(map(math.isfinite, numbers)):
                self.violation(at, 'a detection holds a number that is not finite')
            frame = self._frame(at, stamp)
            if frame is None:
                return
            self._answers[stamp] += 1
            self._boxes[stamp] = boxes
            if frame.healthy:
                self._names.update(names)
                self.history.latencies.append((at, 1000 * (at - frame.at)))
            for box in boxes:
                if not _inside(box, frame.size):
                    self.violation(at, f'box {_short(box)} is not inside the {frame.size[0]}x'
                                   f'{frame.size[1]} image')

    def told(self, at: float, stamp: int, said: Said, values: Mapping[str, str]) -> None:
        """Judge a message of `~/status` about a frame."""
        with self._lock:
            for name, text in values.items():
                if _not_finite(text):
                    self.violation(at, f'{name} = {text} in the status')
            frame = self._frame(at, stamp)
            if frame is None:
                return
            self._said[stamp] = said
            self._dropped = said.dropped
            self._modes.append((frame.at, said.mode))
            self.history.modes.append((at, said.state, said.mode))
            if (said.state, said.mode) == _FUSED and not said.error and said.box is not None \
                    and said.box.iou(frame.box) >= LEAST_OVERLAP:
                self._good_until = max(self._good_until, frame.at)

    # Faults and the stretches of health between them ---------------------------------------------

    def begin_fault(self, at: float, kind: str, name: str) -> None:
        """Note that a fault begins."""
        with self._lock:
            self.history.events.append(Event(kind, name, at))

    def end_fault(self, at: float) -> None:
        """Note that the fault is over."""
        with self._lock:
            self.history.events[-1].end = at

    def good_since(self, at: float) -> bool:
        """Tell whether a frame published after `at` was answered as in health."""
        return self._good_until >= at

    def modes_since(self, at: float) -> set[str]:
        """Return the cameras in use in frames published after `at`."""
        with self._lock:
            return {mode for when, mode in self._modes if when >= at}

    def begin_stretch(self) -> None:
        """Note that healthy frames come from now on."""
        with self._lock:
            self._stretch.clear()
            self._answers.clear()
            self._boxes.clear()
            self._names.clear()
            self._said.clear()
            self._dropped_before = self._dropped

    @property
    def unanswered(self) -> int:
        """Return how many healthy frames wait for an answer that was not dropped."""
        with self._lock:
            dropped = max(self._dropped - self._dropped_before, 0)
            silent = sum(not self._complete(frame) for frame in self._stretch)
            return max(silent - dropped, 0)

    def end_stretch(self, at: float) -> None:
        """Judge the healthy frames; all their answers must have had time to come."""
        with self._lock:
            frames, missing = self._stretch, self.unanswered
            silent = sum(not self._complete(frame) for frame in frames)
            self.history.healthy += len(frames)
            self.history.answered += len(frames) - silent
            self.history.dropped += silent - missing
            if missing:
                self.violation(at, f'{missing} of {len(frames)} healthy pairs without an answer '
                               f'({silent - missing} more were dropped and counted)')
            twice = sum(self._answers[frame.stamps[0]] > 1 for frame in frames)
            if twice:
                self.violation(at, f'{twice} healthy pairs were answered twice')
            if len(self._names) > 1:
                self.violation(
                    at, f'the target had several names: {", ".join(sorted(self._names))}')
            self._judge_target(at, [frame for frame in frames if self._complete(frame)])
            self.begin_stretch()

    def violation(self, at: float, text: str) -> None:
        """Note something that must not be."""
        with self._lock:
            events = self.history.events
            self.history.violations.append(
                Violation(at, events[-1].name if events else '', text))

    def _complete(self, frame: Frame) -> bool:
        stamp = frame.stamps[0]
        return self._answers[stamp] > 0 and stamp in self._said

    def _judge_target(self, at: float, frames: list[Frame]) -> None:
        said = [self._said[frame.stamps[0]] for frame in frames]
        odd = Counter(f'{item.state}, {item.mode}' for item in said
                      if (item.state, item.mode) != _FUSED)
        if odd:
            words = ', '.join(f'{number} x {what}' for what, number in odd.items())
            self.violation(at, f'not fused in health: {words} of {len(said)} frames')
        overlaps = [max((box.iou(frame.box) for box in self._boxes[frame.stamps[0]]), default=0.0)
                    for frame in frames]
        self.history.overlaps += overlaps
        off = sum(overlap < LEAST_OVERLAP for overlap in overlaps)
        if off:
            self.violation(at, f'off the target in {off} of {len(overlaps)} healthy frames, worst '
                           f'overlap {min(overlaps):.2f}')
        errors = {item.error for item in said if item.error}
        if errors:
            self.violation(at, f'error in health: {"; ".join(sorted(errors))}')

    def _frame(self, at: float, stamp: int) -> Frame | None:
        frame = self._frames.get(stamp)
        if frame is None and not self.unstamped:
            self.violation(at, f'an answer has the stamp {stamp / 1e9:.6f}, which no image had')
        return frame


def _inside(box: Box, size: tuple[int, int]) -> bool:
    return (box.x >= -_EDGE_PX and box.y >= -_EDGE_PX and box.w > 0 and box.h > 0
            and box.x + box.w <= size[0] + _EDGE_PX and box.y + box.h <= size[1] + _EDGE_PX)


def _not_finite(text: str) -> bool:
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False


def _short(box: Box) -> str:
    return ', '.join(f'{side:.1f}' for side in box)
