# SPDX-License-Identifier: Apache-2.0
"""What the benchmark shows of a report."""
from __future__ import annotations

from rgbt_tracker_ros.cli.benchmark_tables import show
from rgbt_tracker_ros.cli.console import console

ROW = {'mean': 1.25, 'p50': 1.25, 'p95': 2.5, 'p99': 3.75}
PARTS = ('receive', 'sync', 'wait', 'convert', 'prepare', 'normalize', 'follow', 'crop',
         'backend', 'publish', 'transport_out')


def node(cpu: float | None, parts: tuple[str, ...] = PARTS) -> dict[str, object]:
    return {'overhead_ms': ROW, 'latency_ms': {**ROW, 'p50': 17.5}, 'cpu_percent': cpu,
            'memory_mib': None if cpu is None else 240.4, 'pairs_per_s': 29.97,
            'frames_sent': 300, 'frames': 298, 'split_ms': {f'{part}_ms': ROW for part in parts}}


def test_every_figure_has_its_place_in_80_columns():
    with console().capture() as shown:
        show({'model': 'nano', 'backend': 'onnxruntime', 'frames': 9, 'cpu': 'CPU',
              'usable_cores': 2, 'milliseconds': {'search_crop': ROW, 'total': ROW},
              'ros': {'rate': 30.0, 'overhead_ratio': {'p50': 1.27},
                      'plain_made_of': 'message_filters and cv_bridge', 'plain': node(None, ()),
                      'idle': node(14.6), 'network': node(61.0),
                      'parameter_answers_ms': {'get_parameters': {**ROW, 'max': 4.5}}}})
    text = shown.get()
    assert all(len(line) <= 80 for line in text.splitlines())
    for words in ('idle / plain = 1.27', '│ idle    │ 1.25 │ 2.50 │ 3.75 │   17.50 │    15 │ 240',
                  '│   normalize   │', '│ transport out │', '│ get parameters │', '4.50',
                  'message_filters and cv_bridge', '29.97 │    2 │'):
        assert words in ' '.join(text.split('\n')), words
