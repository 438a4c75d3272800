# SPDX-License-Identifier: Apache-2.0
"""What the node publishes about each frame, written into a bag."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
import sqlite3
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Literal

import cv2
import numpy as np
from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from rgbt_tracker_ros.bags.replay import Answered, Frame
from rgbt_tracker_ros.bags.types import MessageTypes, typestore
from rgbt_tracker_ros.benchmark.annotation import annotated
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.pipeline.messages import detection_array, diagnostic_array
from rgbt_tracker_ros.pipeline.report import Part, answer_part, frame_parts
from rgbt_tracker_ros.tracking.prediction import Prediction

NODE = '/rgbt_tracker'
STORAGES = {'mcap': StoragePlugin.MCAP, 'sqlite3': StoragePlugin.SQLITE3}

_VERSION: Literal[8] = 8
"""The newest that the rosbag2 of Humble reads, too."""

_FOREVER = QosTime(9223372036, 854775807)
_QOS = Qos(QosHistory.KEEP_LAST, 10, QosReliability.RELIABLE, QosDurability.VOLATILE, _FOREVER,
           _FOREVER, QosLiveliness.AUTOMATIC, _FOREVER, False)

_WALL_TIMES = {'backend_ms', 'track_ms', 'crop_ms'}
"""Numbers of this machine, not of the recording: with them no two runs would give the same bag."""

_DETECTIONS, _STATUS, _IMAGE = 'detections', 'status', 'annotated_image/compressed'
_TYPES = {_DETECTIONS: 'vision_msgs/msg/Detection2DArray',
          _STATUS: 'diagnostic_msgs/msg/DiagnosticArray',
          _IMAGE: 'sensor_msgs/msg/CompressedImage'}

_std = MessageTypes('std_msgs')
_builtin = MessageTypes('builtin_interfaces')
_sensor = MessageTypes('sensor_msgs')
_vision: Any = MessageTypes('vision_msgs')
_diagnostic: Any = MessageTypes('diagnostic_msgs')


class ResultBag:
    """A bag with the topics of the node; use it as a context.

    When the block ends well the bag takes its place, otherwise nothing is left of it.

    Parameters
    ----------
    path
        Folder that the bag becomes; it must not exist.
    storage
        `mcap` or `sqlite3`.
    with_images
        Also write the RGB image with the target drawn into it, as JPEG.

    Raises
    ------
    InputError
        If there is such a folder already, or it cannot be written.

    """

    def __init__(self, path: Path, storage: str, with_images: bool) -> None:
        if path.exists() or path.is_symlink():
            raise InputError(f'--output {path} exists already: give a new folder')
        self._path = path
        self._storage = storage
        self._topics = tuple(_TYPES)[:3 if with_images else 2]
        self._stack = ExitStack()
        self._connections: dict[str, Connection] = {}
        self._answer = ''
        self._error = ''

    def __enter__(self) -> ResultBag:
        """Open the bag in a temporary folder beside its place."""
        with ExitStack() as stack, self._writable():
            folder = stack.enter_context(TemporaryDirectory(
                prefix=f'.{self._path.name}.part', dir=self._path.parent))
            self._part = Path(folder) / self._path.name
            self._writer = Writer(
                self._part, version=_VERSION, storage_plugin=STORAGES[self._storage])
            if self._storage == 'mcap':
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            # rosbag2 wants a map here, which an empty one would not become.
            self._writer.set_custom_data('written_by', 'rgbt-tracker bag')
            stack.push(self._keep)
            stack.enter_context(self._writer)
            self._connections = {
                topic: self._writer.add_connection(
                    f'{NODE}/{topic}', _TYPES[topic], typestore=typestore(),
                    offered_qos_profiles=[_QOS])
                for topic in self._topics}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the bag; keep it if there was no error."""
        with self._writable():
            self._stack.__exit__(kind, error, trace)

    def _keep(self, kind: type[BaseException] | None, error: BaseException | None,
              trace: TracebackType | None) -> None:
        if error is None:
            self._part.replace(self._path)

    def write(self, event: Frame | Answered) -> None:
        """Append what the node would have published."""
        with self._writable():
            if isinstance(event, Answered):
                self._write_answer(event)
            else:
                self._write_frame(event)

    def _write_answer(self, event: Answered) -> None:
        self._answer = str(event.answer)
        header = _std.Header(stamp=_time(event.time))
        self._put(event.time, _STATUS, diagnostic_array(
            _diagnostic, header, NODE, [answer_part(event.answer)]))

    def _write_frame(self, event: Frame) -> None:
        outcome = event.outcome
        self._error = outcome.error or self._error
        self._put(event.time, _DETECTIONS, detection_array(
            _vision, outcome.header, outcome.result, outcome.target_id, _predicted(event)))
        parts = frame_parts(outcome, event.numbers, {
            'last_request': self._answer, 'last_error': self._error})
        self._put(event.time, _STATUS, diagnostic_array(
            _diagnostic, outcome.header, NODE, [_repeatable(part) for part in parts]))
        if _IMAGE in self._connections and outcome.pair is not None:
            image = annotated(outcome.pair, outcome.result, outcome.target_id)
            _, data = cv2.imencode('.jpg', cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            self._put(event.time, _IMAGE, _sensor.CompressedImage(
                header=outcome.header, format='rgb8; jpeg compressed bgr8',
                data=np.asarray(data, np.uint8).reshape(-1)))

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f'--output {self._path} cannot be written ({error}): give a folder whose parent '
                'exists, is writable and has room') from error

    def _put(self, time: int, topic: str, message: Any) -> None:
        self._writer.write(self._connections[topic], time,
                           typestore().serialize_cdr(message, _TYPES[topic]))


def _time(nanoseconds: int) -> Any:
    sec, nanosec = divmod(nanoseconds, 10**9)
    return _builtin.Time(sec=sec, nanosec=nanosec)


def _predicted(frame: Frame) -> tuple[Any, Prediction] | None:
    """Return where the target is at the frame's record time, with the header that says so."""
    motion = frame.outcome.motion
    prediction = None if motion is None else motion.at(frame.time * 1e-9)
    if prediction is None:
        return None
    header = _std.Header(stamp=_time(frame.time), frame_id=frame.outcome.header.frame_id)
    return header, prediction


def _repeatable(part: Part) -> Part:
    values: Mapping[str, Any] = {
        name: value for name, value in part.values.items() if name not in _WALL_TIMES}
    return replace(part, values=values)
