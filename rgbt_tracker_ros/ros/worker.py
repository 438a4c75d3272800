# SPDX-License-Identifier: Apache-2.0
"""The thread that does the slow work, behind a mailbox for one item."""
from __future__ import annotations

from collections.abc import Callable
import threading
import time
from typing import Generic, TypeVar

from rgbt_tracker_ros.errors import ModelError

T = TypeVar('T')

_IDLE_S = 0.25
"""The handler is also called, with None, when nothing came for so long."""

_NAP_S = 1.5e-3
"""Rest of the one who puts an item in: the time until the network begins, and leaves the
interpreter to others."""


class Worker(Generic[T]):
    """Calls a handler with the newest item, in a thread of its own.

    When the handler is slower than the items come, the waiting item is replaced (and counted):
    what is handled is always the newest, and no queue can grow.

    Parameters
    ----------
    handle
        Called in the thread with an item, or with None after `wake` or some idle time.
    on_error
        Called in the thread with every exception of `handle`; the thread goes on.

    """

    def __init__(self, handle: Callable[[T | None], None],
                 on_error: Callable[[Exception], None]) -> None:
        self._handle = handle
        self._on_error = on_error
        self._changed = threading.Condition()
        self._item: T | None = None
        self._woken = False
        self._running = True
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name='tracking', daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Return how many items were replaced by newer ones before they were handled."""
        return self._dropped

    def put(self, item: T) -> None:
        """Leave an item; it takes the place of one that still waits."""
        with self._changed:
            self._dropped += self._item is not None
            self._item = item
            self._changed.notify()
        # The interpreter runs one thread at a time, and this one would use it for what is less
        # urgent: it naps, so that the worker has it at once and undisturbed.
        time.sleep(_NAP_S)

    def wake(self) -> None:
        """Have the handler called soon, also without an item."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def stop(self, timeout: float = 5.0) -> None:
        """End the thread after the item it is at.

        Raises
        ------
        ModelError
            If it does not end in time.

        """
        with self._changed:
            self._running = False
            self._changed.notify()
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise ModelError(f'the network has not answered for {timeout:g} s: restart the node')

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._item is None and not self._woken and self._running:
                    self._changed.wait(_IDLE_S)
                if not self._running:
                    return
                item, self._item, self._woken = self._item, None, False
            try:
                self._handle(item)
            except Exception as error:
                if self._running:       # else what the handler needs may be gone already
                    self._on_error(error)
