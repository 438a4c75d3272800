# SPDX-License-Identifier: Apache-2.0
"""rosbags' readers with limits: a bag may come from anywhere, and may be made to do harm."""
from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import closing
from pathlib import Path, PurePath
import sqlite3
from typing import Any

import apsw
from rosbags.interfaces import Connection
from rosbags.rosbag2.reader import DirectoryReader, Reader
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Reader
import yaml

from rgbt_tracker_ros.bags.limits import LARGEST_MESSAGE, check_packed_file, unpack_message
from rgbt_tracker_ros.bags.mcap_storage import BoundedMcapReader
from rgbt_tracker_ros.errors import InputError

METADATA = 'metadata.yaml'
SUFFIXES = ('.mcap', '.db3')

_LARGEST_METADATA = 4 * 2**20
_TABLES = ('schema', 'topics', 'messages', 'message_definitions')


class BoundedSqlite3Reader(Sqlite3Reader):
    """Reads tables that hold what is in the file, not what is computed when it is read."""

    def open(self) -> None:
        """Open the file.

        Raises
        ------
        InputError
            If one of its tables is a view, virtual, or has generated columns.

        """
        assert isinstance(self.path, Path)
        address = f'{self.path.resolve().as_uri()}?immutable=1&mode=ro'
        with closing(sqlite3.connect(address, uri=True)) as database:
            for name in _TABLES:
                _check_table(database, name)
        super().open()
        assert self.dbconn is not None
        self.dbconn.limit(apsw.SQLITE_LIMIT_LENGTH, LARGEST_MESSAGE)


class BoundedDirectoryReader(DirectoryReader):
    """Reads folders whose metadata stay inside of them."""

    STORAGE_PLUGINS = {'mcap': BoundedMcapReader, 'sqlite3': BoundedSqlite3Reader}  # noqa: RUF012

    def open(self) -> None:
        """Open the storage files.

        Raises
        ------
        InputError
            If the metadata name files elsewhere, or a compressed file is a bomb.

        """
        assert isinstance(self.path, Path)
        _check_metadata(self.path)
        super().open()
        self._packed = self.metadata.compression_mode == 'message'
        # Unpacked here, so that there is a limit.
        self.metadata = self.metadata._replace(compression_mode=None)

    def messages(self, connections: Collection[Connection], start: int | None = None,
                 stop: int | None = None) -> Generator[tuple[Connection, int, bytes], None, None]:
        """Yield (connection, record time, data)."""
        for connection, time, data in super().messages(connections, start, stop):
            yield connection, time, unpack_message(data) if self._packed else data


class BoundedReader(Reader):
    """Reads a bag folder, or one of its files."""

    STORAGE_PLUGINS = {  # noqa: RUF012
        'dir': BoundedDirectoryReader, '.mcap': BoundedMcapReader, '.db3': BoundedSqlite3Reader}


def storage_path(path: Path) -> Path:
    """Return what to open: the path, or the only file of a folder that lacks its metadata.

    Raises
    ------
    InputError
        If there is no bag.

    """
    if not path.exists():
        raise InputError('does not exist: give the folder of a ROS 2 bag, or an .mcap or .db3 '
                         'file')
    if path.is_dir() and not (path / METADATA).exists():
        files = [file for file in path.iterdir() if file.suffix in SUFFIXES]
        if len(files) != 1:
            raise InputError(f'the folder has no {METADATA}: give a ROS 2 bag, or mend it by '
                             '`ros2 bag reindex`')
        return files[0]
    return path


def _check_table(database: sqlite3.Connection, name: str) -> None:
    row = database.execute('SELECT type, sql FROM sqlite_master WHERE name = ?',
                           (name,)).fetchone()
    if row is None:
        return
    columns = database.execute(f'PRAGMA table_xinfo({name})').fetchall()
    if row[0] != 'table' or str(row[1]).upper().split()[1:2] != ['TABLE'] \
            or any(column[6] for column in columns):
        raise InputError(f'{name} is no plain table, as a recorder makes it')


def _check_metadata(folder: Path) -> None:
    file = folder / METADATA
    if file.stat().st_size > _LARGEST_METADATA:
        raise InputError(f'{METADATA} is larger than {_LARGEST_METADATA} bytes')
    content: Any = yaml.safe_load(file.read_text(encoding='utf-8'))
    about = content['rosbag2_bagfile_information']
    for name in about['relative_file_paths']:
        inner = PurePath(str(name))
        if inner.is_absolute() or '..' in inner.parts:
            raise InputError(f'{METADATA} names {name}, which is outside of the folder')
        if str(about.get('compression_mode')).lower() == 'file':
            check_packed_file(folder / inner.name)
