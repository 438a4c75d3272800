# SPDX-License-Identifier: Apache-2.0
"""What subscribers saw of each frame, as a table."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
import csv
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.diagnostics import values_of

_TARGET = ('x', 'y', 'w', 'h', 'score', 'state', 'mode', 'id', 'template_frame', 'dt_ms')
_TIMES = ('backend_ms', 'track_ms')
_COUNTERS = ('pairs', 'rgb_only', 'thermal_only', 'unpaired_rgb', 'unpaired_thermal', 'late',
             'dropped', 'dropped_frames')

COLUMNS = ('stamp', *_TARGET, 'latency_ms', *_TIMES, 'rgb_camera', 'thermal_camera', *_COUNTERS,
           'error')
"""Columns of the table.

stamp: of the frame, seconds. x, y, w, h: best guess, RGB pixels, also when lost; empty when idle.
latency_ms: from the stamp to the arrival of `~/detections`. backend_ms, track_ms: inside the
tracker. The counters are those of the synchroniser since the start, and dropped_frames those that
were replaced by newer ones before the tracker came to them.
"""


def row_of(status: DiagnosticArray, latency_ms: float | None) -> dict[str, str] | None:
    """Return a frame's line; None when the status is not about a frame."""
    target, frames = values_of(status, 'target'), values_of(status, 'frames')
    if not target:
        return None
    row = {name: target.get(name, '') for name in (*_TARGET, *_TIMES, 'error')}
    row.update({name: frames.get(name, '') for name in _COUNTERS})
    for camera in CAMERAS:
        row[f'{camera}_camera'] = values_of(status, f'{camera} camera').get('state', '')
    row['stamp'] = f'{seconds(status.header.stamp):.6f}'
    row['latency_ms'] = '' if latency_ms is None else f'{latency_ms:.3f}'
    return row


def write_rows(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write the table as CSV, whole or not at all.

    Raises
    ------
    InputError
        If the file cannot be written.

    """
    with replacing(path) as part, part.open('w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
