# SPDX-License-Identifier: Apache-2.0
"""What became of the frames that were to be put in pairs."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SyncCounters:
    """What became of the frames.

    Attributes
    ----------
    pairs, rgb_only, thermal_only
        Outputs with both cameras, and with one.
    unpaired_rgb, unpaired_thermal
        Frames left out because no partner was near enough.
    late
        Frames that came after the output they belong to, or from before a jump.
    dropped
        Frames that a full queue pushed out.
    duplicates, backward, bad_stamps
        Frames refused: stamp equal to the last, before it, or not a positive number.
    jumps
        Times everything started anew because stamps went back by more than `sync.jump`, or by less
        but for good.

    """

    pairs: int = 0
    rgb_only: int = 0
    thermal_only: int = 0
    unpaired_rgb: int = 0
    unpaired_thermal: int = 0
    late: int = 0
    dropped: int = 0
    duplicates: int = 0
    backward: int = 0
    bad_stamps: int = 0
    jumps: int = 0
