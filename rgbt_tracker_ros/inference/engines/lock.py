# SPDX-License-Identifier: Apache-2.0
"""One build at a time: a builder measures on a quiet GPU, and takes much memory."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import errno
import os
from pathlib import Path
from time import sleep

from rgbt_tracker_ros.inference.engines.tools import BuildStoppedError, Stop

_NAME = '.lock'
_STEP_S = 0.1

# Some network file systems have no locks: then both build, and the last to finish is kept.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


@contextmanager
def one_builder(folder: Path, wait: Callable[[str], None], stop: Stop) -> Iterator[None]:
    """Keep other processes and threads from building in this folder.

    The lock of a process that died is free at once.

    Parameters
    ----------
    folder
        The cache, which exists.
    wait
        Told who is waited for.
    stop
        Ends the waiting.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    BuildStoppedError
        When `stop` said so.

    """
    path = folder / _NAME
    while (handle := _take(path)) is None:
        if stop():
            raise BuildStoppedError('no engine was waited for any longer')
        wait(f'waiting for {_holder(path)}, which builds an engine')
        sleep(_STEP_S)
    try:
        yield
    finally:
        # While it is locked, nobody else can have taken it or put another in its place.
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Lock an open file until it is closed; return False while another has it locked."""
    # Only here: whatever else is in this package can be imported on any system.
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EINTR):
            return False
        if error.errno not in _NO_LOCKS:
            raise
    return True


def _take(path: Path) -> int | None:
    """Return the locked file, None while another holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # The holder before may have just removed it.
        if not (try_lock(handle) and _is_at(handle, path)):
            raise BlockingIOError
        with suppress(OSError):             # a full disk: the lock counts, not who has it
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        return f'process {int(path.read_text())}'
    except (OSError, ValueError):
        return 'another process'
