# SPDX-License-Identifier: Apache-2.0
"""What `rgbt-tracker bag` writes: a bag, a log and a video, all of them whole, or none."""
from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.bags.replay import Answered, Frame
from rgbt_tracker_ros.bags.writer import ResultBag
from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.overlay import compose, in_rgb_frame
from rgbt_tracker_ros.benchmark.track_log import log_header, log_line
from rgbt_tracker_ros.benchmark.video import VideoWriter
from rgbt_tracker_ros.imaging.health import complaints
from rgbt_tracker_ros.pipeline.pipeline import Outcome


class BagOutputs:
    """The result bag, and log and video where a path is given; use it as a context.

    Parameters
    ----------
    bag
        The result bag.
    log, video
        Where to write; frames without a target are in neither.
    rate
        Frames per second of the video.
    fused
        Whether the video has a panel for the fused image.

    """

    def __init__(self, bag: ResultBag, log: Path | None, video: Path | None, rate: float,
                 fused: bool) -> None:
        self._bag = bag
        self._paths = log, video
        self._rate = rate
        self._fused = fused
        self._stack = ExitStack()
        self._log: TextIO | None = None
        self._video: VideoWriter | None = None
        self._size: tuple[int, int] | None = None
        self._frames = 0

    def __enter__(self) -> BagOutputs:
        """Open the temporary files."""
        log, video = self._paths
        with ExitStack() as stack:
            if log is not None:
                part = stack.enter_context(replacing(log))
                self._log = stack.enter_context(part.open('w', encoding='utf-8'))
                self._log.write(f'stamp,{log_header()}')
            if video is not None:
                part = stack.enter_context(replacing(video))
                self._video = stack.enter_context(VideoWriter(part, self._rate))
            stack.enter_context(self._bag)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the files; keep them if there was no error."""
        self._stack.__exit__(kind, error, trace)

    def write(self, event: Frame | Answered) -> None:
        """Append a frame, or the answer to a request."""
        self._bag.write(event)
        if isinstance(event, Answered):
            return
        outcome = event.outcome
        if self._log is not None and outcome.result is not None:
            stamp = outcome.header.stamp
            self._log.write(f'{stamp.sec}.{stamp.nanosec:09d},'
                            f'{log_line(self._frames, outcome.result)}')
        if self._video is not None:
            image = overlay(outcome, self._frames, self._fused)
            if image is not None:
                self._video.write(self._fitted(image))
        self._frames += 1

    def _fitted(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the image in the size of the first one, with black where it has other sides."""
        height, width = image.shape[:2]
        self._size = self._size or (width, height)
        if (width, height) == self._size:
            return image
        scale = min(self._size[0] / width, self._size[1] / height)
        small = cv2.resize(image, (max(round(width * scale), 1), max(round(height * scale), 1)),
                           interpolation=cv2.INTER_AREA)
        canvas = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        canvas[:small.shape[0], :small.shape[1]] = small
        return canvas


def overlay(outcome: Outcome, number: int, fused: bool) -> NDArray[np.uint8] | None:
    """Return RGB, thermal and fused panels of a frame; None without target or images."""
    pair, result = outcome.pair, outcome.result
    if pair is None or result is None:
        return None
    thermal = None if pair.thermal is None else in_rgb_frame(
        pair.thermal, (pair.width, pair.height), pair.thermal_to_rgb)
    empty = np.zeros((pair.height, pair.width), np.uint8)
    stamp = outcome.header.stamp
    return compose(
        np.stack([empty] * 3, axis=2) if pair.rgb is None else pair.rgb,
        empty if thermal is None else thermal, result, notes=complaints(outcome.health),
        event=result.note, fused=fused,
        caption=f'frame {number}   {stamp.sec}.{stamp.nanosec // 10**7:02d} s')
