# SPDX-License-Identifier: Apache-2.0
"""Messages of a ROS 2 bag, in the order of their record times, without ROS."""
from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from rgbt_tracker_ros.bags.topics import CameraTopics, Topic, choose_topics
from rgbt_tracker_ros.errors import InputError

_LATEST = 2**31 * 10**9
"""Seconds of a stamp have 31 bits."""


class Recorded(NamedTuple):
    """A message of a bag.

    Attributes
    ----------
    time
        When it was recorded, nanoseconds since 1970.
    topic
        Its topic.
    message
        An object with the fields of the ROS message.

    """

    time: int
    topic: str
    message: Any


def require_rosbags(path: Path) -> None:
    """Raise InputError unless the package is installed that reads and writes bags."""
    if find_spec('rosbags') is None:
        raise InputError(
            f'{path}: bags need the package rosbags: pip install "rosbags>=0.11.9,<0.12"')


class BagReader:
    """A bag folder, or one .mcap or .db3 file; use it as a context.

    Parameters
    ----------
    path
        The bag.

    Attributes
    ----------
    topics
        All topics, sorted by name.
    start, end
        First and last record time, nanoseconds.

    Raises
    ------
    InputError
        If it is no bag, or if `rosbags` is not installed.

    """

    def __init__(self, path: Path) -> None:
        require_rosbags(path)
        from rgbt_tracker_ros.bags.storage import BoundedReader, storage_path

        self._path = path
        with self._readable():
            self._reader = BoundedReader(storage_path(path))
        self._stack = ExitStack()
        self.topics: list[Topic] = []
        self.start = 0
        self.end = 0

    def __enter__(self) -> BagReader:
        """Open the bag."""
        with self._readable():
            self._stack.enter_context(self._reader)
            self.topics = [
                Topic(str(name), info.msgtype or '', int(info.msgcount))
                for name, info in sorted(self._reader.topics.items())]
            self.start = int(self._reader.start_time)
            self.end = int(self._reader.end_time) - 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the bag."""
        self._stack.close()

    def cameras(self, rgb: str | None = None, thermal: str | None = None) -> CameraTopics:
        """Return the image topics of the two cameras, found by name and encoding if not given."""
        return choose_topics(self.topics, rgb, thermal, self._encoding)

    def messages(self, topics: Collection[str], start: int | None = None,
                 stop: int | None = None) -> Iterator[Recorded]:
        """Yield the messages of some topics.

        Parameters
        ----------
        topics
            Their names.
        start, stop
            First record time, and the one before which to end, nanoseconds.

        """
        from rgbt_tracker_ros.bags.definitions import check_definition
        from rgbt_tracker_ros.bags.types import typestore

        with self._readable():
            connections = [connection for connection in self._reader.connections
                           if connection.topic in topics]
            for connection in connections:
                check_definition(connection)
            # Without connections rosbags would read all of them.
            for connection, time, data in self._reader.messages(
                    connections, start, stop) if connections else ():
                if not 0 <= time < _LATEST:
                    raise InputError(f'{connection.topic}: the record time {time} cannot be')
                yield Recorded(time, connection.topic,
                               typestore().deserialize_cdr(data, connection.msgtype))

    def _encoding(self, topic: str) -> str:
        """Return the encoding of a topic's first image."""
        first = next(self.messages([topic]), None)
        if first is None:
            return ''
        return str(getattr(first.message, 'encoding', None) or first.message.format)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn everything that can go wrong in a file into one line."""
        try:
            yield
        except Exception as error:
            reason = ' '.join(str(error).split()) or type(error).__name__
            raise InputError(f'{self._path} cannot be read as a ROS 2 bag: {reason}') from error
