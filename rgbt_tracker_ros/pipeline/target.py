# SPDX-License-Identifier: Apache-2.0
"""The one target of the node: started, followed, caught up with and dropped."""
from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.pipeline.header import Header
from rgbt_tracker_ros.pipeline.recent_pairs import RecentPairs
from rgbt_tracker_ros.pipeline.requests import Answer, Request, StartRequest
from rgbt_tracker_ros.tracking.prediction import Motion, MotionModel
from rgbt_tracker_ros.tracking.result import State, TrackResult
from rgbt_tracker_ros.tracking.tracker import Tracker

_NEAR_S = 0.1
"""A box belongs to the frame nearest to its stamp, unless that is farther away than this."""

_PATIENCE_S = 1.0
"""A request waits so long for a frame that is not there yet."""

_CATCH_UP = 5
"""Frames looked at between the one a box was taken from and the newest."""


class Target:
    """A tracker with an identity for its target; used from the worker's thread only.

    Parameters
    ----------
    tracker
        The tracker; it is configured and closed elsewhere.
    on_answer
        Called with the answer to each request.
    clock
        The one that `StartRequest.arrival` is read from, seconds.

    """

    def __init__(self, tracker: Tracker, on_answer: Callable[[Answer], None],
                 clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._tracker = tracker
        self._on_answer = on_answer
        self._recent = RecentPairs()
        self._waiting: StartRequest | None = None
        self._count = 0
        self._motion = MotionModel()

    @property
    def id(self) -> str:
        """Return the target's name, a new one after each start; empty when there is none."""
        return '' if self._tracker.state is State.IDLE else str(self._count)

    @property
    def motion(self) -> Motion | None:
        """Return how the target moves, None unless it is being tracked."""
        return self._motion.motion

    @property
    def newest(self) -> tuple[Header, ImagePair] | None:
        """Return the newest frame."""
        return self._recent.newest

    def follow(self, header: Header, pair: ImagePair, requests: list[Request],
               fused: bool) -> TrackResult | None:
        """Take in a new frame and what was asked for since the last one.

        Returns
        -------
        The target in this frame; None when there is none.

        """
        self._recent.append(header, pair)
        result = self.answer(requests)
        if result is None and self._tracker.state is not State.IDLE:
            result = self._tracker.track(pair, fused=fused)
        if self._tracker.state is not State.TRACKING:
            self._motion.reset()
        elif result is not None:
            self._motion.update(pair.stamp, result.box, (pair.width, pair.height))
        return result

    def miss(self, requests: list[Request]) -> None:
        """Take in that a frame shows nothing, and what was asked for since the last one."""
        if self.answer(requests) is None and self._tracker.state is not State.IDLE:
            self._tracker.miss('')
            if self._tracker.state is not State.TRACKING:
                self._motion.reset()

    def answer(self, requests: list[Request]) -> TrackResult | None:
        """Do what is asked for; return the target in the newest frame if one was started."""
        started = None
        for request in requests:
            if isinstance(request, StartRequest):
                if self._waiting is not None and not request.only_idle:
                    self._refuse(self._waiting, 'a newer request came')
                if self._waiting is None or not request.only_idle:
                    self._waiting = request
            else:
                started = None
                self._drop(request.source)
        if self._waiting is not None:
            started = self._try_start(self._waiting)
        return started

    def forget_frames(self) -> None:
        """Forget the recent frames, and requests that wait for one."""
        self._recent.clear()
        self._motion.reset()
        self._waiting = None

    def _drop(self, source: str) -> None:
        reason = f'target {self.id} is dropped' if self.id else 'there was no target'
        if self._waiting is not None:
            self._refuse(self._waiting, 'a reset came')
        self._tracker.reset()
        self._motion.reset()
        self._on_answer(Answer(source, True, reason))

    def _refuse(self, request: StartRequest, reason: str) -> None:
        self._waiting = None
        self._on_answer(Answer(request.source, False, reason))

    def _try_start(self, request: StartRequest) -> TrackResult | None:
        if request.only_idle and self._tracker.state is not State.IDLE:
            self._waiting = None
            return None
        patient = self._clock() - request.arrival < _PATIENCE_S
        newest = self._recent.newest
        if newest is None:
            if not patient:
                self._refuse(request, 'no image has come yet')
            return None
        missing = request.stamp > newest[1].stamp + 1e-4
        if patient and (missing or (request.both_cameras and newest[1].mode != 'rgbt')):
            return None
        pair = newest[1]
        if request.stamp:
            pair = self._recent.nearest(request.stamp)[1]
        elif request.both_cameras and pair.mode != 'rgbt':
            # The wait was in vain: the box is that of the first frame, not of the newest.
            pair = self._recent.nearest(self._recent.span[0])[1]
        distance = abs(pair.stamp - request.stamp) if request.stamp else 0.0
        if distance > _NEAR_S:
            first, last = self._recent.span
            self._refuse(
                request, f'no frame is near its stamp {request.stamp:.3f} s: those from '
                f'{first:.3f} to {last:.3f} s are kept; stamp 0 takes the newest')
            return None
        return self._start(request, pair, distance)

    def _start(self, request: StartRequest, pair: ImagePair,
               distance: float) -> TrackResult | None:
        try:
            result = self._tracker.initialize(pair, request.box)
        except (InputError, ModelError) as error:
            self._refuse(request, str(error))
            return None
        self._waiting = None
        self._motion.reset()
        self._count += 1
        self._on_answer(Answer(
            request.source, True,
            f'target {self._count} starts at {", ".join(f"{v:.1f}" for v in result.box)} px '
            f'({pair.mode}, frame {1000 * distance:.0f} ms from the stamp)'))
        for _, later in self._recent.after(pair.stamp, _CATCH_UP):
            result = self._tracker.track(later)
        return result
