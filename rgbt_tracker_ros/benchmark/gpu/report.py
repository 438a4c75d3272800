# SPDX-License-Identifier: Apache-2.0
"""What came out on a GPU: rows of a report, what they decide, and tables for documentation."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rgbt_tracker_ros.benchmark.gpu.tasks import RUNTIMES, SCANS, Task

FORMAT = 1
Row = dict[str, Any]

WORTH_A_KERNEL = 2.0
"""From here on scans in plain operators cost too much: a plug-in for TensorRT is worth writing."""

_ENGINES = ('tensorrt-fp32', 'tensorrt-fp16', 'rtx-fp32', 'rtx-fp16')


def find(rows: Sequence[Row], task: Task) -> Row | None:
    """Return a task's row."""
    return next((row for row in rows if all(
        row[key] == value for key, value in task.row().items())), None)


def decisions(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures that something is decided by; those without measurements are left out."""
    def time(kind: Any, subject: str, variant: str, which: str = 'gpu_ms') -> float | None:
        row = find(rows, Task(kind, subject, variant))
        times = None if row is None else row.get(which)
        return times['p50'] if times else None

    found: dict[str, Any] = {}
    for family in dict.fromkeys(row['subject'] for row in rows if row['kind'] == 'model'):
        engines = {name: value for name in _ENGINES
                   if (value := time('model', family, name)) is not None}
        fastest = min(engines, key=engines.__getitem__, default=None)
        eager = time('model', family, 'torch-eager')
        entry: Row = {}
        if fastest is not None:
            entry['fastest_engine'] = fastest
            plain = time('model', family, fastest, 'gpu_without_graph_ms')
            if plain is not None:
                entry['cuda_graph_gain'] = plain / engines[fastest]
            row = find(rows, Task('model', family, fastest))
            entry['outside_ms'] = None if row is None else row.get('outside_ms')
            if eager is not None:
                entry['eager_over_engine'] = eager / engines[fastest]
        if entry:
            found[family] = entry
    ratios = {}
    for variant in dict.fromkeys(row['variant'] for row in rows if row['kind'] == 'part'):
        for which in ('gpu_ms', 'host_ms'):
            scans, attention = (time('part', name, variant, which)
                                for name in ('scans', 'attention'))
            if scans is not None and attention:
                ratios[variant] = scans / attention
                break
    if ratios:
        found['scans_over_attention'] = ratios
        engine = [ratios[name] for name in ('tensorrt-fp32', 'rtx-fp32') if name in ratios]
        if engine:
            found['plugin_worth_writing'] = engine[0] > WORTH_A_KERNEL
    return found


def markdown(report: Mapping[str, Any]) -> str:
    """Return the report as a page of tables."""
    return '\n'.join(_lines(report)) + '\n'


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    rows, machine = report['rows'], report['machine']
    gpu = report['gpu']
    yield f'# Run times on {gpu["name"] if gpu else machine["cpu"]}'
    yield ''
    yield f'`{report["command"]}`, {report["begun"]}'
    yield ''
    if gpu:
        yield (f'GPU {gpu["name"]}, compute capability {gpu["capability"]}, driver for CUDA '
               f'{gpu["cuda"]}.')
    else:
        yield f'**No GPU**: {report["no_gpu"]}. What ran, ran on the CPU.'
    yield ' '.join(f'{name} {version},' for name, version in machine['versions'].items())[:-1] \
        + f'; {machine["cpu"]}, {machine["usable_cores"]} cores.'
    yield ''
    if report['quick']:
        yield '**Small networks** (`--quick`): these figures only show that the check works.'
        yield ''
    yield ('Times are medians, in brackets the 95th and 99th percentile. Host: from crops to maps '
           'in memory. GPU: between events in its own stream. Errors are against ONNX Runtime in '
           'float32 on the CPU.')
    for family in dict.fromkeys(row['subject'] for row in rows if row['kind'] == 'model'):
        yield from ['', f'## {family}', '']
        digest = report['bundles'].get(f'{family}-fp32', {}).get('sha256', {}).get('search')
        if digest:
            yield from [f'`search.onnx` {digest[:16]}', '']
        yield ('| run time | host ms | GPU ms | without CUDA graph | outside ms | memory MiB | '
               'ready s | score error | box IoU |')
        yield '|---|---|---|---|---|---|---|---|---|'
        for row in _of(rows, 'model', family):
            name = RUNTIMES[row['variant']]
            if row['status'] != 'ok':
                yield f'| {name} | {_reason(row)} | | | | | | | |'
                continue
            yield '| ' + ' | '.join([
                name, *(_times(row.get(key)) for key in (
                    'host_ms', 'gpu_ms', 'gpu_without_graph_ms')),
                *(_number(row.get(key), form) for key, form in (
                    ('outside_ms', '.2f'), ('memory_mib', '.0f'), ('ready_s', '.1f'),
                    ('score_error', '.1e'), ('box_iou', '.3f')))]) + ' |'
    yield from _plain_table(rows, 'scan', SCANS, 'Scans alone')
    yield from _plain_table(rows, 'part', {}, 'Parts of AINet')
    yield from _decided(report['decisions'])


def _plain_table(rows: Sequence[Row], kind: str, names: Mapping[str, str], title: str,
                 ) -> Iterator[str]:
    chosen = [row for row in rows if row['kind'] == kind]
    if not chosen:
        return
    yield from ['', f'## {title}', '', '| what | form | GPU ms | without CUDA graph | host ms |',
                '|---|---|---|---|---|']
    for row in chosen:
        name = names.get(row['variant'], row['variant'])
        if row['status'] != 'ok':
            yield f'| {row["subject"]} | {name} | {_reason(row)} | | |'
            continue
        yield f'| {row["subject"]} | {name} | ' + ' | '.join(
            _times(row.get(key)) for key in ('gpu_ms', 'gpu_without_graph_ms', 'host_ms')) + ' |'


def _decided(found: Mapping[str, Any]) -> Iterator[str]:
    yield from ['', '## What follows', '']
    for family, entry in found.items():
        if isinstance(entry, Mapping) and 'fastest_engine' in entry:
            facts = [f'{entry[key]:.2f} {words}' for key, words in (
                ('eager_over_engine', 'times as fast as PyTorch'),
                ('cuda_graph_gain', 'times as fast by its CUDA graph'),
                ('outside_ms', 'ms a frame outside of the GPU')) if entry.get(key) is not None]
            yield f'- {family}: {entry["fastest_engine"]}' + ''.join(
                f', {fact}' for fact in facts)
    ratios = found.get('scans_over_attention')
    if ratios:
        yield '- AINet, scans in plain operators over attention blocks: ' + ', '.join(
            f'{name} {ratio:.2f}' for name, ratio in ratios.items())
    if 'plugin_worth_writing' in found:
        yield ('- A scan plug-in for TensorRT '
               + ('is worth writing' if found['plugin_worth_writing'] else 'is not needed')
               + f' (limit {WORTH_A_KERNEL:g})')
    if not found:
        yield 'Nothing: no engine and no part was measured.'


def _of(rows: Sequence[Row], kind: str, subject: str) -> list[Row]:
    return [row for row in rows if row['kind'] == kind and row['subject'] == subject]


def _reason(row: Row) -> str:
    return f'{row["status"]}: {" ".join(str(row.get("reason", "")).split())}'.replace('|', '/')


def _times(times: Mapping[str, float] | None) -> str:
    return f'{times["p50"]:.3f} ({times["p95"]:.3f}, {times["p99"]:.3f})' if times else ''


def _number(value: float | None, form: str) -> str:
    return '' if value is None else format(value, form)
