# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import subprocess
import sys
import weakref

from rgbt_tracker_ros.pipeline.memory import give_back, memory


class Holder:
    """Refers to itself, as a node does through its callbacks."""

    def __init__(self, size: int) -> None:
        self.itself = self
        self.images = [bytearray(100_000) for _ in range(size)]


def test_what_circles_held_is_given_back():
    gc.disable()
    try:
        give_back()  # else the heap may serve it from what other tests left
        before = memory().used
        holder = Holder(1000)
        watched = weakref.ref(holder)
        assert memory().used > before + 90
        del holder
        assert watched() is not None
        give_back()
        assert watched() is None
        assert memory().used < before + 20
    finally:
        gc.enable()


def test_one_heap_serves_all_threads():
    program = """
import ctypes, threading
from rgbt_tracker_ros.pipeline.memory import keep_together
keep_together()
threads = [threading.Thread(target=lambda: [bytearray(50_000) for _ in range(100)])
           for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
if hasattr(libc, 'malloc_info'):
    stream = ctypes.c_void_p(libc.fdopen(1, b'w'))
    libc.malloc_info(0, stream)
    libc.fflush(stream)
"""
    said = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
                          check=True).stdout
    assert said.count('<heap nr=') <= 1
