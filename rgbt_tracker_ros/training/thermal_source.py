# SPDX-License-Identifier: Apache-2.0
"""Targets in the thermal videos: movers, found once and remembered in a file."""
from __future__ import annotations

from collections.abc import Sequence
import csv
import hashlib
import json
import math
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.thermal import ThermalNormalizer
from rgbt_tracker_ros.settings import ThermalSettings
from rgbt_tracker_ros.training import bridging, thermal_tracks
from rgbt_tracker_ros.training.bridging import NanoTeacher, bridged
from rgbt_tracker_ros.training.images import Image
from rgbt_tracker_ros.training.sources import Moments, thermal_targets
from rgbt_tracker_ros.training.thermal_tracks import (
    STEP,
    ThermalTrack,
    find_tracks,
    moving,
    read_thermal_video,
    still_background,
)

LEAST_TRAVEL = 0.7


class ThermalVideo(NamedTuple):
    """A thermal video, and the frames (in units of STEP) that serve as development tracks."""

    file: Path
    excluded: frozenset[int]


def thermal_video_targets(
    root: Path, teacher: Path | None, cache: Path | None, *, whole_out: bool = False,
) -> list[list[Moments]]:
    """Label all thermal videos, leaving out the spans that serve as development tracks.

    Parameters
    ----------
    root
        Of the data.
    teacher
        Folder of the tracker that bridges gaps between blobs; None: gaps stay.
    cache
        Folder in which the tracks are remembered; None: they are found anew.
    whole_out
        Leave out the whole of a video in which there is such a span.

    Returns
    -------
    targets
        Of each video that has some.

    """
    follower = None if teacher is None else NanoTeacher(teacher)
    videos = [video_targets(video, follower, cache)
              for video in thermal_videos(root, whole_out=whole_out)]
    return [targets for targets in videos if targets]


def thermal_videos(root: Path, *, whole_out: bool = False) -> list[ThermalVideo]:
    """List the thermal videos of the training data; see `thermal_video_targets`."""
    excluded = _development_spans(root / 'dev' / 'tracks_thermal')
    return [ThermalVideo(file, frozenset(excluded.get(file.stem, ())))
            for file in sorted((root / 'train' / 'thermal_only_videos').glob('*.mp4'))
            if not (whole_out and file.stem in excluded)]


def video_targets(
    video: ThermalVideo, teacher: NanoTeacher | None, cache: Path | None,
) -> list[Moments]:
    """Label one thermal video; see `thermal_video_targets`."""
    frames = read_thermal_video(video.file)
    background = still_background(frames)
    tracks = _tracks(video.file, frames, background, set(video.excluded), teacher, cache)
    normalizer = ThermalNormalizer(ThermalSettings())
    shown = [normalizer(frame) for frame in frames]
    walked = [track.boxes for track in tracks if _travel(track) >= LEAST_TRAVEL]
    return thermal_targets(shown, walked, _Outlines(frames, background))


def _travel(track: ThermalTrack) -> float:
    """Return how far a track's centre has come, over its size: lights that flicker stay."""
    boxes = list(track.boxes.values())
    spread = np.ptp([(box.cx, box.cy) for box in boxes], axis=0)
    return float(np.hypot(*spread)) / math.sqrt(np.median([box.w * box.h for box in boxes]))


class _Outlines:
    """What moves inside a box of a frame, as a mask of the whole frame."""

    def __init__(self, frames: Sequence[Image], background: Image) -> None:
        self._frames, self._background = frames, background

    def __call__(self, index: int, box: Box) -> Image:
        """Return H x W, 255 where the box's mover is."""
        frame = self._frames[index]
        mask = np.zeros_like(frame)
        window = (slice(max(int(box.y), 0), int(box.y + box.h) + 1),
                  slice(max(int(box.x), 0), int(box.x + box.w) + 1))
        mask[window] = moving(frame[window], self._background[window]) * 255
        return mask


def _tracks(
    file: Path, frames: Sequence[Image], background: Image, exclude: set[int],
    teacher: NanoTeacher | None, cache: Path | None,
) -> list[ThermalTrack]:
    key = _key(file, exclude, teacher)
    remembered = None if cache is None else cache / f'{file.stem}.json'
    if remembered is not None and remembered.is_file():
        content = json.loads(remembered.read_text(encoding='utf-8'))
        if content['key'] == key:
            return [ThermalTrack(file.stem, {int(index): Box(*box) for index, box in one.items()})
                    for one in content['tracks']]
    tracks = find_tracks(file.stem, list(frames), exclude)
    if teacher is not None:
        tracks = bridged(tracks, frames, background, teacher, exclude)
    if remembered is not None:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        partial = remembered.with_suffix('.partial')
        partial.write_text(json.dumps({'key': key, 'tracks': [track.boxes for track in tracks]}),
                           encoding='utf-8')
        os.replace(partial, remembered)
    return tracks


def _key(file: Path, exclude: set[int], teacher: NanoTeacher | None) -> str:
    """Return what tells tracks apart that were found in another way."""
    digest = hashlib.sha256()
    for module in (thermal_tracks, bridging):
        assert module.__file__ is not None
        digest.update(Path(module.__file__).read_bytes())
    digest.update(f'{file.stat().st_size} {sorted(exclude)} '
                  f'{teacher and teacher.digest}'.encode())
    return digest.hexdigest()


def _development_spans(folder: Path) -> dict[str, set[int]]:
    """Return, by video, the frames (in units of STEP) that serve as development tracks."""
    spans: dict[str, set[int]] = {}
    for file in sorted(folder.glob('*/flags.csv')):
        with file.open(newline='') as table:
            frames = [int(row['frame']) for row in csv.DictReader(table)]
        video = file.parent.name.rpartition('_')[0]
        spans.setdefault(video, set()).update(range(frames[0] // STEP, frames[-1] // STEP + 2))
    return spans
