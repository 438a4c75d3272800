# SPDX-License-Identifier: Apache-2.0
"""Tracks in folders: boxes and flags per frame, and the two videos they belong to.

A folder of tracks holds `<video>_<k>/` with `groundtruth.txt` (x,y,w,h per frame, pixels, nan when
absent) and optionally `flags.csv` with the columns `frame` (number in the video, from 0),
`occluded` and `absent`. The videos are `<video>.*` (or folders `<video>`) in a folder per camera.
"""
from __future__ import annotations

import csv
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.box_files import read_boxes
from rgbt_tracker_ros.errors import InputError


@dataclass(frozen=True, slots=True)
class Track:
    """One target in one pair of recordings.

    Attributes
    ----------
    name
        Folder name.
    rgb, thermal
        Recordings, None when there is none.
    start
        Number of the first frame in the recordings.
    truth
        N x 4 boxes x, y, w, h; nan when the target is absent.
    use
        N booleans; False where the target is occluded or absent.

    """

    name: str
    rgb: Path | None
    thermal: Path | None
    start: int
    truth: NDArray[np.float64]
    use: NDArray[np.bool_]


def load_tracks(root: Path, rgb: Path | None, thermal: Path | None) -> list[Track]:
    """Read all tracks of a folder.

    Parameters
    ----------
    root
        The folder of tracks.
    rgb, thermal
        Folders of the recordings, None when that camera has none.

    Raises
    ------
    InputError
        If there are no tracks, or a file is missing or malformed.

    """
    files = sorted(root.glob('*/groundtruth.txt'))
    if not files:
        raise InputError(f'no */groundtruth.txt in {root}: give a folder of tracks')
    return [load_track(file.parent, rgb, thermal) for file in files]


def load_track(folder: Path, rgb: Path | None, thermal: Path | None) -> Track:
    """Read one track; parameters and errors are those of `load_tracks`."""
    truth = read_boxes(folder / 'groundtruth.txt')
    start = 0
    use: NDArray[np.bool_] = np.asarray(np.isfinite(truth).all(axis=1))
    flags = folder / 'flags.csv'
    if flags.is_file():
        start, hidden = read_flags(flags, len(truth))
        use &= ~hidden
    video = folder.name.rpartition('_')[0]
    if not video:
        raise InputError(f'{folder}: the name must be <video>_<number>, as in street_1')
    return Track(folder.name, _recording(rgb, video), _recording(thermal, video), start, truth,
                 use)


def read_flags(path: Path, length: int) -> tuple[int, NDArray[np.bool_]]:
    """Return the first frame's number in the recording, and which frames are hidden.

    Raises
    ------
    InputError
        If the file is malformed or has not `length` consecutive frames.

    """
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            rows = list(csv.DictReader(file))
        numbers = [int(row['frame']) for row in rows]
        hidden = [int(row['occluded']) + int(row['absent']) > 0 for row in rows]
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f'{path}: whole numbers in the columns frame, occluded and absent are '
                         'needed') from error
    if len(rows) != length or numbers != list(range(numbers[0], numbers[0] + length)):
        raise InputError(f'{path}: {length} consecutive frames are needed, as in groundtruth.txt')
    return numbers[0], np.array(hidden)


def read_events(path: Path) -> tuple[str, ...]:
    """Return what happens in each frame, from the column `event`; nothing without the column.

    Raises
    ------
    InputError
        If the column is there and lacks a value.

    """
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            events = [row.get('event') for row in csv.DictReader(file)]
    except (OSError, csv.Error, ValueError) as error:
        raise InputError(f'{path} cannot be read ({error}): write it again') from error
    if not any(events):
        return ()
    if not all(events):
        raise InputError(f'{path}: line {2 + [bool(event) for event in events].index(False)} '
                         'has no event: give clear where nothing happens')
    return tuple(map(str, events))


def _recording(folder: Path | None, video: str) -> Path | None:
    if folder is None:
        return None
    found = sorted([*folder.glob(f'{escape(video)}.*'), folder / video])
    for path in found:
        if path.exists():
            return path
    raise InputError(f'{folder}: no recording {video}.* in it: give the folder of the videos')
