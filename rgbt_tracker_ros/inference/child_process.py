# SPDX-License-Identifier: Apache-2.0
"""Python processes of our own for work that may crash, hang or fill the memory."""
from __future__ import annotations

from collections.abc import Collection
import os
import signal
import subprocess
import sys
from typing import IO

_LAST_WORDS = 300


def start_module(module: str, *arguments: str, output: IO[bytes],
                 handles: Collection[int] = ()) -> subprocess.Popen[bytes]:
    """Run a module of this package in a process and a group of its own.

    Ctrl-C reaches the whole group of a terminal: whoever started the process decides what that
    means for it.

    Parameters
    ----------
    module, arguments
        As after `python -m`.
    output
        Takes what it prints.
    handles
        Files that stay open in it.

    Raises
    ------
    OSError
        If it cannot be started.

    """
    return subprocess.Popen(
        [sys.executable, '-m', module, *arguments], stdin=subprocess.DEVNULL, stdout=output,
        stderr=output, pass_fds=handles, start_new_session=True,
        # By itself -m looks for modules where the user happens to be.
        cwd=os.sep,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(map(os.path.abspath, sys.path))})


def end_in_words(status: int, output: IO[bytes]) -> str:
    """Return how a process ended, and the last that it printed."""
    how = f'ended with status {status}'
    if status < 0:
        how = f'was ended by {signal.Signals(-status).name}'
    if status == -signal.SIGKILL:
        how += ' (too little memory?)'
    output.seek(0)
    words = ' '.join(output.read().decode(errors='replace').split())[-_LAST_WORDS:]
    return f'{how}: {words}' if words else how
