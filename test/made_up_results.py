# SPDX-License-Identifier: Apache-2.0
"""Tiny tracks on a disk and results of trackers that drift away from them."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from rgbt_tracker_ros.benchmark.box_files import format_boxes

FRAMES = 30
TRACKS = ('a_1', 'b_1', 'c_1')


def truth(track: str) -> np.ndarray:
    """Return the boxes of a target that goes right."""
    boxes = np.tile(np.array([40.0, 100.0, 32.0, 32.0]), (FRAMES, 1))
    boxes[:, 0] += np.arange(FRAMES) * (2 + TRACKS.index(track))
    return boxes


def drifting(track: str, pixels: float, start: int = 10) -> np.ndarray:
    """Return boxes that leave the target by so many pixels a frame, from a frame on."""
    boxes = truth(track)
    boxes[:, 1] += pixels * np.clip(np.arange(FRAMES) - start, 0, None)
    return boxes


def write_tracks(folder: Path) -> Path:
    """Write a folder of tracks without videos."""
    for track in TRACKS:
        (folder / track).mkdir(parents=True)
        (folder / track / 'groundtruth.txt').write_text(format_boxes(truth(track)))
    return folder


def write_results(folder: Path, pixels: float | dict[str, float]) -> Path:
    """Write the results of a tracker that drifts, the same in all tracks or in some."""
    folder.mkdir(parents=True)
    for track in TRACKS:
        drift = pixels if isinstance(pixels, (int, float)) else pixels.get(track, 0.0)
        (folder / f'{track}.txt').write_text(format_boxes(drifting(track, drift)))
    return folder
