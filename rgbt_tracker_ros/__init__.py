# SPDX-License-Identifier: Apache-2.0
"""Track one target in synchronised RGB and thermal camera streams."""
from __future__ import annotations

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.result import State, TrackResult
from rgbt_tracker_ros.tracking.tracker import Tracker

__all__ = ['Box', 'ImagePair', 'Settings', 'State', 'TrackResult', 'Tracker']
__version__ = '0.1.0'
