# SPDX-License-Identifier: Apache-2.0
"""Memory of this process and of the machine; and how what was freed is given back."""
from __future__ import annotations

import ctypes
from dataclasses import dataclass
import gc
import os
from pathlib import Path
import resource

_M_ARENA_MAX = -8       # of glibc's malloc.h
_MEGABYTE = 1e6
_PROC = Path('/proc')


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory, megabytes (1e6 bytes).

    Attributes
    ----------
    used
        What this process holds in physical memory.
    free, total
        What the machine can still give, and has; None where that is unknown.

    """

    used: float
    free: float | None = None
    total: float | None = None


def memory(proc: Path = _PROC) -> Memory:
    """Return the memory now; without `/proc` it is the most this process ever held."""
    try:
        pages = int((proc / 'self' / 'statm').read_text(encoding='ascii').split()[1])
        used = pages * os.sysconf('SC_PAGE_SIZE') / _MEGABYTE
        fields = dict(line.split(':', 1) for line in
                      (proc / 'meminfo').read_text(encoding='ascii').splitlines())
        free, total = (1024 * int(fields[name].split()[0]) / _MEGABYTE
                       for name in ('MemAvailable', 'MemTotal'))
    except (OSError, ValueError, IndexError, KeyError):
        return Memory(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE)
    return Memory(used, free, total)


def keep_together() -> None:
    """Let all threads allocate from one heap; call it before there are any.

    With glibc's heap per thread, images that one thread allocates and another frees leave holes:
    130 MB of them after minutes, where one heap has 40.
    """
    _glibc('mallopt', _M_ARENA_MAX, 1)


def give_back() -> None:
    """Give the system back what this process has freed; takes some tens of milliseconds.

    Without it each model loaded anew costs more memory: callbacks refer to their owner in circles
    that only Python's collector finds, at a time of its own, and glibc keeps freed images that lie
    between others.
    """
    gc.collect()
    _glibc('malloc_trim', 0)


def _glibc(name: str, *arguments: int) -> None:
    """Call a function that only glibc has; nothing happens where there is another library."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*arguments)
