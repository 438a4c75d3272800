# SPDX-License-Identifier: Apache-2.0
"""How trackers look in all figures, and figures as files that are the same in each run.

Colours are Okabe and Ito's without yellow, which colour-blind readers tell apart; neighbours also
differ in line and marker, so that a copy in grey can be read.
"""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import io
from typing import TYPE_CHECKING, Any
import warnings

from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#000000', '#e69f00', '#56b4e9')
_LINES = ('-', '--', '-.', ':')
_MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '<', '>')
_DPI = 200
_RULES = {
    'font.family': 'DejaVu Sans', 'font.size': 10, 'axes.spines.top': False,
    'axes.spines.right': False, 'axes.grid': True, 'grid.color': '#dddddd', 'axes.axisbelow': True,
    'legend.frameon': False,
    # Names are no formulas, and text as outlines looks alike on every machine.
    'text.parse_math': False, 'svg.fonttype': 'path', 'svg.hashsalt': 'rgbt_tracker_ros',
}


@dataclass(frozen=True, slots=True)
class Style:
    """Looks of one tracker."""

    color: str
    line: str
    marker: str


def style_of(place: int) -> Style:
    """Return the looks of the tracker at a place of the ranking, from 0."""
    return Style(_COLORS[place % len(_COLORS)], _LINES[place % len(_LINES)],
                 _MARKERS[place % len(_MARKERS)])


@contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib up, whatever the user's own settings are, for making and saving figures.

    Raises
    ------
    InputError
        If it is not installed.

    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputError('drawing needs matplotlib: pip install matplotlib') from error
    with mpl.rc_context(), warnings.catch_warnings():
        # A name in a script that the font lacks is shown by boxes, which is no matter.
        warnings.filterwarnings('ignore', message='Glyph .* missing')
        mpl.rcdefaults()
        mpl.rcParams.update(_RULES)
        yield


def rendered(figure: Figure) -> dict[str, bytes]:
    """Return a figure as the content of a file by suffix: `svg` and `png`."""
    metadata: dict[str, dict[str, Any]] = {
        'svg': {'Date': None, 'Creator': None}, 'png': {'Software': None}}
    files = {}
    for suffix, said in metadata.items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=_DPI, metadata=said)
        files[suffix] = buffer.getvalue()
    return files
