# SPDX-License-Identifier: Apache-2.0
"""Slow work in a thread of its own, while the one that waits can still speak and end."""
from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
import threading
from time import monotonic
from typing import TypeVar

T = TypeVar('T')

_STEP_S = 0.05
_WORD_S = 1.0


class AbandonedError(Exception):
    """The process is ending, and does not wait for the work."""


def in_background(work: Callable[[], T], tell: Callable[[float], None],
                  wanted: Callable[[], bool]) -> T:
    """Do the work and return its result.

    Building an engine takes minutes, in which a thread inside it could neither report nor be
    ended by Ctrl-C.

    Parameters
    ----------
    work
        Called in a thread of its own.
    tell
        Called in this thread at once and then every second, with the seconds since the begin.
    wanted
        Called often; when it is false the work is left to itself.

    Raises
    ------
    AbandonedError
        When the work is not wanted any more.
    Exception
        What the work raises.

    """
    future: Future[T] = Future()
    threading.Thread(target=_run, args=(work, future), name='loading', daemon=True).start()
    begin, words = monotonic(), 0
    while not future.done():
        elapsed = monotonic() - begin
        if not wanted():
            raise AbandonedError('the node is told to end')
        if elapsed >= words * _WORD_S:
            tell(elapsed)
            words = int(elapsed / _WORD_S) + 1
        wait([future], _STEP_S)
    return future.result()


def _run(work: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
