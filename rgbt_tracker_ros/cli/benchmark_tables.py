# SPDX-License-Identifier: Apache-2.0
"""What `rgbt-tracker benchmark` shows on the console."""
from __future__ import annotations

from typing import Any

_NODES = {
    'plain': 'only pairs the topics', 'idle': 'ours without its network', 'network': 'ours'}
_PARTS = ('receive', 'sync', 'wait', 'convert', 'prepare', '  normalize', 'follow', '  crop',
          '  backend', 'publish', 'transport_out')
"""Parts of the latency in their order; indented ones are parts of the one before."""


def show(report: dict[str, Any]) -> None:
    """Show a report of the benchmark as tables."""
    from rgbt_tracker_ros.cli.console import console

    console().print(_times(
        f'{report["model"]} by {report["backend"]}, {report["frames"]} pairs', 'stage',
        report['milliseconds'], bold=('total',)))
    if 'ros' in report:
        node = report['ros']
        console().print(_nodes(node))
        for name in ('idle', 'network'):
            split = node[name]['split_ms']
            console().print(_times(f'{name}: from stamp to detections', 'part', {
                part: split[key] for part in _PARTS if (key := f'{part.strip()}_ms') in split}))
        console().print(_times('parameter services while tracking', 'service',
                               node['parameter_answers_ms']))
    console().print(f'{report["cpu"]}, {report["usable_cores"]} cores', soft_wrap=True)


def _times(title: str, kind: str, rows: dict[str, dict[str, float]],
           bold: tuple[str, ...] = ()) -> Any:
    from rich.table import Table

    columns = [name for name in ('mean', 'p50', 'p95', 'p99', 'max')
               if all(name in row for row in rows.values())]
    table = Table(title=title)
    table.add_column(kind)
    for name in columns:
        table.add_column(f'{name} ms', justify='right')
    for name, row in rows.items():
        table.add_row(name.replace('_', ' '),
                      *(f'{row[column]:.2f}' for column in columns),
                      style='bold' if name in bold else '')
    return table


def _nodes(node: dict[str, Any]) -> Any:
    """Return the three nodes beside each other."""
    from rich.table import Table

    ratio = node['overhead_ratio']['p50']
    table = Table(title=f'overhead (latency minus backend) at {node["rate"]:g} Hz, ms; '
                  f'p50 of idle / plain = {ratio:.2f}')
    for column in ('node', 'p50', 'p95', 'p99', 'latency', 'CPU %', 'MiB', 'pairs/s', 'lost'):
        table.add_column(column, justify='left' if column == 'node' else 'right')
    for name in _NODES:
        found = node[name]
        table.add_row(
            name, *(f'{found["overhead_ms"][share]:.2f}' for share in ('p50', 'p95', 'p99')),
            f'{found["latency_ms"]["p50"]:.2f}', _number(found['cpu_percent']),
            _number(found['memory_mib']), f'{found["pairs_per_s"]:.2f}',
            str(found['frames_sent'] - found['frames']))
    table.caption = '; '.join(f'{name}: {text}' for name, text in _NODES.items()) + \
        f'. plain is made of {node["plain_made_of"]}; CPU is in percent of one core'
    return table


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.0f}'
