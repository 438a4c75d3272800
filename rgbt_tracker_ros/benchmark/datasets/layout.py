# SPDX-License-Identifier: Apache-2.0
"""Sequences in folders: two folders of images and text files of boxes beside them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rgbt_tracker_ros.benchmark.datasets.box_file import read_annotation
from rgbt_tracker_ros.benchmark.datasets.image_folder import ImageFolder
from rgbt_tracker_ros.benchmark.datasets.sequence import Boxes, Sequence, has_area
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box

_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class Layout:
    """What the folder of a sequence holds.

    Attributes
    ----------
    rgb, thermal
        Names of the folders of images.
    truth
        Names of the box files by `rgb`, `thermal` or `both`.
    init
        Name of a box file whose first line starts the tracker where the file is there; without
        it the first line of the ground truth does.
    corners
        Four values are left, top, right, bottom.
    every
        One line for so many frames: VTUAV annotates every tenth.

    """

    rgb: str
    thermal: str
    truth: Mapping[str, str]
    init: str = ''
    corners: bool = False
    every: int = 1

    @property
    def text(self) -> str:
        """Return the layout in words."""
        files = ', '.join(sorted(set(self.truth.values())))
        return f'<sequence>/{self.rgb}/, {self.thermal}/ and {files}'

    @property
    def marks(self) -> tuple[str, ...]:
        """Return what shows that a folder is a sequence, be it complete or not."""
        return (self.rgb, self.thermal, *self.truth.values())

    def read(self, folder: Path, name: str, notes: list[str], *,
             attributes: tuple[str, ...] = (), fps: float | None = None,
             start_when_present: bool = False) -> Sequence:
        """Read a sequence without its images.

        Images after the last annotated frame are not tracked, which is noted.

        Parameters
        ----------
        folder
            Of the sequence.
        name
            Of the sequence.
        notes
            Takes what a reader of the results must know.
        attributes, fps
            See `Sequence`.
        start_when_present
            Start at the first frame that has a box, not at the first of all.

        Raises
        ------
        InputError
            If something is missing or malformed; the message names it, without the folder.

        """
        rgb = ImageFolder(folder / self.rgb, 'rgb', fps)
        thermal = ImageFolder(folder / self.thermal, 'thermal', fps)
        truth = {camera: read_annotation(folder / file, self.corners)
                 for camera, file in self.truth.items()}
        truth = _cut_to_shortest(truth, name, notes)
        if rgb.count != thermal.count or rgb.count != len(next(iter(truth.values()))):
            _check_gaps(rgb, self.rgb, thermal, self.thermal)
        truth, use = self._per_frame(truth, (rgb.count or 0, thermal.count or 0), name, notes)
        start = 0
        if start_when_present:
            start = int(np.argmax(np.logical_or.reduce(
                [has_area(boxes) for boxes in truth.values()])))
        truth = {camera: boxes[start:] for camera, boxes in truth.items()}
        return Sequence(name, rgb, thermal, truth, self._init(folder, truth, start), attributes,
                        use[start:], start, fps)

    def _per_frame(self, truth: dict[str, Boxes], counts: tuple[int, int], name: str,
                   notes: list[str]) -> tuple[dict[str, Boxes], np.ndarray]:
        """Return the ground truth with one line for each frame, and which frames have one."""
        file = next(iter(self.truth.values()))
        lines, frames = len(next(iter(truth.values()))), min(counts)
        # A sparse annotation may end up to every - 1 frames before the recording does.
        every = 1 if lines == frames else self.every
        needed = (lines - 1) * every + 1
        # RGBT234's orangeman1 has a line more than images: it comes without a last image.
        if frames == needed - 1 and counts[0] == counts[1] and every == 1:
            truth = {camera: boxes[:frames] for camera, boxes in truth.items()}
            notes.append(f'{name}: {file} has {lines} lines for {frames} images: the last is not '
                         'used')
            lines = needed = frames
        if frames < needed:
            raise InputError(
                f'{self.rgb}/ has {counts[0]} images and {self.thermal}/ {counts[1]}, but {file} '
                f'has {lines} lines: at least {needed} images of each camera are needed')
        length = min(frames, lines * every)
        if length < frames / 2:
            raise InputError(f'{file} has {lines} lines for {frames} images: it is cut off')
        if max(counts) > length:
            notes.append(f'{name}: {self.rgb}/ has {counts[0]} images and {self.thermal}/ '
                         f'{counts[1]}; the {length} that {file} reaches to are tracked')
        use = np.zeros(length, bool)
        use[::every] = True
        spread = {camera: np.full((length, 4), np.nan) for camera in truth}
        for camera, boxes in truth.items():
            spread[camera][::every] = boxes
        return spread, use

    def _init(self, folder: Path, truth: Mapping[str, Boxes], start: int) -> Box:
        first = next(iter(truth.values()))[0]
        if self.init and start == 0 and (folder / self.init).is_file():
            first = read_annotation(folder / self.init, corners=False)[0]
        if not has_area(first[None])[0]:
            raise InputError(f'the first line of {self.init or next(iter(self.truth.values()))} '
                             'has no box: the tracker cannot be started')
        return Box(*first.tolist())


def _check_gaps(rgb: ImageFolder, rgb_name: str, thermal: ImageFolder, thermal_name: str) -> None:
    """Raise InputError if one camera lost images before its last: later ones would be shifted.

    It is seen only where both cameras number their images alike.
    """
    sides = (rgb_name, rgb.numbers()), (thermal_name, thermal.numbers())
    for (own_name, own), (other_name, other) in (sides, sides[::-1]):
        lost = sorted(number for number in other - own if number < max(own, default=0))
        if lost and len(own & other) > _ALIKE * len(other):
            more = f' and {len(lost) - 1} more' if len(lost) > 1 else ''
            raise InputError(f'{own_name}/ lacks image number {lost[0]}{more}, which '
                             f'{other_name}/ has')


def _cut_to_shortest(truth: dict[str, Boxes], name: str, notes: list[str]) -> dict[str, Boxes]:
    lengths = {camera: len(boxes) for camera, boxes in truth.items()}
    shortest = min(lengths.values())
    if max(lengths.values()) > shortest:
        told = ', '.join(f'{camera} {length}' for camera, length in lengths.items())
        notes.append(f'{name}: ground truths of unequal lengths ({told} lines): the first '
                     f'{shortest} are used')
    return {camera: boxes[:shortest] for camera, boxes in truth.items()}
