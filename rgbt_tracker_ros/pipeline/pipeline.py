# SPDX-License-Identifier: Apache-2.0
"""From a pair of messages to the target: what the worker's thread does with each frame."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.camera_model import Calibration
from rgbt_tracker_ros.imaging.health import Health
from rgbt_tracker_ros.imaging.image_pair import CAMERAS, ImagePair
from rgbt_tracker_ros.imaging.registration import SAME_VIEW, Registered
from rgbt_tracker_ros.imaging.synchronizer import Pair
from rgbt_tracker_ros.inference.backend import AS_ASKED, Choice
from rgbt_tracker_ros.pipeline.conversion import rgb_image, thermal_image
from rgbt_tracker_ros.pipeline.header import Header
from rgbt_tracker_ros.pipeline.requests import Answer, Inbox, Request, StartRequest
from rgbt_tracker_ros.pipeline.target import Target
from rgbt_tracker_ros.pipeline.timing import Stopwatch
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.prediction import Motion
from rgbt_tracker_ros.tracking.preparation import PairPreparer
from rgbt_tracker_ros.tracking.result import State, TrackResult
from rgbt_tracker_ros.tracking.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be said about one frame.

    Attributes
    ----------
    header
        Header of the RGB image, or of the thermal one when it is alone.
    pair
        The usable images; None when there are none.
    result
        The target in this frame; None without one, or when no image is usable.
    state
        Where the tracker stands.
    target_id
        Its name.
    health
        State of each camera; its reliability is measured by `Pipeline.rated`.
    dt
        Thermal minus RGB stamp, seconds; None when one is alone.
    error
        What went wrong, empty when nothing did.
    motion
        How the target moves, where `target.predict_to_now` asks for it; None while it is not
        tracked.
    registration
        How the views correspond.
    choice
        Why the run time that tracks was taken.

    """

    header: Header
    pair: ImagePair | None
    result: TrackResult | None
    state: State
    target_id: str
    health: dict[str, Health]
    dt: float | None
    error: str
    motion: Motion | None = None
    registration: Registered = SAME_VIEW
    choice: Choice = AS_ASKED


class Pipeline:
    """Converts, prepares and tracks.

    One thread's, but for `inbox`, `calibrate` and `target_id`, which are any thread's.

    Parameters
    ----------
    tracker
        The tracker with its model.
    settings
        Settings at the start.
    on_answer
        Called with the answer to each request.
    clock
        Tells how long a request has waited, seconds.

    """

    def __init__(self, tracker: Tracker, settings: Settings,
                 on_answer: Callable[[Answer], None],
                 clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.inbox = Inbox()
        self._tracker = tracker
        self._target = Target(tracker, on_answer, clock)
        self._preparer = PairPreparer(settings, tracker.bundle.thermal.channels)
        self._settings = settings
        self._forget()

    def calibrate(self, camera: str, calibration: Calibration) -> None:
        """Take in the calibration of `rgb` or `thermal`; from any thread."""
        self._preparer.calibrate(camera, calibration)

    @property
    def target_id(self) -> str:
        """Return the name of the target; empty when there is none."""
        return self._target.id

    def reset(self) -> None:
        """Forget target, frames and cameras, as before the first frame."""
        self._tracker.reset()
        self._target.forget_frames()
        self._preparer.reset()
        self._forget()
        self.inbox.take()

    def _forget(self) -> None:
        self._initial_box: tuple[float, ...] = ()
        self._health: dict[str, Health] = {}
        self._registration = SAME_VIEW
        self._newest = 0.0

    def process(self, frame: Pair[Any, Any], settings: Settings, fused: bool,
                watch: Stopwatch | None = None) -> Outcome:
        """Handle one frame and the requests that came before it; `watch` gets its laps."""
        watch = watch or Stopwatch()
        self._configure(settings)
        if frame.stamp < self._newest:
            self._preparer.reset()
        self._newest = frame.stamp
        image: Any = frame.thermal if frame.rgb is None else frame.rgb
        rgb, rgb_error = _converted(rgb_image, frame.rgb, 'rgb')
        thermal, thermal_error = _converted(
            partial(thermal_image, colors=settings.thermal.in_color), frame.thermal, 'thermal')
        errors = [error for error in (rgb_error, thermal_error) if error]
        for camera, error in (('rgb', rgb_error), ('thermal', thermal_error)):
            if error:
                self._preparer.reject(camera, error, frame.stamp)
        watch.lap('convert_ms')
        pair, result = None, None
        try:
            prepared = self._preparer(rgb, thermal, frame.stamp, self._tracker.box)
            watch.lap('prepare_ms')
            watch.laps['normalize_ms'] = 1000 * prepared.normalize_s
            pair = prepared.pair
            self._registration = prepared.registration
            self._health = {'rgb': prepared.rgb, 'thermal': prepared.thermal}
            if pair is not None:
                result = self._target.follow(image.header, pair, self._requests(), fused)
            else:
                self._target.miss(self._requests())
        except InputError as error:
            errors.append(str(error))
        watch.lap('follow_ms')
        if result is not None and result.note:
            errors.append(result.note)
        elif pair is None and not errors:
            errors += [health.reason for health in self._health.values()]
        return self._outcome(image.header, pair, result, '; '.join(errors), frame.dt)

    def rated(self, outcome: Outcome) -> Outcome:
        """Return the newest outcome of `process` with the cameras' reliability measured.

        Call it when the target has been published: that need not wait.
        """
        found = self._preparer.rate()
        if found is not None:
            self._health = dict(zip(CAMERAS, found, strict=True))
        return replace(outcome, health=self._health)

    def process_requests(self, settings: Settings) -> Outcome | None:
        """Handle requests while no frame comes; return the newest frame anew if one started."""
        self._configure(settings)
        newest = self._target.newest
        result = self._target.answer(self._requests() if newest else self.inbox.take())
        if result is None or newest is None:
            return None
        return self._outcome(*newest, result, result.note)

    def _outcome(self, header: Header, pair: ImagePair | None, result: TrackResult | None,
                 error: str, dt: float | None = None) -> Outcome:
        motion = self._target.motion if self._settings.target.predict_to_now else None
        return Outcome(header, pair, result, self._tracker.state, self._target.id, self._health,
                       dt, error, motion, self._registration, self._tracker.backend.choice)

    def _configure(self, settings: Settings) -> None:
        if settings is not self._settings:
            self._preparer.configure(settings)
            self._tracker.configure(settings)
            self._settings = settings

    def _requests(self) -> list[Request]:
        """Return what was asked for, a new `initial_box` included."""
        requests = self.inbox.take()
        if self._settings.initial_box != self._initial_box:
            self._initial_box = self._settings.initial_box
            if self._initial_box:
                requests.insert(0, StartRequest(
                    'initial_box', Box(*self._initial_box), both_cameras=True,
                    arrival=self._clock()))
        return requests


def _converted(convert: Callable[[Any], Any], message: Any, camera: str) -> tuple[Any, str]:
    """Return the image, or None and what is wrong with the message."""
    if message is None:
        return None, ''
    try:
        return convert(message), ''
    except InputError as error:
        return None, f'{camera}: {error}'
