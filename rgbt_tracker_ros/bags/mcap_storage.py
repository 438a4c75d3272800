# SPDX-License-Identifier: Apache-2.0
"""MCAP files, read so that no length or size in them is believed before it is checked."""
from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
import heapq
import io
from pathlib import Path
import struct
from typing import Any, NamedTuple

from rosbags.interfaces import Connection
from rosbags.rosbag2.storage_mcap import ChunkInfo, McapReader

from rgbt_tracker_ros.bags.limits import LARGEST_MESSAGE, OPEN_CHUNKS, unpack_chunk
from rgbt_tracker_ros.errors import InputError

_MESSAGE, _CHUNK = 0x05, 0x06
_RECORD = struct.Struct('<BQ')            # kind and length of a record
_MESSAGE_HEAD = struct.Struct('<HIQQ')    # channel, sequence, log time, publish time
_CHUNK_HEAD = struct.Struct('<QQQII')     # start, end, size, checksum, length of the name after it
_SIZE = struct.Struct('<Q')


class _Waiting(NamedTuple):
    """A message whose turn comes; `order` keeps those of one time as they were recorded."""

    time: int
    order: int
    chunk: int
    connection: int
    data: bytes


class BoundedMcapReader(McapReader):
    """rosbags' reader of the index, with an own reader of the messages."""

    def __init__(self, path: Path) -> None:
        super().__init__(_ShortReads(path))  # type: ignore[arg-type]

    def meta_scan(self) -> None:
        """Refuse a file without an index, which would have to be unpacked to find its topics."""
        raise InputError('the file has no index, as after a power cut, or no messages: mend it by '
                         '`mcap recover` or `ros2 bag reindex`')

    def messages(self, connections: Collection[Connection], start: int | None = None,
                 stop: int | None = None) -> Generator[tuple[Connection, int, bytes], None, None]:
        """Yield (connection, record time, data) in the order of record times."""
        known = {connection.id: connection for connection in connections}
        first, end = 0 if start is None else start, 2**63 if stop is None else stop
        found = self._from_chunks(known, first, end) if self.chunks else self._from_file()
        for time, channel, data in found:
            if channel in known and first <= time < end:
                yield known[channel], time, data

    def _from_chunks(self, known: Collection[int], start: int,
                     stop: int) -> Iterator[tuple[int, int, bytes]]:
        """Open each chunk when the first of its messages is due."""
        chunks = sorted(
            (info for info in self.chunks
             if info.message_start_time < stop and info.message_end_time >= start
             and any(info.channel_count.get(channel) for channel in known)),
            key=lambda info: (info.message_start_time, info.chunk_start_offset), reverse=True)
        waiting: list[_Waiting] = []
        left: dict[int, int] = {}
        sizes: dict[int, int] = {}
        order = 0
        while chunks or waiting:
            while chunks and (not waiting or chunks[-1].message_start_time <= waiting[0].time):
                info = chunks.pop()
                sizes[info.chunk_start_offset] = info.uncompressed_size
                if len(sizes) > 1 and sum(sizes.values()) > OPEN_CHUNKS:
                    raise InputError('chunks of the same time have together more than '
                                     f'{OPEN_CHUNKS} bytes: sort the file by `mcap sort`')
                for time, channel, data in _records(self._unpacked(info)):
                    if channel in known:
                        heapq.heappush(waiting, _Waiting(
                            time, order, info.chunk_start_offset, channel, data))
                        left[info.chunk_start_offset] = left.get(info.chunk_start_offset, 0) + 1
                        order += 1
                if info.chunk_start_offset not in left:
                    del sizes[info.chunk_start_offset]
            if waiting:
                item = heapq.heappop(waiting)
                left[item.chunk] -= 1
                if not left[item.chunk]:
                    del left[item.chunk], sizes[item.chunk]
                yield item.time, item.connection, item.data

    def _unpacked(self, info: ChunkInfo) -> bytes:
        """Read a chunk and unpack it."""
        assert self.bio is not None
        self.bio.seek(info.chunk_start_offset)
        kind, length = _RECORD.unpack(self.bio.read(_RECORD.size))
        if kind != _CHUNK:
            raise InputError('the index of chunks is wrong')
        record = self.bio.read(length)
        _, _, size, checksum, name = _CHUNK_HEAD.unpack_from(record)
        begin = _CHUNK_HEAD.size + name
        compression = record[_CHUNK_HEAD.size:begin].decode()
        packed, = _SIZE.unpack_from(record, begin)
        begin += _SIZE.size
        if len(record) != length or begin + packed > length or size != info.uncompressed_size:
            raise InputError('a chunk is cut off, or contradicts the index')
        return unpack_chunk(record[begin:begin + packed], compression, size, checksum)

    def _from_file(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield the messages of a file that was written without chunks."""
        assert self.bio is not None
        self.bio.seek(self.data_start)
        previous = 0
        while self.bio.tell() < self.data_end:
            kind, length = _RECORD.unpack(self.bio.read(_RECORD.size))
            if kind == _CHUNK:
                raise InputError('the file has chunks, but no index of them: mend it by '
                                 '`mcap recover`')
            if kind != _MESSAGE:
                self.bio.seek(length, io.SEEK_CUR)
                continue
            time, channel, data = _message(self.bio.read(_checked(length)), length)
            if time < previous:
                raise InputError('messages are not in the order of their record times: sort the '
                                 'file by `mcap sort`')
            previous = time
            yield time, channel, data


def _records(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield record time, channel and data of each message in a chunk."""
    position = 0
    while position < len(raw):
        kind, length = _RECORD.unpack_from(raw, position)
        position += _RECORD.size
        if position + length > len(raw):
            raise InputError('a record is cut off')
        if kind == _MESSAGE:
            yield _message(raw[position:position + _checked(length)], length)
        position += length


def _message(record: bytes, length: int) -> tuple[int, int, bytes]:
    if len(record) != length:
        raise InputError('a message is cut off')
    channel, _, time, _ = _MESSAGE_HEAD.unpack_from(record)
    return time, channel, record[_MESSAGE_HEAD.size:]


def _checked(length: int) -> int:
    if length > LARGEST_MESSAGE:
        raise InputError(f'a message claims {length} bytes: at most {LARGEST_MESSAGE} are '
                         'accepted')
    return length


class _ShortReads:
    """A path whose file never reserves memory for more than what is left in it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def open(self, mode: str) -> Any:
        """Open the file, which is only ever read."""
        return _ShortFile(self._path)


class _ShortFile(io.BufferedReader):
    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path))
        self._size = path.stat().st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as `size` says, or to the end."""
        left = max(self._size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left))
