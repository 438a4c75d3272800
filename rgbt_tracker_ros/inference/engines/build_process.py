# SPDX-License-Identifier: Apache-2.0
"""Builds engines in a process of its own: a builder may crash, be killed or hang.

It also blocks the interpreter for minutes: in this process neither Ctrl-C nor a report would get
through. The plan comes back by a pipe, so that a build that ends early leaves no file.
"""
from __future__ import annotations

from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
import os
import subprocess
from tempfile import TemporaryFile
from time import monotonic
from typing import IO, cast

from rgbt_tracker_ros.inference.child_process import end_in_words, start_module
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
                handle = theirs.fileno()
                process = start_module('rgbt_tracker_ros.inference.engines.build_worker',
                                       str(handle), output=words, handles=[handle])
            except OSError as error:
                raise EngineError(f'the builder cannot be started: {error}') from error
            finally:
                theirs.close()
            try:
                ours.send((os.getpid(), tools, request))
                return _listen(ours, progress, stop, monotonic() + longest)
            except (EOFError, ConnectionError) as error:
                raise EngineError(_end_of(process, words)) from error
            finally:
                process.kill()
                # The kernel may keep it until its driver answers.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_PATIENCE_S)


def _words() -> IO[bytes]:
    """Return a file for what the builder says; where none can be made, it is lost."""
    try:
        return TemporaryFile()
    except OSError:
        return open(os.devnull, 'r+b')


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


def _end_of(process: subprocess.Popen[bytes], words: IO[bytes]) -> str:
    """Return how the builder ended without a result."""
    try:
        return f'the builder {end_in_words(process.wait(_PATIENCE_S), words)}'
    except subprocess.TimeoutExpired:
        return 'the builder ended without an answer, and hangs'
