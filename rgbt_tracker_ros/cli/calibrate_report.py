# SPDX-License-Identifier: Apache-2.0
"""What `rgbt-tracker calibrate` says."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def show(facts: Mapping[str, Any]) -> None:
    """Print calibration errors and success rates by material, and what follows from them.

    Parameters
    ----------
    facts
        As written by `--json`.

    """
    from rich.table import Table

    from rgbt_tracker_ros.cli.console import console

    before, after = facts['before'], facts['after']
    table = Table(title=f'score of {facts["model"]}: calibration error (ECE) and SR')
    table.add_column('sequences', no_wrap=True)
    for name in ('frames', 'right %', 'ECE', 'was', 'SR', 'was'):
        table.add_column(name, justify='right')
    for name, row in after['materials'].items():
        old = before['materials'][name]
        table.add_row(f'{name} ({row["sequences"]})', *_cells(row, old), *(
            '-' if each['sr'] is None else f'{each["sr"]:.3f}' for each in (row, old)))
    table.add_section()
    table.add_row('all frames', *_cells(after, before), '', '', style='bold')
    console().print(table)
    old, new = (facts['calibration'][when] for when in ('before', 'after'))
    if old == new:
        console().print(f'kept: scale {old["scale"]:.3f}, bias {old["bias"]:.3f}; none that was '
                        'tried is better')
    else:
        console().print(
            f'scale {new["scale"]:.3f}, bias {new["bias"]:.3f} (before {old["scale"]:.3f}, '
            f'{old["bias"]:.3f}); fitted on the other tracks, each track alone: ECE '
            f'{facts["held_out_ece"]:.3f}', soft_wrap=True)
    console().print(f'ECE in bins with equally many frames: {after["ece_even"]:.3f}')
    cost = facts['lost_threshold']
    best = max(cost['worths'], key=lambda row: float(row['worth']))
    near = min(cost['worths'], key=lambda row: abs(row['threshold'] - cost['threshold']))
    console().print(
        f'target.lost_threshold: {cost["threshold"]:.2f} follows from a wrong box that costs '
        f'{cost["wrong_cost"]:g} right ones ({cost["in_use"]:g} is in use). On these frames '
        f'{near["threshold"]:.2f} is worth {near["worth"]:.4f} right boxes a frame, '
        f'{best["threshold"]:.2f} the most, {best["worth"]:.4f}', soft_wrap=True)


def _cells(row: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    if 'ece' not in row:
        return ['0', '-', '-', '-']
    return [str(row['frames']), f'{100 * row["right"]:.1f}', f'{row["ece"]:.3f}',
            f'{old["ece"]:.3f}']
