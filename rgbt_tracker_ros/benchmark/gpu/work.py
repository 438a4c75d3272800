# SPDX-License-Identifier: Apache-2.0
"""The process that does one task: python -m ...work REQUEST.json RESULT.json."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import sys
from time import perf_counter
from typing import Any

from rgbt_tracker_ros.benchmark.gpu.tasks import Task
from rgbt_tracker_ros.benchmark.gpu.timing import Effort, gpu_times, host_times
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.inference.bundle import load_bundle


@dataclass(frozen=True, slots=True)
class Setting:
    """What all tasks of a run have in common.

    Attributes
    ----------
    folder
        Where bundles, engines and references are kept from task to task.
    bundle
        A bundle in place of the families' own; empty = none.
    quick
        Small networks and few calls.
    cpu
        Run on the CPU what can.

    """

    folder: str
    bundle: str = ''
    quick: bool = False
    cpu: bool = False

    def model(self, family: str, precision: str = 'fp32') -> Path:
        """Return the folder of a family's bundle."""
        return Path(self.bundle or Path(self.folder) / f'{family}-{precision}')

    def reference(self, family: str) -> Path:
        """Return the file of what a family's bundle gives on the CPU."""
        return Path(self.folder) / f'{family}.npz'

    @property
    def effort(self) -> Effort:
        """Return how long to measure."""
        return Effort(5, 0.3, 1) if self.quick else Effort()


def do(task: Task, setting: Setting) -> dict[str, Any]:
    """Do a task; return its entries of the report. Raises what the task raises."""
    return _DO[task.kind](task, setting)


def _export(task: Task, setting: Setting) -> dict[str, Any]:
    from rgbt_tracker_ros.benchmark.gpu import models

    begin = perf_counter()
    folder = setting.model(task.subject, task.variant)
    models.export(task.subject, task.variant, folder, quick=setting.quick)
    return {'seconds': perf_counter() - begin, **models.bundle_facts(folder)}


def _reference(task: Task, setting: Setting) -> dict[str, Any]:
    from rgbt_tracker_ros.benchmark.gpu import models

    folder = setting.model(task.subject)
    by = models.write_reference(load_bundle(folder), setting.reference(task.subject))
    return {'by': by, **models.bundle_facts(folder)}


def _model(task: Task, setting: Setting) -> dict[str, Any]:
    from rgbt_tracker_ros.benchmark.gpu import models
    from rgbt_tracker_ros.benchmark.gpu.contenders import Place, contender

    half = setting.model(task.subject, 'fp16' if task.variant.endswith('fp16') else 'fp32')
    place = Place(load_bundle(setting.model(task.subject)), load_bundle(half),
                  Path(setting.folder) / 'engines', setting.cpu, setting.quick)
    free, begin = _free_memory(), perf_counter()
    made = contender(task.variant, task.subject, place)
    result: dict[str, Any] = {'ready_s': perf_counter() - begin, 'notes': list(made.notes)}
    result.update(models.errors(made.search(), setting.reference(task.subject)))
    result['host_ms'] = host_times(made.search, setting.effort)
    result['memory_mib'] = _taken(free)
    for name, step in (('gpu_ms', made.step), ('gpu_without_graph_ms', made.without_graph)):
        if step is not None:
            result[name] = gpu_times(step.call, step.clock, setting.effort)
    if made.step is not None:
        result['outside_ms'] = result['host_ms']['p50'] - result['gpu_ms']['p50']
    return result


def _part(task: Task, setting: Setting) -> dict[str, Any]:
    from rgbt_tracker_ros.benchmark.gpu.parts import part_step

    whole, step = part_step(task.subject, task.variant, Path(setting.folder),
                            quick=setting.quick, cpu=setting.cpu)
    result = {'host_ms': host_times(whole, setting.effort)}
    if step is not None:
        result['gpu_ms'] = gpu_times(step.call, step.clock, setting.effort)
    return result


def _scan(task: Task, setting: Setting) -> dict[str, Any]:
    from rgbt_tracker_ros.benchmark.gpu.contenders import TorchClock
    from rgbt_tracker_ros.benchmark.gpu.scan_forms import scan
    from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu

    if setting.cpu:
        return {'host_ms': host_times(
            scan(task.subject, task.variant, 'cpu', quick=setting.quick), setting.effort)}
    find_gpu()
    run = scan(task.subject, task.variant, 'cuda', quick=setting.quick)
    from rgbt_tracker_ros.inference.pytorch.replay import captured

    clock = TorchClock()
    result = {'gpu_without_graph_ms': gpu_times(run, clock, setting.effort)}
    # Thousands of small kernels cost the CPU more than the GPU, unless they are one graph.
    result['gpu_ms'] = gpu_times(captured(lambda: (run(),)), clock, setting.effort)
    return result


_DO: dict[str, Callable[[Task, Setting], dict[str, Any]]] = {
    'export': _export, 'reference': _reference, 'model': _model, 'part': _part, 'scan': _scan}


def _free_memory() -> int | None:
    """Return the bytes of the GPU's memory that nobody uses; None where that cannot be known."""
    from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda

    try:
        return Cuda().free_memory()
    except ModelError:
        return None


def _taken(free: int | None) -> float | None:
    now = None if free is None else _free_memory()
    return None if free is None or now is None else (free - now) / 2 ** 20


def request(task: Task, setting: Setting) -> str:
    """Return what `main` reads."""
    return json.dumps({'task': task.row(), 'setting': asdict(setting)})


def main(asked: Path, answer: Path) -> None:
    """Do what is asked; write the result, or the reason why there is none."""
    content = json.loads(asked.read_text(encoding='utf-8'))
    begin = perf_counter()
    try:
        result = {'status': 'ok', **do(Task(**content['task']), Setting(**content['setting']))}
    except (ModelError, InputError) as error:
        result = {'status': 'failed', 'reason': str(error)}
    # Each run time has exceptions of its own, and each version its surprises.
    except Exception as error:
        result = {'status': 'failed', 'reason': f'{type(error).__name__}: {error}'[:1000]}
    result['wall_s'] = perf_counter() - begin
    answer.write_text(json.dumps(result), encoding='utf-8')


if __name__ == '__main__':
    main(Path(sys.argv[1]), Path(sys.argv[2]))
