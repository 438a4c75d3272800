# SPDX-License-Identifier: Apache-2.0
"""The parts of a bank: a video, a clip or a set each, evaluated once and written to a file."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rgbt_tracker_ros.training.batched.tables import Tables, table
from rgbt_tracker_ros.training.bridging import NanoTeacher
from rgbt_tracker_ros.training.composite import NEAR_FRAMES, outlined
from rgbt_tracker_ros.training.generated import clip_targets
from rgbt_tracker_ros.training.image_sets import (
    MASKED_SETS,
    PAIR_SETS,
    SETS,
    set_cut_outs,
    set_pairs,
    set_targets,
)
from rgbt_tracker_ros.training.images import Annotation, Image, read_grey, read_rgb
from rgbt_tracker_ros.training.recipe import DataRecipe
from rgbt_tracker_ros.training.sources import Moments
from rgbt_tracker_ros.training.thermal_source import ThermalVideo, thermal_videos, video_targets

Rows = list[tuple[object, ...]]


class Packer:
    """Writes images one after the other and notes what they show."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._rows: dict[str, Rows] = {name: [] for name in (
            'images', 'moments', 'rivals', 'targets', 'pools', 'cut_outs', 'near', 'groups',
            'backgrounds')}
        self._offset = 0
        self._known: dict[int, tuple[int, Image]] = {}

    def targets(self, source: str, name: str, targets: Sequence[Moments]) -> None:
        """Add a pool of targets."""
        rows = self._rows
        start, kept = len(rows['targets']), [moments for moments in targets if moments]
        for moments in kept:
            rows['targets'].append((len(rows['moments']), len(moments)))
            for moment in moments:
                view = moment()
                mask, corner = self._patch(view.mask)
                rows['moments'].append((
                    self._once(view.rgb), self._once(view.thermal), mask, corner,
                    tuple(view.box), len(rows['rivals']), len(view.rivals)))
                rows['rivals'] += [(tuple(rival),) for rival in view.rivals]
        rows['pools'].append((source, name, start, len(kept)))

    def cut_outs(self, group: Sequence[Annotation]) -> None:
        """Add a group of objects for composites."""
        start = len(self._rows['cut_outs'])
        numbers: dict[object, int] = {}
        for index, item in enumerate(group):
            span = range(max(0, index - NEAR_FRAMES), min(len(group), index + NEAR_FRAMES + 1))
            near = [start + other for other in span
                    if item.sequence and group[other].sequence == item.sequence]
            sequence = numbers.setdefault(item.sequence, len(numbers)) if item.sequence else -1
            self._rows['cut_outs'].append((
                self._write(np.dstack(outlined(item))),
                numbers.setdefault(item.image, len(numbers)), sequence,
                len(self._rows['near']), len(near) or 1))
            self._rows['near'] += [(number,) for number in near or [start + index]]
        if group:
            self._rows['groups'].append((start, len(group)))

    def backgrounds(self, pairs: Iterable[tuple[Path, Path]]) -> None:
        """Add registered pairs that composites are laid on."""
        self._rows['backgrounds'] += [
            (self._once(read_rgb(rgb)), self._once(read_grey(thermal))) for rgb, thermal in pairs]

    def tables(self) -> Tables:
        """Return what has been noted."""
        return {name: table(name, rows) for name, rows in self._rows.items()}

    def _patch(self, mask: Image | None) -> tuple[int, tuple[float, float]]:
        """Write the part of a mask that is not 0; return its number and its corner (x, y)."""
        if mask is None:
            return -1, (0.0, 0.0)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            return self._write(mask[:1, :1]), (0.0, 0.0)
        patch = mask[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
        return self._write(patch), (float(columns[0]), float(rows[0]))

    def _once(self, image: Image | None) -> int:
        """Write an image unless the same one has been written; return its number."""
        if image is None:
            return -1
        if id(image) not in self._known:
            # An image that is let go of might leave its id to another one.
            self._known[id(image)] = self._write(image), image
        return self._known[id(image)][0]

    def _write(self, image: Image) -> int:
        self._file.write(np.ascontiguousarray(image).data)
        self._rows['images'].append((self._offset, *image.shape[:2], *(image.shape[2:] or (1,))))
        self._offset += image.size
        return len(self._rows['images']) - 1


Part = Callable[[Packer], None]


def parts_of(data: DataRecipe, seed: int) -> list[Part]:
    """Return what makes the parts of a recipe's bank; each can be sent to another process."""
    parts: list[Part] = []
    if data.thermal_videos:
        parts += [partial(_video, video=video, teacher=data.teacher, cache=data.cache)
                  for video in thermal_videos(data.root, whole_out=data.held_out == 'videos')]
    parts += [partial(_annotated, root=data.root, source=source, name=name)
              for source in ('rgb_videos', 'rgb_stills') if getattr(data, source)
              for name in SETS[source]]
    uses = data.rgbt_stills > 0, data.composites > 0
    parts += [partial(_pairs, root=data.root, name=name, targets=uses[0], backgrounds=uses[1])
              for name in PAIR_SETS if any(uses)]
    if data.composites:
        parts += [partial(_objects, root=data.root, name=name) for name in MASKED_SETS]
    if data.generated:
        parts += [partial(_clip, seed=seed, number=number)
                  for number in range(data.generated_clips)]
    return parts


def packed(part: Part, file: Path) -> Tables:
    """Write a part's pixels to a file and return its tables."""
    with file.open('wb') as pixels:
        packer = Packer(pixels)
        part(packer)
    return packer.tables()


def _video(
    packer: Packer, *, video: ThermalVideo, teacher: Path | None, cache: Path | None,
) -> None:
    follower = None if teacher is None else NanoTeacher(teacher)
    packer.targets('thermal_videos', video.file.stem, video_targets(video, follower, cache))


def _annotated(packer: Packer, *, root: Path, source: str, name: str) -> None:
    packer.targets(source, name, set_targets(root, source, name))


def _pairs(
    packer: Packer, *, root: Path, name: str, targets: bool, backgrounds: bool,
) -> None:
    if targets:
        packer.targets('rgbt_stills', name, set_targets(root, 'rgbt_stills', name))
    if backgrounds:
        packer.backgrounds(set_pairs(root, name))


def _objects(packer: Packer, *, root: Path, name: str) -> None:
    packer.cut_outs(set_cut_outs(root, name))


def _clip(packer: Packer, *, seed: int, number: int) -> None:
    packer.targets('generated', str(number), clip_targets(seed, number))
