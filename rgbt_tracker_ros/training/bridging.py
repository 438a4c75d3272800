# SPDX-License-Identifier: Apache-2.0
"""Longer tracks of the movers in thermal videos: a teacher bridges where blobs merge or rest.

A track of blobs ends where its mover meets another one. The teacher, a published tracker, goes on
from there, and then back again from where it came to; only boxes on which both ways agree, and
which show something that is not background, are kept. A bridge that reaches another track's blobs
joins the two: a crossing with known identity.
"""
from __future__ import annotations

from collections.abc import Sequence
import hashlib
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from rgbt_tracker_ros.benchmark.nanotrack import find_graphs, make_nanotrack
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.training.images import Image
from rgbt_tracker_ros.training.thermal_tracks import MIN_SIDE, ThermalTrack, moving

REACHES = (24, 8)
"""Frames that a bridge may span: the longer is tried first."""
MIN_TRUST = 0.3
MIN_AGREEMENT, MIN_RETURN = 0.6, 0.6
MIN_MOVING = 0.25
JOIN_IOU, JOIN_FRAMES = 0.5, 3


class Teacher(Protocol):
    """Follows a target through images."""

    def follow(self, frames: Sequence[Image], box: Box) -> list[Box]:
        """Return the boxes in all frames but the first, in which `box` is; fewer when lost."""


class NanoTeacher:
    """NanoTrack in OpenCV; the graphs `*backbone*.onnx` and `*head*.onnx` are the user's."""

    def __init__(self, folder: Path) -> None:
        """Load the first graphs (by name) of a folder.

        Raises
        ------
        InputError
            If a graph is missing.

        """
        graphs = find_graphs(folder)
        if not graphs:
            raise InputError(f'data.teacher {folder}: *backbone*.onnx or *head*.onnx is missing: '
                             'give a folder with the graphs of NanoTrack, or leave it out')
        content = b''.join(Path(graph).read_bytes() for graph in graphs)
        self.digest = hashlib.sha256(content).hexdigest()
        self._tracker = make_nanotrack(graphs)

    def follow(self, frames: Sequence[Image], box: Box) -> list[Box]:
        """Return the boxes in all frames but the first, until the score gets low."""
        self._tracker.init(_coloured(frames[0]), tuple(map(round, box)))
        found = []
        for frame in frames[1:]:
            _, at = self._tracker.update(_coloured(frame))
            if self._tracker.getTrackingScore() < MIN_TRUST:
                break
            found.append(Box(*map(float, at)))
        return found


def bridged(
    tracks: Sequence[ThermalTrack], frames: Sequence[Image], background: Image, teacher: Teacher,
    exclude: set[int],
) -> list[ThermalTrack]:
    """Return the tracks, lengthened and joined; frames in `exclude` get no label."""
    bridges = []
    for track in tracks:
        new: dict[int, Box] = {}
        for edge, way in ((max(track.boxes), 1), (min(track.boxes), -1)):
            new |= _bridge(frames, background, edge, way, track.boxes[edge], teacher, exclude)
        bridges.append(new)
    return _joined(tracks, bridges)


def _bridge(
    frames: Sequence[Image], background: Image, edge: int, way: int, box: Box, teacher: Teacher,
    exclude: set[int],
) -> dict[int, Box]:
    """Return the boxes beyond a track's edge which hold both forth and back."""
    for reach in REACHES:
        span = []
        for index in range(edge, edge + way * (reach + 1), way):
            if not 0 <= index < len(frames) or index in exclude:
                break
            span.append(index)
        forth = teacher.follow([frames[index] for index in span], box) if len(span) > 1 else []
        if not forth:
            return {}
        span = span[:len(forth) + 1]
        back = teacher.follow([frames[index] for index in reversed(span)], forth[-1])
        if len(back) == len(forth) and back[-1].iou(box) >= MIN_RETURN:
            returned = [*back[-2::-1], forth[-1]]
            return {index: one for index, one, other
                    in zip(span[1:], forth, returned, strict=True)
                    if one.iou(other) >= MIN_AGREEMENT
                    and _shows_mover(frames[index], background, one)}
    return {}


def _shows_mover(frame: Image, background: Image, box: Box) -> bool:
    height, width = frame.shape
    inside = box.x >= 1 and box.y >= 1 and box.x + box.w < width and box.y + box.h < height
    if not inside or min(box.w, box.h) < MIN_SIDE:
        return False
    window = (slice(int(box.y), int(box.y + box.h)), slice(int(box.x), int(box.x + box.w)))
    return float(moving(frame[window], background[window]).mean()) >= MIN_MOVING


def _joined(
    tracks: Sequence[ThermalTrack], bridges: Sequence[dict[int, Box]],
) -> list[ThermalTrack]:
    """Give tracks that a bridge connects one identity, unless both have blobs at one time."""
    owner = list(range(len(tracks)))
    blobs = [dict(track.boxes) for track in tracks]
    order = sorted(range(len(tracks)), key=lambda number: min(tracks[number].boxes))
    for first in order:
        for second in order:
            one, other = owner[first], owner[second]
            if one != other and not blobs[one].keys() & blobs[other].keys() \
                    and _meets(bridges[first], tracks[second].boxes):
                blobs[one] |= blobs[other]
                owner = [one if number == other else number for number in owner]
    result = []
    for number in sorted(set(owner)):
        boxes: dict[int, Box] = {}
        for member, bridge in enumerate(bridges):
            if owner[member] == number:
                boxes |= bridge
        result.append(ThermalTrack(tracks[number].video, {**boxes, **blobs[number]}))
    return result


def _meets(bridge: dict[int, Box], blobs: dict[int, Box]) -> bool:
    shared = [bridge[index].iou(blobs[index]) for index in sorted(bridge.keys() & blobs.keys())]
    return len(shared) >= JOIN_FRAMES and float(np.median(shared)) >= JOIN_IOU


def _coloured(frame: Image) -> Image:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR), np.uint8)
