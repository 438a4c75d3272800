# SPDX-License-Identifier: Apache-2.0
"""What a training tells of itself: `log.csv`, and its curves as `log.png`."""
from __future__ import annotations

from collections.abc import Sequence
import csv
import os
from pathlib import Path

_COLUMNS = 3
_DPI = 90


class TrainingLog:
    """A table of means since the line before it, one line every few steps.

    Parameters
    ----------
    file
        The table; lines of an earlier run are kept as far as that is gone on with.
    names
        Of the figures beside the step.
    step
        The last step that has been done.

    """

    def __init__(self, file: Path, names: Sequence[str], step: int) -> None:
        self._file, self._names = file, ('step', *names)
        # Steps after the last checkpoint are done, and written, once more.
        self._rows = [row for row in self._read() if row[0] <= step]
        partial = file.with_suffix('.csv.partial')
        with partial.open('w', newline='') as table:
            writer = csv.writer(table)
            writer.writerow(self._names)
            writer.writerows(map(_text, self._rows))
        os.replace(partial, file)

    def add(self, step: int, values: Sequence[float]) -> None:
        """Write a line."""
        self._rows.append([float(step), *values])
        with self._file.open('a', newline='') as table:
            csv.writer(table).writerow(_text(self._rows[-1]))

    def draw(self) -> None:
        """Draw the curves beside the table, once there is more than a point of each.

        Machines that only train may do without Matplotlib; the table tells the same.
        """
        if len(self._rows) < 2:
            return
        try:
            from matplotlib.figure import Figure
        except ModuleNotFoundError:
            return

        names = self._names[1:]
        columns = min(_COLUMNS, len(names))
        lines = -(-len(names) // columns)
        figure = Figure(figsize=(3.6 * columns, 2.2 * lines), dpi=_DPI, layout='constrained')
        panels = figure.subplots(lines, columns, squeeze=False, sharex=True).ravel()
        steps, *curves = zip(*self._rows, strict=True)
        for panel, name, curve in zip(panels, names, curves, strict=False):
            panel.plot(steps, curve, color='#1f4e8c', linewidth=0.9)
            panel.set_title(name, fontsize=8)
            panel.tick_params(labelsize=7)
            panel.grid(alpha=0.3)
        for panel in panels[max(0, len(names) - columns):len(names)]:
            panel.tick_params(labelbottom=True)        # also over a place that stays empty
        for panel in panels[len(names):]:
            panel.set_axis_off()
        picture = self._file.with_suffix('.png')
        partial = picture.with_suffix('.png.partial')
        figure.savefig(partial, format='png')
        os.replace(partial, picture)

    def _read(self) -> list[list[float]]:
        """Return the whole lines of the table, up to the first that is torn."""
        if not self._file.exists():
            return []
        rows = []
        with self._file.open(newline='') as table:
            for number, row in enumerate(csv.reader(table)):
                if number == 0:
                    continue
                try:
                    values = [float(value) for value in row]
                except ValueError:
                    break
                if len(values) != len(self._names):
                    break
                rows.append(values)
        return rows


def _text(row: Sequence[float]) -> list[str]:
    return [f'{row[0]:.0f}', *(f'{value:.4f}' for value in row[1:])]
