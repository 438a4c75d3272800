# SPDX-License-Identifier: Apache-2.0
"""The folder of engines: finds, keeps and lists them."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rgbt_tracker_ros.inference.engines.files import write_whole
from rgbt_tracker_ros.inference.engines.identity import Identity, file_stem
from rgbt_tracker_ros.inference.engines.record import DamagedError, pack, unpack


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A file of the cache.

    Attributes
    ----------
    path
        Where it is.
    size, written
        Bytes, and when, seconds since 1970.
    identity
        What it is; None where it cannot be used at all.
    trouble
        Why it cannot be used, in words.

    """

    path: Path
    size: int
    written: float
    identity: Identity | None
    trouble: str = ''


class MissingError(LookupError):
    """There is no such engine that could be used.

    Attributes
    ----------
    suspicious
        There was one; it is worth a warning why it is not used.

    """

    def __init__(self, reason: str, suspicious: bool) -> None:
        super().__init__(reason)
        self.suspicious = suspicious


class Store:
    """Engines in a folder, by their identity."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, wanted: Identity) -> bytes:
        """Return the plan of an engine.

        Raises
        ------
        MissingError
            If there is none that is whole and of exactly this identity.

        """
        path = self.folder / wanted.file_name
        try:
            found, plan = _parse(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise self._missing(wanted) from None
        except (OSError, DamagedError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise MissingError(f'{path} {reason}', suspicious=True) from error
        differences = found.differences(wanted)
        if found.key != wanted.key:
            raise MissingError(f'{path} is of something else ({differences})', suspicious=True)
        return plan

    def write(self, identity: Identity, plan: bytes) -> None:
        """Keep an engine.

        Raises
        ------
        OSError
            If it cannot be written; an older one is kept then.

        """
        write_whole(self.folder / identity.file_name, pack(asdict(identity), plan))

    def mark(self, identity: Identity) -> tuple[int, int, int] | None:
        """Return what changes when another process writes an engine; None while there is none."""
        try:
            status = (self.folder / identity.file_name).stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def kept(self, pattern: str = '*.engine') -> Iterator[CacheEntry]:
        """Yield every engine, newest last; files that go away meanwhile are left out."""
        found = []
        for path in self.folder.glob(pattern):
            try:
                status = path.stat()
                data = path.read_bytes()
            except OSError:
                continue
            try:
                identity, trouble = _parse(data)[0], ''
            except DamagedError as error:
                identity, trouble = None, str(error)
            found.append(CacheEntry(path, status.st_size, status.st_mtime, identity, trouble))
        return iter(sorted(found, key=lambda item: item.written))

    def _missing(self, wanted: Identity) -> MissingError:
        """Say what there is instead: the one that differs least, which an upgrade made stale."""
        others = [item.identity.differences(wanted)
                  for item in self.kept(f'{file_stem(wanted.name)}-*.engine')
                  if item.identity is not None and item.identity.runtime == wanted.runtime
                  and item.identity.precision == wanted.precision]
        if not others:
            return MissingError('there is none yet', suspicious=False)
        return MissingError(min(others, key=lambda text: text.count(',')), suspicious=True)


def _parse(data: bytes) -> tuple[Identity, bytes]:
    facts, plan = unpack(data)
    try:
        return Identity.read(facts), plan
    except ValueError as error:
        raise DamagedError(f'is {error}') from error
