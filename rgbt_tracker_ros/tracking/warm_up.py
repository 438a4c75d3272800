# SPDX-License-Identifier: Apache-2.0
"""The first frames of a network are slow: they are run before the cameras are listened to."""
from __future__ import annotations

import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.tracking.tracker import Tracker

_FRAMES = 3


def warm_up(tracker: Tracker) -> None:
    """Run a few frames of noise and leave the tracker without a target.

    Raises
    ------
    ModelError
        If the network cannot make a template.

    """
    random = np.random.default_rng(0)
    pair = ImagePair(random.integers(0, 255, (240, 320, 3), np.uint8),
                     random.integers(0, 255, (240, 320), np.uint8))
    tracker.initialize(pair, Box(100, 80, 60, 60))
    for _ in range(_FRAMES):
        tracker.track(pair)
    tracker.reset()
