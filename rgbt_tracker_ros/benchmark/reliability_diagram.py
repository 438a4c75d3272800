# SPDX-License-Identifier: Apache-2.0
"""The reliability diagram: which share of the boxes with a score near p is right."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rgbt_tracker_ros.benchmark.files import replacing
from rgbt_tracker_ros.benchmark.metrics.calibration import BINS
from rgbt_tracker_ros.benchmark.report.drawing import drawing, rendered, style_of
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_EVEN = '#666666'


def reliability_figure(figures: Sequence[tuple[str, Mapping[str, Any]]], title: str) -> Figure:
    """Return the diagram, and below it how many frames each score has.

    Parameters
    ----------
    figures
        Names, and for each what `judged.calibration_figures` returns.
    title
        Heading.

    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 5.0 + 0.21 * len(figures)), layout='constrained')
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot((0, 1), (0, 1), color=_EVEN, linewidth=0.9, linestyle=(0, (1, 2)))
    width = 1 / BINS / max(len(figures), 1)
    for place, (name, one) in enumerate(figures):
        style = style_of(place)
        bars = one['bins']
        upper.plot([bar['confidence'] for bar in bars], [bar['right'] for bar in bars],
                   color=style.color, linestyle=style.line, marker=style.marker,
                   markersize=5, label=f'[{one["ece"]:.3f}] {name}')
        lower.bar([bar['low'] + (place + 0.5) * width for bar in bars],
                  [100 * bar['frames'] / one['frames'] for bar in bars], 0.9 * width,
                  color=style.color)
    upper.set(title=title, xlim=(0, 1), ylim=(0, 1), ylabel='share of boxes with IoU > 0.5')
    lower.set(xlabel='score', ylabel='frames, %', xticks=np.arange(BINS + 1) / BINS)
    figure.legend(*upper.get_legend_handles_labels(), loc='outside lower left',
                  title='[calibration error]', alignment='left', handlelength=3.2)
    return figure


def draw_diagram(figures: Sequence[tuple[str, Mapping[str, Any]]], title: str,
                 path: Path) -> None:
    """Write the diagram as PNG or SVG, as the file's name says.

    Raises
    ------
    InputError
        If `check_diagram` would raise it, or the file cannot be written.

    """
    check_diagram(path)
    with drawing():
        files = rendered(reliability_figure(figures, title))
    with replacing(path) as part:
        part.write_bytes(files[path.suffix.lower()[1:]])


def check_diagram(path: Path) -> None:
    """Refuse what could not be drawn, before the work for it is done.

    Raises
    ------
    InputError
        If the file's name ends with neither .png nor .svg, or matplotlib is not installed.

    """
    if path.suffix.lower() not in ('.png', '.svg'):
        raise InputError(f'--picture {path}: give a name that ends with .png or .svg')
    with drawing():
        pass
