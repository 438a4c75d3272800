# SPDX-License-Identifier: Apache-2.0
"""Where commands write: tables to standard output, progress and warnings to standard error."""
from __future__ import annotations

from functools import cache

from rich.console import Console


@cache
def console() -> Console:
    """Return the console of results."""
    return Console(highlight=False)


@cache
def error_console() -> Console:
    """Return the console of progress bars and warnings."""
    return Console(stderr=True, highlight=False)
