# SPDX-License-Identifier: Apache-2.0
"""A folder of images as a recording, listed only when its frames are read."""
from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import re

from rgbt_tracker_ros.benchmark.sources import (
    IMAGE_SUFFIXES,
    Frame,
    ImageFiles,
    Kind,
    natural_order,
)
from rgbt_tracker_ros.errors import InputError


class ImageFolder:
    """Images of one folder, one a frame, 2.png before 10.png; see `FrameSource`.

    It holds no list of files, so that a dataset of a million images is small in memory and quick
    to send to another process.

    Raises
    ------
    InputError
        If there is no such folder, or it holds no images.

    """

    def __init__(self, folder: Path, kind: Kind, rate: float | None = None) -> None:
        self.text = str(folder)
        self.rate = rate
        self._kind: Kind = kind
        self._folder = folder
        self.count: int | None = len(_names(folder))
        if not self.count:
            raise InputError(f'{folder.name}/ holds no images')

    def numbers(self) -> frozenset[int]:
        """Return the last numbers in the files' names."""
        return frozenset(int(found[-1]) for name in _names(self._folder)
                         if (found := re.findall(r'\d+', Path(name).stem)))

    def frames(self, start: int = 0) -> Iterator[Frame]:
        """Yield the images from number `start` on."""
        return self.listed().frames(start)

    def listed(self) -> ImageFiles:
        """Return the same with a list of files, for who reads frames here and there."""
        files = natural_order([self._folder / name for name in _names(self._folder)])
        return ImageFiles(self.text, self._kind, files)


def _names(folder: Path) -> list[str]:
    try:
        # Some archives carry a hidden double of each file (`._000001.jpg`).
        return [name for name in os.listdir(folder)
                if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith('.')]
    except FileNotFoundError:
        raise InputError(f'{folder.name}/ is missing') from None
    except OSError as error:
        raise InputError(f'{folder.name}/ cannot be read ({error.strerror})') from error
