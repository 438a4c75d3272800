# SPDX-License-Identifier: Apache-2.0
"""The files that `rgbt-tracker track` writes: all of them whole, or none."""
from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.overlay import compose, in_rgb_frame
from rgbt_tracker_ros.benchmark.recording import TrackedFrame
from rgbt_tracker_ros.benchmark.track_log import box_line, log_header, log_line
from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.health import complaints


class Outputs:
    """Box file, log and overlay video; each one only where a path is given.

    Use it as a context: when the block ends well the files take their places, otherwise nothing
    is left of them.

    Parameters
    ----------
    boxes, log, video
        Where to write.
    rate
        Frames per second of the video.
    fused
        Whether the video has a panel for the fused image.

    Raises
    ------
    InputError
        If two of them are the same file.

    """

    def __init__(self, boxes: Path | None, log: Path | None, video: Path | None,
                 rate: float, fused: bool) -> None:
        self._paths = boxes, log, video
        check_distinct({'--boxes': boxes, '--log': log, '--video': video})
        self._rate = rate
        self._fused = fused
        self._stack = ExitStack()
        self._boxes: TextIO | None = None
        self._log: TextIO | None = None
        self._video: VideoWriter | None = None

    def __enter__(self) -> Outputs:
        """Open the temporary files."""
        boxes, log, video = self._paths
        with ExitStack() as stack:
            if boxes is not None:
                self._boxes = stack.enter_context(_text_file(stack, boxes))
            if log is not None:
                self._log = stack.enter_context(_text_file(stack, log))
                self._log.write(log_header())
            if video is not None:
                part = stack.enter_context(replacing(video))
                self._video = stack.enter_context(VideoWriter(part, self._rate))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the files; keep them if there was no error."""
        self._stack.__exit__(kind, error, trace)

    def write(self, frame: TrackedFrame) -> None:
        """Append one frame to every file."""
        if self._boxes is not None:
            self._boxes.write(box_line(frame.result.box))
        if self._log is not None:
            self._log.write(log_line(frame.raw.number, frame.result))
        if self._video is not None:
            self._video.write(_overlay(frame, self._fused))


def check_distinct(paths: dict[str, Path | None]) -> None:
    """Raise InputError if two options name the same file."""
    taken: dict[Path, str] = {}
    for option, path in paths.items():
        if path is not None:
            other = taken.setdefault(path.resolve(), option)
            if other != option:
                raise InputError(f'{option} {path}: {other} is the same file: give another name')


def _text_file(stack: ExitStack, path: Path) -> TextIO:
    return stack.enter_context(replacing(path)).open('w', encoding='utf-8')


def _overlay(frame: TrackedFrame, fused: bool) -> NDArray[np.uint8]:
    prepared, raw = frame.prepared, frame.raw
    notes = complaints({'rgb': prepared.rgb, 'thermal': prepared.thermal})
    return compose(raw.rgb, _thermal(frame), frame.result, notes=notes,
                   caption=f'frame {raw.number}   {raw.stamp:.2f} s', event=frame.result.note,
                   fused=fused)


def _thermal(frame: TrackedFrame) -> NDArray[np.uint8] | None:
    """Return the thermal image as the tracker gets it, or as recorded when it is left out."""
    raw, pair = frame.raw, frame.prepared.pair
    if raw.thermal is None:
        return None
    if pair is not None and pair.thermal is not None:
        return in_rgb_frame(pair.thermal, (pair.width, pair.height), pair.thermal_to_rgb)
    shown = cv2.normalize(raw.thermal, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)  # type: ignore[call-overload]
    size = raw.thermal.shape[1::-1] if raw.rgb is None else raw.rgb.shape[1::-1]
    return in_rgb_frame(np.asarray(shown, np.uint8), (size[0], size[1]),
                        frame.prepared.registration.matrix)
