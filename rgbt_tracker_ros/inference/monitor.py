# SPDX-License-Identifier: Apache-2.0
"""Follows a model being made ready: that can take minutes, and can be ended."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import logging

from rgbt_tracker_ros.inference.engines.tools import Progress, Stop


def _silent(text: str, share: float | None) -> None:
    pass


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Monitor:
    """Callables, each called in the thread that makes the model ready.

    Attributes
    ----------
    progress
        Told what is being done, and its share (None = unknown).
    warn
        Told what a user must know: that an engine is built anew, that another run time stands in.
    stop
        Asked often; True ends what takes long.

    """

    progress: Progress = _silent
    warn: Callable[[str], None] = logging.getLogger('rgbt_tracker_ros').warning
    stop: Stop = _never
