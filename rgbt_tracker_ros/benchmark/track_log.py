# SPDX-License-Identifier: Apache-2.0
"""The text files of a tracked recording: the box file and the per-frame log."""
from __future__ import annotations

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.result import TrackResult

LOG_COLUMNS = ('frame', 'x', 'y', 'w', 'h', 'score', 'state', 'mode', 'template_frame', 'ms')


def box_line(box: Box) -> str:
    """Return `x,y,w,h` in pixels with a line end; no blanks, two decimals."""
    return ','.join(f'{value:.2f}' for value in box) + '\n'


def log_header() -> str:
    """Return the log's first line."""
    return ','.join(LOG_COLUMNS) + '\n'


def log_line(number: int, result: TrackResult) -> str:
    """Return the log's line of a frame; `number` counts from 0 in the recording."""
    return (f'{number},{box_line(result.box).rstrip()},{result.score:.4f},{result.state.value},'
            f'{result.mode},{result.template_frame},{result.total_ms:.2f}\n')
