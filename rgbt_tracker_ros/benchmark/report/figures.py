# SPDX-License-Identifier: Apache-2.0
"""The figures of a report: curves, attributes, and speed against accuracy; all in per cent."""
from __future__ import annotations

from collections.abc import Callable
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rgbt_tracker_ros.benchmark.metrics import NORMALIZED_THRESHOLDS, SUCCESS_THRESHOLDS
from rgbt_tracker_ros.benchmark.reliability_diagram import reliability_figure
from rgbt_tracker_ros.benchmark.report.contest import Contest, Entry
from rgbt_tracker_ros.benchmark.report.drawing import drawing, rendered, style_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REAL_TIME = 30.0
"""Frames per second of a usual camera."""

_WIDTH = 5.6
_LINE = 0.21
_LONGEST = 34


def draw_figures(contest: Contest) -> dict[str, dict[str, bytes]]:
    """Return the content of files by figure and suffix; figures without anything are not there.

    They are `success`, `precision`, `normalized`, `attributes`, `radar`, `speed` and
    `reliability`.
    """
    with drawing():
        figures = {name: draw(contest) for name, draw in _FIGURES.items()}
        return {name: rendered(figure) for name, figure in figures.items() if figure is not None}


def _success(contest: Contest) -> Figure:
    label = contest.convention.labels[2]
    figure, axes = _curves(contest, 'success', SUCCESS_THRESHOLDS,
                           lambda entry: entry.mean.sr)
    axes.set(title=f'Success ({label})', xlabel='overlap threshold', ylabel='success rate, %')
    return figure


def _precision(contest: Contest) -> Figure:
    rules = contest.convention
    figure, axes = _curves(contest, 'precision', rules.pixel_thresholds,
                           lambda entry: entry.mean.pr, rules.pixels)
    axes.set(title=f'Precision ({rules.labels[0]} at {rules.pixels:g} px)',
             xlabel='centre error threshold, px', ylabel='precision, %')
    return figure


def _normalized(contest: Contest) -> Figure:
    rules = contest.convention
    figure, axes = _curves(contest, 'normalized', NORMALIZED_THRESHOLDS,
                           lambda entry: entry.mean.npr, rules.npr_at)
    how = 'mean' if rules.npr_at is None else f'at {rules.npr_at:g}'
    axes.set(title=f'Normalised precision ({rules.labels[1]}, {how})',
             xlabel='normalised centre error threshold', ylabel='normalised precision, %')
    return figure


def _curves(contest: Contest, name: str, thresholds: np.ndarray, score: Callable[[Entry], float],
            mark: float | None = None) -> tuple[Figure, Any]:
    figure, axes = _new(3.4, len(contest.entries))
    if mark is not None:
        axes.axvline(mark, color='#666666', linewidth=0.9, linestyle=(0, (1, 2)))
    for place, entry in enumerate(contest.entries):
        style = style_of(place)
        axes.plot(thresholds, 100 * getattr(entry.curves, name), color=style.color,
                  linestyle=style.line, linewidth=1.8,
                  label=f'[{100 * score(entry):.1f}] {_short(entry.name)}')
    axes.set(xlim=(thresholds[0], thresholds[-1]), ylim=(0, 100))
    _legend(figure, axes)
    return figure, axes


def _attributes(contest: Contest) -> Figure | None:
    rows = list(contest.attributes)
    if not rows:
        return None
    rows.sort(key=lambda name: (-len(contest.attributes[name]), name))
    figure, axes = _new(0.8 + 0.26 * len(rows), len(contest.entries))
    table = _by_attribute(contest, rows)
    for row, values in enumerate(table.T):
        axes.plot([values.min(), values.max()], [row, row], color='#bbbbbb', linewidth=2.5,
                  zorder=1)
    for place, (entry, values) in enumerate(zip(contest.entries, table, strict=True)):
        style = style_of(place)
        axes.plot(values, range(len(rows)), linestyle='', marker=style.marker, markersize=6,
                  color=style.color, markeredgecolor='white', markeredgewidth=0.6,
                  label=f'[{100 * entry.mean.sr:.1f}] {_short(entry.name)}')
    axes.set_yticks(range(len(rows)), [f'{name} ({len(contest.attributes[name])})'
                                       for name in rows])
    axes.invert_yaxis()
    axes.set(title=f'{contest.convention.labels[2]} by attribute (number of sequences)',
             xlabel=f'{contest.convention.labels[2]}, %')
    _legend(figure, axes)
    return figure


