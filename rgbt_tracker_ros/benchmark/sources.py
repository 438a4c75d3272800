# SPDX-License-Identifier: Apache-2.0
"""Recorded frames, read one at a time from a video file, a folder of images or a glob."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
import re
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_file import MAX_PIXELS, read_image

Kind = Literal['rgb', 'thermal']
Frame = NDArray[Any]

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.tif', '.tiff', '.pgm', '.ppm', '.webp')


class FrameSource(Protocol):
    """Frames of one camera, in order.

    RGB frames are H x W x 3 uint8 (R, G, B); thermal frames H x W uint8 or uint16, as recorded, or
    where colours are asked for likewise H x W x 3.

    Attributes
    ----------
    text
        How the user named the source.
    count
        Number of frames; for a video what its header says, None when it says nothing.
    rate
        Frames per second; None for images.

    """

    text: str
    count: int | None
    rate: float | None

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from number `start` (from 0) on.

        Raises
        ------
        InputError
            If a frame cannot be read or has another size than the first; it names the frame.

        """
        ...


def open_source(text: str | Path, kind: Kind, *, colors: bool = False) -> FrameSource:
    """Open a video file, a folder of images or a glob of images.

    `colors` keeps the colours of thermal frames (of an event camera), which otherwise become grey.

    Raises
    ------
    InputError
        If it does not exist, holds no frames or cannot be read; the message names `--rgb` or
        `--thermal`, the value and the remedy.

    """
    name = str(text)
    try:
        path = Path(text).expanduser()
        is_folder, is_file = path.is_dir(), path.is_file()
    # A home of nobody, a name that is too long, or a folder that may not be read.
    except (RuntimeError, OSError) as error:
        raise _error(kind, name, f'cannot be looked up ({error})',
                     'give a video file, a folder of images or a glob') from error
    if is_folder:
        files = [item for item in path.iterdir() if item.suffix.lower() in IMAGE_SUFFIXES]
        if not files:
            raise _error(kind, name, 'the folder holds no images',
                         f'give one with {", ".join(IMAGE_SUFFIXES)} files')
        return ImageFiles(name, kind, natural_order(files), colors)
    if is_file:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return ImageFiles(name, kind, [path], colors)
        return VideoFile(name, kind, path, colors)
    if has_magic(name):
        matches = [Path(item) for item in glob(str(path)) if Path(item).is_file()]
        if not matches:
            raise _error(kind, name, 'no file matches the pattern',
                         'quote it, and check the folder and the suffix')
        return ImageFiles(name, kind, natural_order(matches), colors)
    raise _error(kind, name, 'does not exist', 'give a video file, a folder of images or a glob')


class ImageFiles:
    """Image files, one a frame."""

    def __init__(self, text: str, kind: Kind, files: Sequence[Path],
                 colors: bool = False) -> None:
        self.text = text
        self.count: int | None = len(files)
        self.rate: float | None = None
        self._kind = kind
        self._colors = colors or kind == 'rgb'
        self._files = files

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the images from number `start` on; see `FrameSource.frames`."""
        check = _SizeCheck(self._kind, self.text)
        for number, file in enumerate(self._files[start:], start):
            flags = cv2.IMREAD_COLOR if self._colors else cv2.IMREAD_UNCHANGED
            try:
                image = read_image(file, flags)
            except InputError as error:
                raise _error(self._kind, self.text, f'frame {number} ({file.name}) is no readable '
                             f'image: it {error}', 'remove or replace it') from error
            yield check(number, self._converted(number, file, image))

    def _converted(self, number: int, file: Path, image: Frame) -> Frame:
        if image.dtype not in (np.uint8, np.uint16):
            raise _error(self._kind, self.text, f'frame {number} ({file.name}) has pixels of type '
                         f'{image.dtype}', '8 or 16-bit integers are needed')
        if self._colors:
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        if image.ndim == 3:
            return cv2.cvtColor(image[..., :3], cv2.COLOR_BGR2GRAY)
        return image


class VideoFile:
    """A video, decoded by FFmpeg (PyAV)."""

    def __init__(self, text: str, kind: Kind, path: Path, colors: bool = False) -> None:
        self.text = text
        self._kind = kind
        self._colors = colors or kind == 'rgb'
        self._path = path
        with self._open() as container:
            stream = container.streams.video[0]
            self.count: int | None = stream.frames or None
            self.rate: float | None = float(stream.average_rate) if stream.average_rate else None

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the frames from number `start` on; see `FrameSource.frames`."""
        import av

        check = _SizeCheck(self._kind, self.text)
        number = -1
        with self._open() as container:
            container.streams.video[0].thread_type = 'AUTO'
            decoded = container.decode(video=0)
            while True:
                try:
                    frame = next(decoded, None)
                except av.FFmpegError as error:
                    raise _error(self._kind, self.text, f'frame {number + 1} cannot be decoded '
                                 f'({error.strerror})', 'cut or convert the video') from error
                if frame is None:
                    break
                number += 1
                if number >= start:
                    yield check(number, frame.to_ndarray(format=self._format(frame.format.name)))
        if number < 0:
            raise _error(self._kind, self.text, 'the video holds no frames', 'record it again')

    def _format(self, name: str) -> str:
        if self._colors:
            return 'rgb24'
        return 'gray16le' if re.match(r'gray\d\d', name) else 'gray'

    def _open(self) -> Any:
        # Imported here so that reading images needs no FFmpeg.
        try:
            import av
        except ImportError as error:
            raise _error(self._kind, self.text, 'reading videos needs PyAV',
                         'pip install av, or give a folder of images') from error
        try:
            container = av.open(str(self._path))
        except (av.FFmpegError, OSError) as error:
            raise _error(self._kind, self.text, f'is no readable video ({error.strerror})',
                         'give a video file, a folder of images or a glob') from error
        if not container.streams.video:
            container.close()
            raise _error(self._kind, self.text, 'has no video stream', 'give a video file')
        # FFmpeg itself would accept four times as many.
        container.streams.video[0].codec_context.options = {'max_pixels': str(MAX_PIXELS)}
        return container


class _SizeCheck:
    """Passes frames on, as long as all have the first one's size."""

    def __init__(self, kind: Kind, text: str) -> None:
        self._kind: Kind = kind
        self._text = text
        self._shape: tuple[int, ...] = ()

    def __call__(self, number: int, frame: Frame) -> Frame:
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            found, first = (f'{shape[1]}x{shape[0]}' for shape in (frame.shape, self._shape))
            raise _error(self._kind, self._text, f'frame {number} is {found} but those before are '
                         f'{first}', 'give frames of one size')
        return frame


def natural_order(files: Sequence[Path]) -> list[Path]:
    """Sort so that 2.png comes before 10.png."""
    return sorted(files, key=lambda file: [
        (int(part), '') if part.isdigit() else (-1, part)
        for part in re.split(r'(\d+)', file.name)])


def _error(kind: Kind, text: str, reason: str, remedy: str) -> InputError:
    return InputError(f'--{kind} {text}: {reason}: {remedy}')
