# SPDX-License-Identifier: Apache-2.0
"""The success curves of several trackers in one picture: a colour each, a line style per view."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rgbt_tracker_ros.benchmark.metrics import SUCCESS_THRESHOLDS
from rgbt_tracker_ros.benchmark.protocol.evaluate import Evaluation
from rgbt_tracker_ros.benchmark.report.drawing import drawing, rendered, style_of
from rgbt_tracker_ros.errors import InputError

_LINES = {'rgbt': '-', 'average': '-', 'thermal': (0, (5, 1.5)), 'rgb': (0, (1, 1.2))}


def draw_success(results: Mapping[tuple[str, str], Evaluation], title: str, path: Path) -> None:
    """Draw the success curves, best first in the legend.

    Parameters
    ----------
    results
        By the tracker's name and what it sees: `rgbt`, `rgb`, `thermal` or `average`.
    title
        What was tracked.
    path
        A PNG, or an SVG by its suffix.

    Raises
    ------
    InputError
        If matplotlib is not installed, or the file cannot be written.

    """
    trackers = list(dict.fromkeys(name for name, _ in results))
    views = {view for _, view in results}
    curves = {key: result.scores.mean() for key, result in results.items()}
    convention = next(iter(results.values())).scores.convention
    score = {key: item.scores(convention).sr for key, item in curves.items()}
    with drawing():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8.6, 4.6), layout='constrained')
        axes = figure.subplots()
        for key in sorted(curves, key=lambda key: -score[key]):
            name, view = key
            axes.plot(SUCCESS_THRESHOLDS, 100 * curves[key].success,
                      color=style_of(trackers.index(name)).color,
                      linestyle=_LINES[view] if len(views) > 1 else '-',
                      linewidth=2.2 if view == 'rgbt' else 1.4,
                      label=f'[{100 * score[key]:.1f}] {name}, {_seen(view)}')
        axes.set(xlim=(0, 1), ylim=(0, 100), xlabel='overlap threshold', ylabel='success rate, %',
                 title=f'Success: {title}')
        figure.legend(loc='outside right center', fontsize=8.5)
        content = rendered(figure)
    suffix = path.suffix.removeprefix('.').lower()
    if suffix not in content:
        raise InputError(f'--picture {path}: give a name that ends in .png or .svg')
    try:
        path.write_bytes(content[suffix])
    except OSError as error:
        raise InputError(f'--picture {path} cannot be written ({error.strerror})') from error


def _seen(view: str) -> str:
    return {'rgbt': 'RGB + thermal', 'rgb': 'RGB'}.get(view, view)
