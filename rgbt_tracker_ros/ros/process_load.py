# SPDX-License-Identifier: Apache-2.0
"""How much of the machine one process takes, as Linux counts it."""
from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
from time import monotonic


@dataclass(frozen=True, slots=True)
class Load:
    """What a process had used at a moment.

    Attributes
    ----------
    at
        Seconds of the monotonic clock.
    cpu_s
        Seconds of all its threads on a CPU since it began.
    memory_mib
        Memory that is resident.
    threads
        How many it had.

    """

    at: float
    cpu_s: float
    memory_mib: float
    threads: int

    @classmethod
    def of(cls, process: int) -> Load | None:
        """Read the load of a process; None where the system does not tell."""
        folder = Path('/proc') / str(process)
        try:
            # The name, in brackets, may hold anything; after it, user and system time are the 12th
            # and 13th field, and the number of threads is the 18th.
            fields = (folder / 'stat').read_text().rpartition(')')[2].split()
            pages = int((folder / 'statm').read_text().split()[1])
        except (OSError, IndexError):
            return None
        user, system, threads = int(fields[11]), int(fields[12]), int(fields[17])
        return cls(monotonic(), (user + system) / os.sysconf('SC_CLK_TCK'),
                   pages * os.sysconf('SC_PAGE_SIZE') / 2**20, threads)

    def share_since(self, before: Load) -> float:
        """Return the share of one core used since another moment, percent."""
        return 100 * (self.cpu_s - before.cpu_s) / max(self.at - before.at, 1e-3)
