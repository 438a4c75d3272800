# SPDX-License-Identifier: Apache-2.0
"""Loading of training images and annotations.

Folders follow the README of the training data: `boxes.csv` next to `images/` (or sequence folders)
and `masks/`.
"""
from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_file import read_image

Image = NDArray[np.uint8]
MIN_OBJECT_SIDE = 14.0
MIN_CONNECTED = 0.9


@dataclass(frozen=True, slots=True)
class Annotation:
    """One object in one RGB image.

    Attributes
    ----------
    image, mask
        Files; `mask` is None where a set has boxes only.
    instance
        Value of the object in the mask; 0 = every non-zero value.
    sequence
        Name shared by the frames of one video; empty for a still.

    """

    image: Path
    mask: Path | None
    instance: int
    box: Box
    sequence: str


def read_annotations(folder: Path) -> list[Annotation]:
    """Read a set's boxes.csv, leaving out tiny and badly fragmented objects."""
    table = folder / 'boxes.csv'
    if not table.is_file():
        raise InputError(f'training set {folder}: boxes.csv is missing')
    images = folder / 'images' if (folder / 'images').is_dir() else folder
    masks = folder / 'masks'
    found = []
    with table.open(newline='') as file:
        for row in csv.DictReader(file):
            try:
                box = Box(*(float(row[key]) for key in 'xywh'))
                connected = float(row.get('main_cc') or 1.0)
                name, instance = Path(row['file']), int(row.get('instance_id') or 0)
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f'{table}: a file and numbers x, y, w, h are needed, '
                                 f'found {row}') from error
            if min(box.w, box.h) < MIN_OBJECT_SIDE or connected < MIN_CONNECTED:
                continue
            mask = (masks / name).with_suffix('.png') if masks.is_dir() else None
            sequence = name.parent.name if len(name.parts) > 1 else ''
            found.append(Annotation(images / name, mask, instance, box, sequence))
    return found


def list_pairs(folder: Path) -> list[tuple[Path, Path]]:
    """List the registered (RGB, thermal) files of a folder with `rgb/` and `thermal/` inside."""
    pairs = []
    for rgb_folder in sorted(folder.rglob('rgb')):
        thermal = {file.stem: file for file in rgb_folder.parent.glob('thermal/*')}
        pairs += [(file, thermal[file.stem]) for file in sorted(rgb_folder.iterdir())
                  if file.stem in thermal]
    if not pairs:
        raise InputError(f'training pairs {folder}: no rgb/ and thermal/ folders with same names')
    return pairs


@lru_cache(maxsize=4000)
def read_rgb(file: Path) -> Image:
    """Read an image as H x W x 3, R, G, B."""
    image = _read(file, 'image', cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


@lru_cache(maxsize=4000)
def read_grey(file: Path) -> Image:
    """Read an image as H x W."""
    image = _read(file, 'image', cv2.IMREAD_GRAYSCALE)
    return np.asarray(image, np.uint8)


@lru_cache(maxsize=4000)
def _read_labels(file: Path) -> Image:
    image = _read(file, 'mask', cv2.IMREAD_UNCHANGED)
    return np.asarray(image if image.ndim == 2 else image[..., 0], np.uint8)


def read_mask(annotation: Annotation) -> Image | None:
    """Return the object's mask, H x W, 0 or 255; None where the set has none."""
    if annotation.mask is None:
        return None
    labels = _read_labels(annotation.mask)
    hit = labels == annotation.instance if annotation.instance else labels > 0
    return hit.astype(np.uint8) * 255


def _read(file: Path, what: str, flags: int) -> Image:
    try:
        return np.asarray(read_image(file, flags))
    except InputError as error:
        raise InputError(f'training {what} {file} cannot be read: it {error}') from error
