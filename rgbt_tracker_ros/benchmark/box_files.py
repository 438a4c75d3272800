# SPDX-License-Identifier: Apache-2.0
"""Text files of boxes, one per line, as trackers and tool kits write them.

Commas, semicolons, blanks and tabs separate; a byte-order mark, Windows line ends and blank lines
are no matter. A line of four numbers is x,y,w,h; of eight, the corners of a box, as RGBT234's
trackers write it.
"""
from __future__ import annotations

from pathlib import Path
import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError

Floats = NDArray[np.float64]
Layout = Literal['xywh', 'ltrb']
LAYOUTS: tuple[Layout, ...] = ('xywh', 'ltrb')

_EMPTY_FIELD = re.compile(r'[,;][ \t]*[,;]')
_SEPARATORS = str.maketrans(',;\t', '   ')
_SHOWN = 60


def parse_boxes(text: str, name: str, corners: bool = True) -> Floats:
    """Return N x 4 or, if `corners` are allowed, N x 8 numbers.

    Parameters
    ----------
    text
        What the file holds.
    name
        Of the file, for messages.
    corners
        Whether lines of eight numbers are accepted.

    Raises
    ------
    InputError
        If there is no box, or a line is not four numbers (or all lines eight).

    """
    lines = text.lstrip('\ufeff').translate(_SEPARATORS).splitlines()
    first = next((line.split() for line in lines if line.strip()), [])
    if not first:
        raise InputError(f'{name} is empty: one line x,y,w,h per frame is needed')
    size = 8 if corners and len(first) == 8 else 4
    boxes = _numbers(lines)
    if boxes is None or boxes.shape[1] != size or _EMPTY_FIELD.search(text):
        raise InputError(_first_fault(name, text.lstrip('\ufeff').splitlines(), size))
    return boxes


def read_boxes(path: Path) -> Floats:
    """Read a file of `x,y,w,h` lines; nan is allowed.

    Raises
    ------
    InputError
        If the file is missing, empty, or a line is not four numbers.

    """
    try:
        text = path.read_text(encoding='utf-8')
    except OSError as error:
        raise InputError(f'{path} cannot be read ({error.strerror}): give a file of x,y,w,h') \
            from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is no text: give a file of x,y,w,h') from error
    return parse_boxes(text, str(path), corners=False)


def as_xywh(boxes: Floats, layout: Layout = 'xywh') -> Floats:
    """Return boxes x, y, w, h.

    Parameters
    ----------
    boxes
        N x 4, or N x 8 corners x1, y1 .. x4, y4 in any order.
    layout
        What four numbers are: `xywh`, or `ltrb` for left, top, right, bottom.

    """
    if boxes.shape[1] == 8:
        points = boxes.reshape(-1, 4, 2)
        low, high = points.min(axis=1), points.max(axis=1)
        return np.hstack([low, high - low])
    if layout == 'ltrb':
        return np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    return boxes


def format_boxes(boxes: Floats) -> str:
    """Return the text of a file of boxes, which `parse_boxes` reads back exactly."""
    return ''.join(','.join(repr(value) for value in row) + '\n' for row in boxes.tolist())


def _numbers(lines: list[str]) -> Floats | None:
    """Return a table of numbers, None if it is none; NumPy's parser is the fastest there is."""
    try:
        return np.loadtxt(lines, np.float64, comments=None, ndmin=2)
    except ValueError:
        return None


def _first_fault(name: str, lines: list[str], size: int) -> str:
    expected = 'x,y,w,h' if size == 4 else '8 numbers (the corners of a box), as the first line is'
    number, line = next((number, line) for number, line in enumerate(lines, 1)
                        if line.strip() and not _is_box(line, size))
    shown = line if len(line) <= _SHOWN else line[:_SHOWN] + '...'
    return f'{name} line {number}: {shown!r} is not {expected}'


def _is_box(line: str, size: int) -> bool:
    plain = line.translate(_SEPARATORS)
    box = _numbers([plain]) if plain.strip() else None
    return box is not None and box.shape == (1, size) and not _EMPTY_FIELD.search(line)
