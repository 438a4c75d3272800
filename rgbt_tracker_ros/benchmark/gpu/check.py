# SPDX-License-Identifier: Apache-2.0
"""Does the tasks of a check one after the other, and goes on where an earlier one ended."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from rgbt_tracker_ros.benchmark.gpu.report import Row, find
from rgbt_tracker_ros.benchmark.gpu.task_process import do_in_process
from rgbt_tracker_ros.benchmark.gpu.tasks import Task
from rgbt_tracker_ros.benchmark.gpu.work import Setting

Do = Callable[[Task, Setting, float], Row]

_LEAST_S = 5.0


@dataclass(frozen=True, slots=True)
class Budget:
    """How long tasks may take, seconds: all of them together, and each."""

    total: float
    task: float


def check(tasks: Sequence[Task], setting: Setting, budget: Budget, rows: list[Row], *,
          do: Do = do_in_process) -> Iterator[tuple[Task, Row | None]]:
    """Do tasks, each with what must come before it; yield a task before (None) and after it.

    Parameters
    ----------
    tasks
        What to measure.
    setting, budget
        How.
    rows
        What is known; a task with an `ok` row is not done again. New rows replace old ones.
    do
        Does a task.

    """
    end = monotonic() + budget.total
    for task in _with_needs(tasks, setting):
        before = find(rows, task)
        if before is not None and before['status'] == 'ok':
            continue
        yield task, None
        left = end - monotonic()
        failed = _failed_need(task, setting, rows)
        if failed is not None:
            result: dict[str, Any] = {
                'status': 'failed', 'reason': f'{failed["kind"]}: {failed.get("reason", "")}'}
        elif left < _LEAST_S:
            result = {'status': 'out of time', 'reason': 'not begun: run the command again'}
        else:
            result = do(task, setting, min(left, budget.task))
        if before is not None:
            rows.remove(before)
        rows.append({**task.row(), **result})
        yield task, rows[-1]


def _needs(task: Task, setting: Setting) -> list[Task]:
    """Return what must be done before a task."""
    if task.kind not in ('model', 'reference'):
        return []
    needs = [] if setting.bundle else [Task('export', task.subject, 'fp32')]
    if task.kind == 'model':
        needs.append(Task('reference', task.subject, 'fp32'))
        if task.variant.endswith('fp16') and not setting.bundle:
            needs.append(Task('export', task.subject, 'fp16'))
    return needs


def _with_needs(tasks: Sequence[Task], setting: Setting) -> list[Task]:
    return list(dict.fromkeys(
        step for task in tasks for step in (*_needs(task, setting), task)))


def _failed_need(task: Task, setting: Setting, rows: Sequence[Row]) -> Row | None:
    found = (find(rows, need) for need in _needs(task, setting))
    return next((row for row in found if row is not None and row['status'] != 'ok'), None)
