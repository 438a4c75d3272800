# SPDX-License-Identifier: Apache-2.0
"""Annotation files: one box per line in any of the forms that datasets use."""
from __future__ import annotations

from pathlib import Path
import re

from rgbt_tracker_ros.benchmark.box_files import as_xywh, parse_boxes
from rgbt_tracker_ros.benchmark.datasets.sequence import Boxes
from rgbt_tracker_ros.errors import InputError

# A region of the VOT format that is no box: unknown, or absent.
_SPECIAL = re.compile(r'^[ \t]*\d+[ \t]*$', re.MULTILINE)


def read_annotation(path: Path, corners: bool = False) -> Boxes:
    """Read the ground truth of a sequence.

    Commas, semicolons, blanks and tabs separate. A line has 4 values (x, y, w, h), 8 (the corners
    of a quadrilateral, whose upright frame is taken), or 1: a special region of the VOT format,
    which is no box. Nan is allowed.

    Parameters
    ----------
    path
        The file.
    corners
        Four values are left, top, right, bottom; w and h are their differences.

    Returns
    -------
    N x 4 boxes x, y, w, h; nan where there is none.

    Raises
    ------
    InputError
        If the file is missing, empty or malformed; the message names file and line.

    """
    try:
        text = path.read_text(encoding='utf-8')
    except FileNotFoundError:
        raise InputError(f'{path.name} is missing') from None
    except OSError as error:
        raise InputError(f'{path.name} cannot be read ({error.strerror})') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path.name} is no text') from error
    boxes = parse_boxes(_SPECIAL.sub('nan,nan,nan,nan', text), path.name)
    return as_xywh(boxes, 'ltrb' if corners else 'xywh')
