# SPDX-License-Identifier: Apache-2.0
"""What `gpu-check` does, cut into tasks of which each runs in a process of its own."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from rgbt_tracker_ros.errors import InputError

Kind = Literal['export', 'reference', 'model', 'part', 'scan']

FAMILIES = ('unified', 'tpf', 'ckd', 'patrack', 'ainet')

RUNTIMES = {
    'onnxruntime-cpu': 'ONNX Runtime on the CPU, float32: what all others are compared with',
    'onnxruntime-cuda': 'ONNX Runtime, CUDA provider',
    'onnxruntime-tensorrt': 'ONNX Runtime, TensorRT provider',
    'tensorrt-fp32': 'TensorRT, float32', 'tensorrt-fp16': 'TensorRT, half precision',
    'rtx-fp32': 'TensorRT-RTX, float32', 'rtx-fp16': 'TensorRT-RTX, half precision',
    'torch-eager': 'the network in PyTorch',
    'torch-graphs': 'the network in PyTorch, as a CUDA graph',
    'torch-compile': 'torch.compile', 'torch-compile-graphs': 'torch.compile, as a CUDA graph',
    'torch-backend': 'the backend torch: the ONNX graph in PyTorch'}

PARTS = ('scans', 'attention')
"""Parts of AINet: all its S6 scans with their projections, and all blocks of its trunk."""

PART_RUNTIMES = {
    'onnxruntime-cuda': 'ONNX Runtime, CUDA provider', 'tensorrt-fp32': 'TensorRT, float32',
    'rtx-fp32': 'TensorRT-RTX, float32', 'torch-eager': 'PyTorch, plain operators',
    'torch-graphs': 'PyTorch, plain operators, as a CUDA graph',
    'torch-kernels': 'PyTorch with the scan kernel that is installed'}

SCANS = {'ssd-quadratic': 'SSD, one matrix', 'ssd-chunked': 'SSD in chunks',
         's6-two-level': 'S6 in plain operators', 's6-sequential': 'S6 step by step',
         's6-mamba-ssm': 'S6 by the kernel of mamba-ssm', 's6-triton': 'S6 by our Triton kernel'}

SHAPES = {'adapter': (2, 1024, 64, 16), 'ainet-layer': (1, 320, 768, 16),
          'ainet-all-layers': (3, 3072, 1536, 16)}
"""Batch, length, channels and states of the scans in TPF's adapter and AINet's modules."""


ON_CPU = ('onnxruntime-cpu', 'torch-eager', 'torch-compile', 'torch-backend', 'ssd-quadratic',
          'ssd-chunked', 's6-two-level', 's6-sequential')
"""Run times and scans that also run without a GPU."""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do.

    Attributes
    ----------
    kind
        `export` writes a bundle, `reference` its outputs on the CPU, `model` runs it, `part` runs
        a part of AINet, and `scan` a scan alone.
    subject
        Family, part or shape.
    variant
        Run time, form of a scan, or precision of an export.

    """

    kind: Kind
    subject: str
    variant: str

    @property
    def name(self) -> str:
        """Return its name in reports and for `--only`."""
        return f'{self.kind}:{self.subject}:{self.variant}'

    def row(self) -> dict[str, Any]:
        """Return its entries of a report."""
        return asdict(self)


def plan(families: Sequence[str], only: Iterable[str] = (), *, networks: bool = True,
         cpu: bool = False) -> list[Task]:
    """Return the tasks that measure, in the order in which they are worth doing.

    Parameters
    ----------
    families
        Whose models are run.
    only
        Patterns of which one must fit a task's name, as in `model:unified:*`; empty = all.
    networks
        False where there are no networks, only a bundle: parts and scans are left out.
    cpu
        Leave out what needs a GPU.

    Raises
    ------
    InputError
        If a pattern fits no task.

    """
    tasks = [Task('model', family, runtime) for family in families for runtime in RUNTIMES]
    if networks:
        tasks += [Task('scan', shape, form) for shape in SHAPES for form in SCANS]
        tasks += [Task('part', part, runtime) for part in PARTS for runtime in PART_RUNTIMES]
    # Compiling unrolled scans takes minutes.
    tasks.sort(key=lambda task: task.variant.startswith('torch-compile'))
    patterns = list(only)
    for pattern in patterns:
        if not any(_fits(task, pattern) for task in tasks):
            raise InputError(f'--only {pattern}: no task has such a name: give part of one, as in '
                             f'{tasks[0].name}, tensorrt or "scan:*"')
    return [task for task in tasks
            if (not cpu or task.variant in ON_CPU) and (
                not patterns or any(_fits(task, pattern) for pattern in patterns))]


def _fits(task: Task, pattern: str) -> bool:
    return fnmatchcase(task.name, pattern) or pattern in task.name
