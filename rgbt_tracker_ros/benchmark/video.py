# SPDX-License-Identifier: Apache-2.0
"""Writes H.264 videos that play everywhere."""
from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError

_RATE_DENOMINATOR = 1001


class VideoWriter:
    """An mp4 file: H.264, yuv420p, index in front (it starts playing before it is loaded).

    Parameters
    ----------
    path
        The file, written as it is; see `files.replacing` for all-or-nothing.
    rate
        Frames per second.

    Raises
    ------
    InputError
        If PyAV is missing, FFmpeg has no H.264 encoder, or (when frames come) the file cannot be
        written.

    """

    def __init__(self, path: Path, rate: float = 30.0) -> None:
        # Imported here so that tracking without a video needs no FFmpeg.
        try:
            import av
        except ImportError as error:
            raise InputError('writing a video needs PyAV: pip install av') from error
        self._av = av
        self._path = path
        self._rate = Fraction(rate).limit_denominator(_RATE_DENOMINATOR)
        self._container: Any = av.open(
            str(path), 'w', format='mp4', options={'movflags': '+faststart'})
        self._stream: Any = None
        self._failed = False

    def write(self, image: NDArray[np.uint8]) -> None:
        """Append an H x W x 3 RGB image; all must have the first one's size.

        An odd last row or column is left out, since H.264 halves the colours' resolution.
        """
        height, width = (side - side % 2 for side in image.shape[:2])
        if self._stream is None:
            self._stream = self._make_stream(width, height)
        if (width, height) != (self._stream.width, self._stream.height):
            raise InputError(f'{self._path}: a frame of {width}x{height} does not fit a video of '
                             f'{self._stream.width}x{self._stream.height}')
        frame = self._av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image[:height, :width]), format='rgb24')
        self._encode(frame)

    def close(self) -> None:
        """Write what is still in the encoder and close the file; again is no harm."""
        if self._container is None:
            return
        try:
            # FFmpeg crashes the process when it is given more after a failed write.
            if self._stream is not None and not self._failed:
                self._encode(None)
        finally:
            container, self._container = self._container, None
            container.close()

    def __enter__(self) -> VideoWriter:
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the file."""
        self.close()

    def _encode(self, frame: Any) -> None:
        """Encode a frame, or with None what is left; the file is opened by the first one."""
        if self._failed:
            raise InputError(
                f'{self._path} cannot be written any further: an earlier frame failed')
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            self._failed = True
            raise InputError(f'{self._path} cannot be written ({error.strerror}): give a file in '
                             'a folder that exists, is writable and has room') from error

    def _make_stream(self, width: int, height: int) -> Any:
        try:
            stream = self._container.add_stream('libx264', rate=self._rate)
        except (self._av.FFmpegError, ValueError) as error:
            raise InputError(f'{self._path}: FFmpeg has no H.264 encoder ({error}): '
                             'pip install av') from error
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        stream.options = {'crf': '20', 'preset': 'veryfast'}
        return stream
