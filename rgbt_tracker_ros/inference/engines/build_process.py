# SPDX-License-Identifier: Apache-2.0
"""Builds engines in a process of its own: a builder may crash, be killed or hang.

It also blocks the interpreter for minutes: in this process neither Ctrl-C nor a report would get
through. The plan comes back by a pipe, so that a build that ends early leaves no file.
"""
from __future__ import annotations

from multiprocessing.connection import Connection, Pipe
import os
import signal
import subprocess
import sys
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, cast

from rgbt_tracker_ros.inference.engines.tools import (
    BuildRequest,
    BuildResult,
    BuildStoppedError,
    EngineError,
    EngineTools,
    Progress,
    Stop,
)

LONGEST_S = 3600.0
"""A build that takes longer than the longest known ones by far hangs."""

_STEP_S, _PATIENCE_S = 0.1, 10.0
_LAST_WORDS = 300


def build_in_process(tools: EngineTools, request: BuildRequest, progress: Progress, stop: Stop, *,
                longest: float = LONGEST_S) -> BuildResult:
    """Call `tools.build` in a child process, which ends with this one, however that ends.

    Raises
    ------
    EngineError
        What the build raised; or that its process crashed or was killed, by which signal, with
        its last words; or that it took longer than `longest` seconds.
    BuildStoppedError
        When `stop` said so; the process has ended by then.

    """
    with _words() as words:
        ours, theirs = Pipe()
        with ours:
            try:
                process = _start(theirs, words)
            except OSError as error:
                raise EngineError(f'the builder cannot be started: {error}') from error
            finally:
                theirs.close()
            try:
                ours.send((os.getpid(), tools, request))
                return _listen(ours, progress, stop, monotonic() + longest)
            except (EOFError, ConnectionError) as error:
                raise EngineError(_end_in_words(process, words)) from error
            finally:
                process.kill()
                process.wait()


def _words() -> IO[bytes]:
    """Return a file for what the builder says; where none can be made, it is lost."""
    try:
        return TemporaryFile()
    except OSError:
        return open(os.devnull, 'r+b')


def _start(connection: Connection, words: IO[bytes]) -> subprocess.Popen[bytes]:
    handle = connection.fileno()
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    return subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.inference.engines.build_worker', str(handle)],
        stdin=subprocess.DEVNULL, stdout=words, stderr=words, pass_fds=(handle,),
        # By itself -m looks for modules where the user happens to be.
        cwd=os.sep, env={**os.environ, 'PYTHONPATH': path},
        # Ctrl-C reaches the whole group of a terminal: this process decides what it means.
        start_new_session=True)


def _listen(connection: Connection, progress: Progress, stop: Stop, end: float) -> BuildResult:
    while not stop():
        if monotonic() > end:
            raise EngineError('the build of an engine took too long: it hangs')
        if not connection.poll(_STEP_S):
            continue
        kind, content = connection.recv()
        if kind == 'progress':
            progress(*content)
        elif kind == 'error':
            raise EngineError(content)
        else:
            return cast(BuildResult, content)
    raise BuildStoppedError('the build of an engine was ended')


def _end_in_words(process: subprocess.Popen[bytes], words: IO[bytes]) -> str:
    """Return how the builder ended without a result."""
    try:
        status = process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return 'the builder ended without an answer, and hangs'
    if status < 0:
        how = f'was ended by {signal.Signals(-status).name}'
        if status == -signal.SIGKILL:
            how += ' (too little memory?)'
    else:
        how = f'ended with status {status}'
    words.seek(0)
    last = ' '.join(words.read().decode(errors='replace').split())[-_LAST_WORDS:]
    return f'the builder {how}: {last}' if last else f'the builder {how}'
