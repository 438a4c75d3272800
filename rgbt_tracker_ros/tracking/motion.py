# SPDX-License-Identifier: Apache-2.0
"""How far the target's box may follow a measurement."""
from __future__ import annotations

from rgbt_tracker_ros.imaging.box import Box

_LARGEST_GROWTH = 1.35
"""Largest change of a side from frame to frame; more is a wrong measurement."""


def follow(previous: Box, measured: Box, trust: float, smoothing: float) -> Box:
    """Move a box towards a measured one.

    Parameters
    ----------
    previous, measured
        Finite boxes with positive sides, pixels.
    trust
        0 stays, 1 takes the measured centre.
    smoothing
        Share of the old size that is kept in any case.

    """
    gain = trust * (1.0 - smoothing)
    return Box.from_center(
        previous.cx + trust * (measured.cx - previous.cx),
        previous.cy + trust * (measured.cy - previous.cy),
        previous.w * (1.0 + gain * (_limited(measured.w / previous.w) - 1.0)),
        previous.h * (1.0 + gain * (_limited(measured.h / previous.h) - 1.0)))


def _limited(ratio: float) -> float:
    return min(max(ratio, 1 / _LARGEST_GROWTH), _LARGEST_GROWTH)
