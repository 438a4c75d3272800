# SPDX-License-Identifier: Apache-2.0
"""The processor: its name, and how many threads a network gets on it."""
from __future__ import annotations

from contextlib import suppress
import os
from pathlib import Path
import platform

_MOST_THREADS = 4


def thread_count(threads: int) -> int:
    """Return how many threads a network gets where `model.threads` is this."""
    return threads or min(_MOST_THREADS, usable_cores())


def usable_cores() -> int:
    """Return how many CPU cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """Return the processor's name; `unknown` where the system does not tell."""
    lines: list[str] = []
    with suppress(OSError):
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor() or 'unknown'
