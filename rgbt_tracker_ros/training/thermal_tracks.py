# SPDX-License-Identifier: Apache-2.0
"""Boxes for unlabelled thermal videos of a still camera, from what moves in them.

The difference to the video's median image gives one blob for each mover; blobs of neighbouring
frames that clearly continue each other are linked. Where movers merge or split the link is broken:
no label is better than a wrong one.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box

STEP = 3
BACKGROUND_FRAMES = 45
MAX_MOVING_SHARE = 0.25
LEAST_DIFFERENCE = 14.0
MIN_AREA, MIN_SIDE, MIN_FILL = 130, 12, 0.3
MIN_IOU, MAX_AREA_CHANGE = 0.35, 1.6
MIN_LENGTH = 6


@dataclass
class ThermalTrack:
    """One mover: its boxes by frame index (in units of STEP video frames)."""

    video: str
    boxes: dict[int, Box] = field(default_factory=dict)


def read_thermal_video(file: Path) -> list[NDArray[np.uint8]]:
    """Read every STEP-th frame of a thermal video as H x W."""
    capture = cv2.VideoCapture(str(file))
    frames = []
    index = 0
    while capture.grab():
        if index % STEP == 0:
            good, frame = capture.retrieve()
            if good:
                frames.append(np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8))
        index += 1
    capture.release()
    if not frames:
        raise InputError(f'training video {file} has no readable frame')
    return frames


def find_tracks(
    video: str, frames: list[NDArray[np.uint8]], exclude: set[int] | None = None,
) -> list[ThermalTrack]:
    """Find the movers of a video; frames in `exclude` (indices of `frames`) get no label."""
    background = still_background(frames)
    open_tracks: list[ThermalTrack] = []
    closed: list[ThermalTrack] = []
    for index, frame in enumerate(frames):
        blobs = [] if exclude and index in exclude else _blobs(frame, background)
        open_tracks, ended = _link(video, index, open_tracks, blobs)
        closed += ended
    return [track for track in closed + open_tracks if len(track.boxes) >= MIN_LENGTH]


def still_background(frames: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the median image of a video."""
    chosen = np.linspace(0, len(frames) - 1, min(BACKGROUND_FRAMES, len(frames))).astype(int)
    return np.median(np.stack([frames[i] for i in chosen]), axis=0).astype(np.uint8)


def moving(
    frame: NDArray[np.uint8], background: NDArray[np.uint8], noise: float = 0.0,
) -> NDArray[np.uint8]:
    """Return 1 where a frame, or a part of it, clearly differs from its background, else 0."""
    difference = cv2.GaussianBlur(cv2.absdiff(frame, background), (5, 5), 0)
    return (difference > max(LEAST_DIFFERENCE, 4.0 * noise + 8.0)).astype(np.uint8)


def _blobs(frame: NDArray[np.uint8], background: NDArray[np.uint8]) -> list[Box]:
    noise = float(np.median(cv2.GaussianBlur(cv2.absdiff(frame, background), (5, 5), 0)))
    movers = moving(frame, background, noise)
    if movers.mean() > MAX_MOVING_SHARE:
        return []
    closed = cv2.morphologyEx(movers, cv2.MORPH_CLOSE, np.ones((9, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed)
    height, width = frame.shape
    blobs = []
    for x, y, w, h, area in stats[1:].tolist():
        at_border = x <= 1 or y <= 1 or x + w >= width - 1 or y + h >= height - 1
        if area >= MIN_AREA and min(w, h) >= MIN_SIDE and area >= MIN_FILL * w * h \
                and not at_border:
            blobs.append(Box(x, y, w, h))
    return blobs


def _link(
    video: str, index: int, tracks: list[ThermalTrack], blobs: list[Box],
) -> tuple[list[ThermalTrack], list[ThermalTrack]]:
    """Continue tracks by blobs that match one to one; return (open, ended) tracks."""
    last = [track.boxes[index - 1] for track in tracks]
    overlaps = np.array([[box.iou(blob) for blob in blobs] for box in last])
    overlaps = overlaps.reshape(len(last), len(blobs))
    still_open, ended, used = [], [], set()
    for row, track in enumerate(tracks):
        column = _clear_match(overlaps, row, last, blobs)
        if column is None:
            ended.append(track)
        else:
            track.boxes[index] = blobs[column]
            used.add(column)
            still_open.append(track)
    still_open += [ThermalTrack(video, {index: blob})
                   for column, blob in enumerate(blobs) if column not in used]
    return still_open, ended


def _clear_match(
    overlaps: NDArray[np.float64], row: int, last: list[Box], blobs: list[Box],
) -> int | None:
    if not blobs:
        return None
    column = int(overlaps[row].argmax())
    touching = (overlaps[row] > 0).sum() + (overlaps[:, column] > 0).sum()
    if overlaps[row, column] < MIN_IOU or touching != 2:
        return None
    change = (blobs[column].w * blobs[column].h) / (last[row].w * last[row].h)
    return column if 1 / MAX_AREA_CHANGE < change < MAX_AREA_CHANGE else None
