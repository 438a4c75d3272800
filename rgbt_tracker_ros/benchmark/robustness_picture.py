# SPDX-License-Identifier: Apache-2.0
"""One picture of what corruptions cost."""
from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from rgbt_tracker_ros.errors import InputError

_DPI = 110
_COLORS = ('#9cc9ea', '#4a8fd0', '#1f4e8c', '#8a8a8a')
"""From the lowest level to the highest."""

_HIGH = 0.8


def draw(report: Mapping[str, Any], path: Path) -> None:
    """Draw the success rate by corruption and level, beside that of the clean sequences.

    Parameters
    ----------
    report
        Of `robustness.robustness_report`, with `model` and `modality`.
    path
        A PNG or any other format of matplotlib.

    Raises
    ------
    InputError
        If matplotlib is not installed or cannot write there.

    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f'--picture {path}: needs matplotlib: pip install matplotlib') from error
    clean, *rows = report['rows']
    groups = [(name, list(group)) for name, group in
              groupby(rows, lambda row: str(row['corruption']))]
    figure = Figure(figsize=(8.5, 0.55 * len(groups) + 1.5), dpi=_DPI, layout='constrained')
    axes = figure.subplots()
    for line, (_, group) in enumerate(groups):
        thick = _HIGH / len(group)
        for number, row in enumerate(group):
            height = line - _HIGH / 2 + (number + 0.5) * thick
            axes.barh(height, row['sr'], 0.92 * thick,
                      color=_COLORS[min(number, len(_COLORS) - 1)])
            axes.text(0.006, height, f'{row["level"]:g} {row["unit"]}', fontsize=6.5,
                      va='center', color='#222222' if number == 0 else '#ffffff')
    axes.axvline(clean['sr'], color='#2f9e62', linewidth=1.2,
                 label=f'without corruption: {clean["sr"]:.3f}')
    axes.set_yticks(range(len(groups)), [name for name, _ in groups])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.margins(y=0.01)
    axes.set_xlabel(f'success rate (SR) of {Path(report["model"]).name}, {report["modality"]}')
    axes.spines[['top', 'right']].set_visible(False)
    figure.legend(loc='outside upper right', frameon=False)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f'--picture {path} cannot be written: {error}') from error
