# SPDX-License-Identifier: Apache-2.0
"""One picture of a comparison of synchronisers."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from rgbt_tracker_ros.errors import InputError

_DPI = 110
_COLORS = ('#2f9e62', '#4a8fd0', '#8a8a8a')
_THICK = 0.26


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw right pairs, wrong pairs and time differences per scenario.

    Parameters
    ----------
    report
        `scenarios` as `sync_benchmark.compare` returns them, and `settings`.
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
    rows = report['scenarios']
    figure = Figure(figsize=(9.5, 0.62 * len(rows) + 1.4), dpi=_DPI, layout='constrained')
    pairs, dts = figure.subplots(1, 2, sharey=True)
    for place, name in enumerate(rows[0]['synchronizers']):
        color = _COLORS[place % len(_COLORS)]
        for line, row in enumerate(rows):
            figures = row['synchronizers'][name]
            possible = max(row['possible']['pairs'], 1)
            height = line + (place - 1) * _THICK
            bar = {'height': 0.9 * _THICK, 'color': color, 'label': name if line == 0 else None}
            right, wrong = (100 * figures[key] / possible for key in ('nearest', 'wrong'))
            other = 100 * figures['pairs'] / possible - right
            pairs.barh(height, right, **bar)
            pairs.barh(height, other, left=right, alpha=0.35, height=0.9 * _THICK, color=color)
            pairs.barh(height, wrong, left=right + other, color='#d2504f', height=0.9 * _THICK,
                       label='of different moments' if line == place == 0 else None)
            if figures['mean_dt_ms'] is not None:
                dts.barh(height, figures['mean_dt_ms'], **bar)
                dts.plot([figures['max_dt_ms']], [height], '|', color=color, markersize=9)
    pairs.set_yticks(range(len(rows)), [row['scenario'] for row in rows])
    pairs.invert_yaxis()
    pairs.set_xlabel('pairs, % of the possible (pale: not with the nearest frame)')
    dts.set_xlabel('time difference in the pairs, ms: mean (bar) and largest')
    dts.axvline(1000 * report['settings']['slop'], color='#333333', linewidth=0.8, linestyle=':')
    pairs.axvline(100, color='#333333', linewidth=0.8, linestyle=':')
    figure.legend(*pairs.get_legend_handles_labels(), loc='outside upper center', ncols=4,
                  frameon=False)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise InputError(f'--picture {path} cannot be written: {error}') from error
