# SPDX-License-Identifier: Apache-2.0
"""Track one target in synchronised RGB and thermal camera streams."""
from __future__ import annotations

from importlib import import_module
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rgbt_tracker_ros.imaging.box import Box
    from rgbt_tracker_ros.imaging.image_pair import ImagePair
    from rgbt_tracker_ros.settings import Settings
    from rgbt_tracker_ros.tracking.result import State, TrackResult
    from rgbt_tracker_ros.tracking.tracker import Tracker

__all__ = ['Box', 'ImagePair', 'Settings', 'State', 'TrackResult', 'Tracker']
__version__ = '0.1.0'

# From 1.29 on, ONNX Runtime tells its maker about each model it loads unless this is set before it
# is imported. A robot reports to nobody.
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')

_HOMES = {
    'Box': 'imaging.box', 'ImagePair': 'imaging.image_pair', 'Settings': 'settings',
    'State': 'tracking.result', 'TrackResult': 'tracking.result', 'Tracker': 'tracking.tracker'}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: OpenCV alone takes a third of a second."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
