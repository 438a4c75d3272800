# SPDX-License-Identifier: Apache-2.0
"""A picture of a soak test: faults, cameras in use, latency, memory and CPU over time."""
from __future__ import annotations

from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from rgbt_tracker_ros.ros.soak.history import History

_MODE_COLORS = {'rgbt': '#2f9e62', 'rgb': '#e8a33d', 'thermal': '#c2542d', 'none': '#333333'}
_STATE_COLORS = {'tracking': '#2f9e62', 'lost': '#e03131', 'idle': '#999999'}
_BLUE, _FAULT, _BAD = '#1c7ed6', '#8a8a8a', '#e03131'
_MOST_NAMES = 80
_BINS = 300
_DPI = 90


def draw_timeline(path: Path, history: History) -> None:
    """Write the picture as PNG; grey = a fault is about, red = a violation."""
    # Imported here since it takes a second, and figures are made without any display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    begin, length = history.begin, max(history.end - history.begin, 1.0)
    named = len(history.events) <= _MOST_NAMES
    figure = Figure(figsize=(15, 9.5 if named else 7), dpi=_DPI, facecolor='white')
    FigureCanvasAgg(figure)
    rows = figure.subplots(5, 1, sharex=True, height_ratios=(0.4, 0.4, 2, 2, 2))
    _draw_words(rows[0], history, 1, _STATE_COLORS, 'state')
    _draw_words(rows[1], history, 2, _MODE_COLORS, 'cameras')
    _draw_latency(rows[2], history, length)
    samples = history.samples
    if samples:
        seconds = [sample.at - begin for sample in samples]
        rows[3].plot(seconds, [sample.memory_mib for sample in samples], color=_BLUE)
        rows[3].set_ylim(0, 1.15 * max(sample.memory_mib for sample in samples))
        rows[4].plot(seconds[1:], [100 * (after.cpu_s - before.cpu_s) / (after.at - before.at)
                                   for before, after in pairwise(samples)], color=_BLUE)
    rows[3].set_ylabel('memory, MiB')
    rows[4].set(ylabel='% of a core', xlabel='seconds', xlim=(0, length))
    for event in history.events:
        for axes in rows[2:]:
            axes.axvspan(event.begin - begin, event.end - begin, color=_FAULT, alpha=0.25,
                         linewidth=0)
        if named:
            rows[0].text(event.begin - begin, 1.3, event.name, rotation=90, fontsize=6.5,
                         va='bottom', transform=rows[0].get_xaxis_transform())
    for violation in history.violations:
        for axes in rows[2:]:
            axes.axvline(violation.at - begin, color=_BAD, linewidth=1)
    for axes in rows[2:]:
        axes.grid(alpha=0.25)
        axes.spines[['top', 'right']].set_visible(False)
    figure.subplots_adjust(left=0.07, right=0.89, bottom=0.07, top=0.82 if named else 0.97)
    figure.savefig(path, format='png')


def _draw_words(axes: Any, history: History, column: int, colors: dict[str, str],
                label: str) -> None:
    """Draw what a word was over time, as a coloured band."""
    shown = set()
    spoken = [(item[0] - history.begin, item[column]) for item in history.modes]
    groups = [(word, [second for second, _ in group])
              for word, group in groupby(spoken, lambda item: item[1])]
    for word, seconds in groups:
        axes.axvspan(seconds[0], seconds[-1] + 0.03, color=colors.get(word, _FAULT), linewidth=0,
                     label='_' if word in shown else word)
        shown.add(word)
    axes.set_yticks([])
    axes.set_ylabel(label, rotation=0, ha='right', va='center')
    axes.spines[:].set_visible(False)
    if shown:
        axes.legend(loc='center left', bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False,
                    ncols=2, handlelength=1, columnspacing=0.8)


def _draw_latency(axes: Any, history: History, length: float) -> None:
    edges = np.linspace(0, length, _BINS + 1)
    times = np.array([at - history.begin for at, _ in history.latencies])
    values = np.array([value for _, value in history.latencies])
    places = np.clip(np.searchsorted(edges, times) - 1, 0, _BINS - 1)
    filled = [number for number in range(_BINS) if np.any(places == number)]
    centers = (edges[:-1] + edges[1:])[filled] / 2
    for name, share, width in (('median', 50, 1.5), ('longest', 100, 0.7)):
        axes.plot(centers, [np.percentile(values[places == number], share) for number in filled],
                  color=_BLUE, linewidth=width, alpha=1 if share == 50 else 0.5, label=name)
    axes.set_ylim(bottom=0)
    axes.set_ylabel('latency in health, ms')
    axes.legend(loc='upper right', fontsize=8)
