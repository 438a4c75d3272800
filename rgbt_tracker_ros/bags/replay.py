# SPDX-License-Identifier: Apache-2.0
"""The node's pipeline over the messages of a bag, in the order and at the times of the record.

Every wait (for a partner, for a camera, of a request) is measured in record times, so the same bag
gives the same results each time, however fast it is worked through.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import math
from typing import Any

from rgbt_tracker_ros.bags.calibrations import RecordedCalibrations
from rgbt_tracker_ros.bags.reader import BagReader, Recorded
from rgbt_tracker_ros.bags.topics import CameraTopics
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.messages import best_detection, detection_box
from rgbt_tracker_ros.pipeline.pairing import NearestPairing
from rgbt_tracker_ros.pipeline.pipeline import Outcome, Pipeline
from rgbt_tracker_ros.pipeline.requests import Answer, StartRequest
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker

INIT_OPTION = '--init'

_TICK_S = 0.1
"""The node looks so often after its queues while no message comes."""

_TAIL_S = 1.5
"""Silence after which no request waits any more, on top of `sync.timeout`."""

_REQUEST_TYPES = {'init_box': 'vision_msgs/msg/Detection2D',
                  'detections_in': 'vision_msgs/msg/Detection2DArray'}


@dataclass(frozen=True, slots=True)
class Frame:
    """What became of a frame.

    Attributes
    ----------
    time
        Record time at which it was complete, nanoseconds.
    outcome
        The frame.
    numbers
        Counters of the synchroniser.

    """

    time: int
    outcome: Outcome
    numbers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a request, at a record time in nanoseconds."""

    time: int
    answer: Answer


class Replay:
    """Works through a bag.

    Parameters
    ----------
    reader
        The open bag.
    cameras
        Its image topics. Boxes recorded on `.../init_box` and `.../detections_in` are obeyed,
        and `camera_info` beside the images is read where the settings ask for it.
    tracker
        The tracker; it is configured and closed elsewhere.
    settings
        As the node has them; `initial_box` starts on the first usable pair.
    warn
        Called with a sentence about what is odd in the bag.
    fused
        Also ask for the fused search crop.

    Raises
    ------
    InputError
        If `sync.policy` is one that needs ROS.

    """

    def __init__(self, reader: BagReader, cameras: CameraTopics, tracker: Tracker,
                 settings: Settings, warn: Callable[[str], None] = lambda _: None,
                 fused: bool = False) -> None:
        if settings.sync.policy != 'nearest':
            raise InputError(f'sync.policy = {settings.sync.policy} is that of message_filters, '
                             'which needs ROS: for a bag use nearest')
        self._reader = reader
        self._cameras = {topic: camera for topic, camera in (
            (cameras.rgb, 'rgb'), (cameras.thermal, 'thermal')) if topic is not None}
        self._requests = {
            topic.name: topic.name.rpartition('/')[2] for topic in reader.topics
            if _REQUEST_TYPES.get(topic.name.rpartition('/')[2]) == topic.type and topic.count}
        self._settings = settings
        self._warn = warn
        self._fused = fused
        self._now = 0
        self._unstamped: set[str] = set()
        self._answers: list[Answer] = []
        self._pairing = NearestPairing(settings.sync, self._clock)
        self._pipeline = Pipeline(tracker, settings, self._answers.append, self._clock)
        self._pipeline.reset()
        self._calibrations = RecordedCalibrations(
            reader, self._cameras, self._pipeline.calibrate, warn)
        if settings.registration.source != 'camera_info':
            self._calibrations.topics.clear()

    @property
    def has_requests(self) -> bool:
        """Tell whether the bag itself says where the target is."""
        return bool(self._requests)

    def start_at(self, box: Box, stamp: float) -> None:
        """Have the tracker start on the frame with this stamp, when it comes."""
        self._pipeline.inbox.put(StartRequest(INIT_OPTION, box, stamp, arrival=math.inf))

    def events(self, start: int | None = None, stop: int | None = None,
               ) -> Iterator[Frame | Answered]:
        """Yield what the node would have published.

        Parameters
        ----------
        start, stop
            First record time, and the one before which to end, nanoseconds; None = all.

        """
        topics = {*self._cameras, *self._requests, *self._calibrations.topics}
        self._calibrations.take_first()
        for recorded in self._reader.messages(topics, start, stop):
            if self._now:
                yield from self._pass_time(recorded.time)
            self._now = recorded.time
            if recorded.topic in self._cameras:
                yield from self._take_image(recorded)
            elif recorded.topic in self._calibrations.topics:
                self._calibrations.take(recorded)
            else:
                yield from self._take_request(recorded)
        if self._now:
            yield from self._pass_time(
                self._now + round((self._settings.sync.timeout + _TAIL_S) * 1e9))

    def _clock(self) -> float:
        return self._now * 1e-9

    def _take_image(self, recorded: Recorded) -> Iterator[Frame | Answered]:
        stamp = recorded.message.header.stamp
        if stamp.sec == 0 and stamp.nanosec == 0:
            if recorded.topic not in self._unstamped:
                self._unstamped.add(recorded.topic)
                self._warn(f'{recorded.topic}: stamps are zero, the record time is used: let the '
                           'driver set header.stamp')
            stamp.sec, stamp.nanosec = divmod(recorded.time, 10**9)
        self._pairing.add(self._cameras[recorded.topic], recorded.message)
        yield from self._poll()

    def _take_request(self, recorded: Recorded) -> Iterator[Frame | Answered]:
        source, message = self._requests[recorded.topic], recorded.message
        detection, only_idle = message, source == 'detections_in'
        if only_idle:
            detection = None if self._pipeline.target_id else best_detection(message)
        if detection is None:
            return
        try:
            self._pipeline.inbox.put(StartRequest(
                source, detection_box(detection), seconds(message.header.stamp), only_idle,
                arrival=self._clock()))
        except InputError as error:
            self._answers.append(Answer(source, False, str(error)))
        yield from self._look_after_requests()

    def _pass_time(self, until: int) -> Iterator[Frame | Answered]:
        """Do what the node does in a silence; after the longest wait there is nothing to do."""
        begin = self._now
        longest = self._settings.sync.timeout + _TAIL_S
        for tick in range(1, math.ceil(min((until - begin) * 1e-9, longest) / _TICK_S)):
            self._now = begin + round(tick * _TICK_S * 1e9)
            yield from self._poll()
            yield from self._look_after_requests()

    def _poll(self) -> Iterator[Frame | Answered]:
        for pair in self._pairing.poll(self._clock()):
            yield from self._said(self._pipeline.rated(
                self._pipeline.process(pair, self._settings, self._fused)))

    def _look_after_requests(self) -> Iterator[Frame | Answered]:
        yield from self._said(self._pipeline.process_requests(self._settings))

    def _said(self, outcome: Outcome | None) -> Iterator[Frame | Answered]:
        while self._answers:
            yield Answered(self._now, self._answers.pop(0))
        if outcome is not None:
            yield Frame(self._now, outcome, self._pairing.numbers())