def _radar(contest: Contest) -> Figure | None:
    rows = sorted(contest.attributes)
    if len(rows) < 3:
        return None
    figure, axes = _new(4.6, len(contest.entries), polar=True)
    table = _by_attribute(contest, rows)
    angles = np.linspace(0, 2 * np.pi, len(rows), endpoint=False)
    for place, (entry, values) in enumerate(zip(contest.entries, table, strict=True)):
        style = style_of(place)
        axes.plot([*angles, angles[0]], [*values, values[0]], color=style.color,
                  linestyle=style.line, linewidth=1.6, marker=style.marker, markersize=4,
                  label=f'[{100 * entry.mean.sr:.1f}] {_short(entry.name)}')
    axes.set_theta_zero_location('N')
    axes.set_theta_direction(-1)
    axes.set_rlabel_position(180 / len(rows))
    axes.set_xticks(angles, [f'{name}\n{low:.0f}-{high:.0f}' for name, low, high in zip(
        rows, table.min(axis=0), table.max(axis=0), strict=True)])
    axes.tick_params(axis='x', pad=9)
    axes.tick_params(axis='y', labelsize=8, labelcolor='#555555')
    axes.set_ylim(0, max(float(table.max()) * 1.05, 1.0))
    axes.set_title(f'{contest.convention.labels[2]} by attribute, % (lowest-highest)', pad=16)
    _legend(figure, axes)
    return figure


def _speed(contest: Contest) -> Figure | None:
    if all(entry.fps is None for entry in contest.entries):
        return None
    figure, axes = _new(3.2, len(contest.entries))
    speeds = [entry.fps for entry in contest.entries if entry.fps is not None]
    for place, entry in enumerate(contest.entries):
        if entry.fps is not None:
            style = style_of(place)
            axes.plot(entry.fps, 100 * entry.mean.sr, style.marker, color=style.color,
                      markersize=9, linestyle='',
                      label=f'[{100 * entry.mean.sr:.1f} at {entry.speed} fps] '
                      f'{_short(entry.name)}')
    axes.set_xscale('log')
    axes.axvline(REAL_TIME, color='#666666', linewidth=0.9, linestyle=(0, (1, 2)))
    low, high = min(*speeds, REAL_TIME) / 1.5, max(*speeds, REAL_TIME) * 1.5
    axes.set_xlim(low, high)
    axes.set_xticks(*_ticks(low, high))
    axes.minorticks_off()
    axes.set(title='Speed and accuracy', ylabel=f'{contest.convention.labels[2]}, %',
             xlabel=f'frames per second (dotted: {REAL_TIME:g}, a usual camera)')
    axes.margins(y=0.2)
    _legend(figure, axes)
    return figure


def _reliability(contest: Contest) -> Figure | None:
    figures = [(_short(entry.name), entry.calibration) for entry in contest.entries
               if entry.calibration is not None]
    return reliability_figure(figures, 'Reliability of the score') if figures else None


_FIGURES: dict[str, Callable[[Contest], Figure | None]] = {
    'success': _success, 'precision': _precision, 'normalized': _normalized,
    'attributes': _attributes, 'radar': _radar, 'speed': _speed, 'reliability': _reliability}
FIGURES = tuple(_FIGURES)


def _new(height: float, entries: int, polar: bool = False) -> tuple[Figure, Any]:
    """Return a figure with room for a legend below its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height + _LINE * entries + 0.3), layout='constrained')
    return figure, figure.add_subplot(projection='polar' if polar else None)


def _legend(figure: Figure, axes: Any) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc='outside lower left', handlelength=3.2)


def _by_attribute(contest: Contest, rows: list[str]) -> np.ndarray:
    """Return the SR in per cent, a line for each tracker and a column for each attribute."""
    return 100 * np.array([[entry.over(contest.attributes[name]).sr for name in rows]
                           for entry in contest.entries])


def _ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    digits = (1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 5, 7)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0 ** power for power in powers for digit in digits
             if low <= digit * 10.0 ** power <= high]
    return ticks, [f'{tick:g}' for tick in ticks]


def _short(name: str) -> str:
    """Return a name that fits; its end stays, which is where versions stand."""
    half = _LONGEST // 2
    return name if len(name) <= _LONGEST else f'{name[:half]}...{name[3 - half:]}'
