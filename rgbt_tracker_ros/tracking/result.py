# SPDX-License-Identifier: Apache-2.0
"""What a tracker says about one frame."""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rgbt_tracker_ros.imaging.box import Box


class State(str, Enum):
    """Where the tracker stands with its target."""

    IDLE = 'idle'
    TRACKING = 'tracking'
    LOST = 'lost'


@dataclass(frozen=True, slots=True)
class TrackResult:
    """The target in one frame.

    Attributes
    ----------
    box
        Best guess in pixels of the RGB image; always finite, also when lost.
    score
        Confidence in [0, 1] that `box` holds the target.
    state
        TRACKING or LOST.
    mode
        Cameras used: `rgbt`, `rgb`, `thermal` or `none`.
    template_frame
        Number of the frame (0 = the initial one) from which the dynamic template comes.
    backend_ms, total_ms
        Time in the network's backend, and in the whole of `track`, milliseconds.
    fused
        H x W x 3 uint8 fused search crop when asked for, else None.
    crop_box
        The image region which `fused` shows.
    note
        What went wrong in this frame, empty when nothing did.
    crop_ms
        Time in which crops were cut and normalised, milliseconds.

    """

    box: Box
    score: float
    state: State
    mode: str
    template_frame: int
    backend_ms: float
    total_ms: float
    fused: NDArray[np.uint8] | None = None
    crop_box: Box | None = None
    note: str = ''
    crop_ms: float = 0.0
