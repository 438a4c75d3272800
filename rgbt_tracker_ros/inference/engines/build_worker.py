# SPDX-License-Identifier: Apache-2.0
"""The process that builds one engine: python -m ...build_worker FILE_DESCRIPTOR."""
from __future__ import annotations

from contextlib import suppress
import ctypes
from multiprocessing.connection import Connection
import os
from pathlib import Path
import signal
import sys

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.engines.tools import BuildRequest, EngineTools

_DIE_WITH_PARENT = 1        # PR_SET_PDEATHSIG of prctl(2)


def serve(connection: Connection) -> None:
    """Take one request, answer with progress and a result or the reason why there is none."""
    parent, tools, request = connection.recv()
    _end_with(parent)
    _end_first()
    connection.send(_answer(connection, tools, request))


def _answer(connection: Connection, tools: EngineTools,
            request: BuildRequest) -> tuple[str, object]:
    def progress(text: str, share: float | None) -> None:
        connection.send(('progress', (text, share)))

    try:
        # Whoever wants this to stop ends the process.
        return 'result', tools.build(request, progress, lambda: False)
    except ModelError as error:
        return 'error', str(error)
    # Each run time has exceptions of its own.
    except Exception as error:
        return 'error', f'{type(error).__name__}: {error}'


def _end_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, also when that is killed."""
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _end_first() -> None:
    """Where memory runs out, have the kernel end this process, not the node or a driver."""
    with suppress(OSError):
        Path('/proc/self/oom_score_adj').write_text('1000')


if __name__ == '__main__':
    serve(Connection(int(sys.argv[1])))
