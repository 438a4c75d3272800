# SPDX-License-Identifier: Apache-2.0
"""What figures of a GPU depend on."""
from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import distributions
from typing import Any

from rgbt_tracker_ros.benchmark.latency import machine
from rgbt_tracker_ros.inference.engines.tools import EngineError
from rgbt_tracker_ros.inference.tensorrt.driver import find_gpu

_PACKAGES = ('torch', 'triton', 'pytorch-triton', 'mamba-ssm', 'causal-conv1d', 'onnx', 'tensorrt',
             'cuda-python', 'cuda-bindings')
_BEGINNINGS = ('onnxruntime', 'tensorrt-rtx', 'tensorrt-cu', 'tensorrt-rtx-cu', 'nvidia-cudnn')


def gpu_facts() -> tuple[dict[str, str] | None, str]:
    """Return the GPU's name, capability and driver, or None and why there is none."""
    try:
        return asdict(find_gpu()), ''
    except EngineError as error:
        return None, str(error)


def machine_facts() -> dict[str, Any]:
    """Return CPU, versions and command."""
    facts = machine()
    for item in distributions():
        # A folder that is no package any more has no name.
        name = str(item.metadata['Name'] or '').lower().replace('_', '-')
        if name in _PACKAGES or name.startswith(_BEGINNINGS):
            facts['versions'][name] = item.version
    return facts
