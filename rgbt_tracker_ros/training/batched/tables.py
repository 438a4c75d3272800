# SPDX-License-Identifier: Apache-2.0
"""What the bank knows of its images: structured arrays on the host, which point to each other."""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Tables = dict[str, NDArray[np.void]]

_RANGE = [('start', '<i8'), ('count', '<i8')]
DTYPES = {name: np.dtype(fields) for name, fields in {
    # Where an image's first byte lies in the pixels; its channels are interleaved.
    'images': [('offset', '<i8'), ('height', '<i4'), ('width', '<i4'), ('channels', '<i4')],
    # A View: images (-1: none), of the mask a patch with this corner, box (x, y, w, h); rivals.
    'moments': [('rgb', '<i8'), ('thermal', '<i8'), ('mask', '<i8'), ('corner', '<f4', 2),
                ('box', '<f4', 4), *_RANGE],
    'rivals': [('box', '<f4', 4)],
    'targets': _RANGE,
    # Targets that are sampled alike, and pasted as each other's rivals.
    'pools': [('source', '<U24'), ('name', '<U64'), *_RANGE],
    # An object of a composite: still or frame of a video, and its range of `near`.
    'cut_outs': [('rgba', '<i8'), ('picture', '<i8'), ('sequence', '<i8'), *_RANGE],
    'near': [('cut_out', '<i8')],
    'groups': _RANGE,
    'backgrounds': [('rgb', '<i8'), ('thermal', '<i8')],
}.items()}

_POINTERS = {
    'moments': {'rgb': 'images', 'thermal': 'images', 'mask': 'images', 'start': 'rivals'},
    'targets': {'start': 'moments'},
    'pools': {'start': 'targets'},
    'cut_outs': {'rgba': 'images', 'start': 'near'},
    'near': {'cut_out': 'cut_outs'},
    'groups': {'start': 'cut_outs'},
    'backgrounds': {'rgb': 'images', 'thermal': 'images'},
}


def table(name: str, rows: Iterable[tuple[object, ...]]) -> NDArray[np.void]:
    """Return rows as a table of DTYPES."""
    return np.array(list(rows), DTYPES[name])


def joined(parts: list[Tables]) -> Tables:
    """Return the tables of several parts as one, whose pixels lie one after the other."""
    length = dict.fromkeys(DTYPES, 0)
    pixels = 0
    moved: list[Tables] = []
    for part in parts:
        own = {name: part[name].copy() for name in DTYPES}
        own['images']['offset'] += pixels
        for name, pointers in _POINTERS.items():
            for field, to in pointers.items():
                column = own[name][field]
                column[column >= 0] += length[to]
        moved.append(own)
        pixels += size(part)
        length = {name: length[name] + len(rows) for name, rows in own.items()}
    return {name: np.concatenate([part[name] for part in moved]) for name in DTYPES}


def size(tables: Tables) -> int:
    """Return how many bytes the images of the tables have."""
    images = tables['images']
    return int((images['height'].astype(np.int64) * images['width'] * images['channels']).sum())
