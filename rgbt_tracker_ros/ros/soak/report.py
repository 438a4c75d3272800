# SPDX-License-Identifier: Apache-2.0
"""What a soak test found: figures, and the same in words."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rgbt_tracker_ros.ros.soak.growth import growth
from rgbt_tracker_ros.ros.soak.history import History, Sample

_RULES = (
    'Two cameras (640x480 rgb8 and mono16) show a walking person to the tracker node over DDS; '
    'between faults they are left alone for 0.6 to 1 s. Always: the process lives, every number '
    'is finite, every box lies inside its image, every answer has the stamp of an image. While '
    'all is healthy: each pair has exactly one answer, by both cameras, on the target (IoU of '
    '0.5 or more), unless the node itself counted the pair as dropped because it was busy. After '
    'each fault: back to that within 5 s. Memory (the lesser rise of median and 10th percentile) '
    'grows by 5 % at most, threads by 2, between the fifth of the time after a warm-up (the first '
    'tenth) and the last fifth; in tests of less than ten minutes memory by 30 %.')

_EVERY_S = 10.0
_MOST_VIOLATIONS = 200


def make_report(history: History, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return all figures, ready for JSON.

    Parameters
    ----------
    history
        What was seen.
    facts
        What was asked for, and the machine.

    """
    begin = history.begin
    return {
        'passed': not history.violations and not history.interrupted,
        'interrupted': history.interrupted,
        'seconds': round(history.end - begin, 1), **facts,
        'pairs': {
            'shown': history.frames, 'in_health': history.healthy,
            'answered': history.answered, 'dropped_and_counted': history.dropped,
            'unanswered': history.healthy - history.answered - history.dropped},
        'latency_ms': _spread([value for _, value in history.latencies], (50, 95, 99)),
        'overlap': _spread(history.overlaps, (50, 5, 0)),
        'process': _process(history.samples),
        'faults': _faults(history),
        'violations': [{'second': round(item.at - begin, 1), 'after': item.fault,
                        'what': item.text} for item in history.violations[:_MOST_VIOLATIONS]],
        'violations_in_all': len(history.violations),
        'course': _course(history.samples, begin),
        'events': [f'{event.begin - begin:.1f} s: {event.name}, {event.end - event.begin:.1f} s; '
                   + ('not back in time' if event.recovery is None
                      else f'back after {event.recovery:.2f} s')
                   for event in history.events]}


def in_words(report: Mapping[str, Any], picture: str) -> str:
    """Return a report as Markdown.

    Parameters
    ----------
    report
        Of `make_report`.
    picture
        Name of the timeline's file.

    """
    verdict = 'passed' if report['passed'] else 'FAILED'
    if report['interrupted']:
        verdict = 'was interrupted'
    lines = [
        '# Soak test', '',
        f'`{report["command"]}` {verdict}: {report["seconds"] / 60:.1f} minutes, '
        f'{sum(row["times"] for row in report["faults"].values())} faults of '
        f'{len(report["faults"])} kinds, {report["violations_in_all"]} violations.', '',
        _RULES, '',
        f'![What happened over time]({picture})', '',
        '| | |', '|---|---|', *(f'| {name} | {value} |' for name, value in figures(report)), '',
        '## Faults', '',
        'Back to normal: tracking, by both cameras, on the target; counted from the end of the '
        'fault.', '',
        '| fault | times | back after, median s | longest s |', '|---|---|---|---|']
    for kind, row in report['faults'].items():
        median, longest = ('-' if row[key] is None else f'{row[key]:.2f}'
                           for key in ('recovery_median_s', 'recovery_longest_s'))
        lines.append(f'| {kind} | {row["times"]} | {median} | {longest} |')
    if report['violations']:
        lines += ['', '## Violations', '']
        lines += [f'- {item["second"]:.1f} s, after {item["after"] or "the start"}: '
                  f'{item["what"]}' for item in report['violations']]
    versions = ', '.join(f'{name} {value}' for name, value in report['versions'].items())
    return '\n'.join([*lines, '', f'{report["cpu"]}, {report["usable_cores"]} cores; '
                      f'model {report["model"]}; {versions}.', ''])


def figures(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the figures that matter, in words."""
    pairs, process = report['pairs'], report['process']
    rows = [
        ('pairs shown', f'{pairs["shown"]} at {report["rate"]:g} Hz'),
        ('of them while all was healthy', str(pairs['in_health'])),
        ('answered exactly once', str(pairs['answered'])),
        ('dropped and counted by the node (busy)', str(pairs['dropped_and_counted'])),
        ('without an answer', str(pairs['unanswered']))]
    for name, key, form in (('image to detection, ms', 'latency_ms', '.1f'),
                            ('overlap (IoU) with the true box', 'overlap', '.2f')):
        if report[key]:
            rows.append((name, ', '.join(f'{part} {value:{form}}'
                                         for part, value in report[key].items())))
    if process:
        least, middle = process['least_memory_mib'], process['median_memory_mib']
        rows.append(('memory (p10), early and late',
                     f'{least[0]:.0f} and {least[1]:.0f} MiB'))
        rows.append(('memory (median), early and late', f'{middle[0]:.0f} and {middle[1]:.0f} '
                     f'MiB, never over {process["most_memory_mib"]:.0f}'))
        rows.append(('growth', f'{process["growth_percent"]:+.1f} %'))
        rows.append(('threads, early and late', ' and '.join(
            f'{value:g}' for value in process['threads'])))
        rows.append(('share of a core', f'{process["cpu_percent"]:.0f} %'))
    return rows


def _faults(history: History) -> dict[str, dict[str, Any]]:
    rows = {}
    for kind in sorted({event.kind for event in history.events}):
        events = [event for event in history.events if event.kind == kind]
        times = [event.recovery for event in events if event.recovery is not None]
        rows[kind] = {
            'times': len(events),
            'recovery_median_s': round(float(np.median(times)), 3) if times else None,
            'recovery_longest_s': round(max(times), 3) if times else None}
    return rows


def _process(samples: Sequence[Sample]) -> dict[str, Any]:
    found = growth(samples)
    if found is None:
        return {}
    used = samples[-1].cpu_s - samples[0].cpu_s
    return {
        'least_memory_mib': [round(value, 1) for value in found.floor],
        'median_memory_mib': [round(value, 1) for value in found.memory],
        'growth_percent': round(100 * found.share, 2),
        'most_memory_mib': round(max(sample.memory_mib for sample in samples), 1),
        'threads': list(found.threads),
        'cpu_percent': round(100 * used / max(samples[-1].at - samples[0].at, 1e-9), 1)}


def _course(samples: Iterable[Sample], begin: float) -> dict[str, list[float]]:
    """Return memory and threads every ten seconds."""
    course: dict[str, list[float]] = {'second': [], 'memory_mib': [], 'threads': []}
    due = begin
    for sample in samples:
        if sample.healthy and sample.at >= due:
            due = sample.at + _EVERY_S
            for name, value in (('second', sample.at - begin), ('memory_mib', sample.memory_mib),
                                ('threads', sample.threads)):
                course[name].append(round(value, 1))
    return course


def _spread(values: Sequence[float], shares: Sequence[int]) -> dict[str, float]:
    return {f'p{share}': round(float(np.percentile(values, share)), 3) for share in shares} \
        if values else {}
