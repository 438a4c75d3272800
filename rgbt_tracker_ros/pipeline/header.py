# SPDX-License-Identifier: Apache-2.0
"""Headers of messages, wherever the messages come from."""
from __future__ import annotations

from typing import Protocol


class Stamp(Protocol):
    """A builtin_interfaces/Time."""

    sec: int
    nanosec: int


class Header(Protocol):
    """A std_msgs/Header."""

    stamp: Stamp
    frame_id: str


def seconds(stamp: Stamp) -> float:
    """Return a stamp in seconds."""
    return float(stamp.sec + stamp.nanosec * 1e-9)
