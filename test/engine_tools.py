# SPDX-License-Identifier: Apache-2.0
"""A run time without a GPU: its engines know what they are of, and it fails when told to."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
import json
import os
from pathlib import Path
import signal
from threading import Event
from time import sleep
from typing import Any

import numpy as np

from rgbt_tracker_ros.inference.bundle import GraphSpec
from rgbt_tracker_ros.inference.engines.tools import (
    BuildRequest,
    BuildResult,
    EngineError,
    EngineTools,
    Platform,
    Progress,
    Stop,
    TensorInfo,
)
from rgbt_tracker_ros.inference.monitor import Monitor

PLATFORM = Platform('fake', '10.3.0', 'Orin', '8.7', '12.6')
TIMINGS = b'measured'


class SegfaultError(BaseException):
    """What happens to a run time that gets bytes which are no engine."""


class FakeEngine:
    """Gives ones, or what its plan says goes wrong."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self.closed = False
        self.tensors = {name: TensorInfo(tuple(shape), 'float32', name in content['inputs'])
                        for key in ('inputs', 'outputs') for name, shape in content[key].items()}
        if content['fault'] == 'other tensors':
            self.tensors.pop(next(iter(content['outputs'])))
        if content['fault'] == 'half outputs':
            name = next(iter(content['outputs']))
            self.tensors[name] = replace(self.tensors[name], dtype='float16')

    def run(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        assert {name: list(value.shape) for name, value in feed.items()} == self.content['inputs']
        if self.content['fault'] == 'run raises':
            raise RuntimeError('an illegal memory access was encountered')
        value = np.nan if self.content['fault'] == 'NaN' else 1
        return {name: np.full(shape, value, np.float32)
                for name, shape in self.content['outputs'].items()}

    def close(self) -> None:
        self.closed = True


@dataclass(frozen=True)
class FakeTools:
    """The run time; builds are noted in a file, so that other processes' count too."""

    log: Path
    here: Platform = PLATFORM
    fault: str = ''
    seconds: float = 0.0

    def platform(self) -> Platform:
        return self.here

    def build(self, request: BuildRequest, progress: Progress, stop: Stop) -> BuildResult:
        with self.log.open('a') as log:
            log.write(f'{os.getpid()} {request.timing_cache!r}\n')
        progress('half', 0.5)
        sleep(self.seconds)
        if self.fault == 'build raises':
            raise EngineError('no implementation of node Scan_7')
        if self.fault == 'build has a bug':
            raise KeyError('Scan_7')
        if self.fault.startswith('SIG'):
            os.write(2, b'cudaMalloc: out of memory')
            os.kill(os.getpid(), getattr(signal, self.fault))
        graph = request.graph
        plan = {'onnx': graph.sha256, 'precision': request.precision, 'fault': self.fault,
                'inputs': graph.inputs, 'outputs': graph.outputs, **asdict(self.here)}
        return BuildResult(json.dumps(plan).encode(), TIMINGS)

    def load(self, plan: bytes) -> FakeEngine:
        try:
            content = json.loads(plan)
        except ValueError:
            raise SegfaultError from None
        if self.fault == 'load crashes':
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == 'load hangs':
            Event().wait()
        if self.fault == 'load refuses' or self.here != Platform(
                **{name: content[name] for name in asdict(self.here)}):
            raise EngineError('serialization version mismatch')
        return FakeEngine(content)

    @property
    def builds(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def build_here(tools: EngineTools, request: BuildRequest, progress: Progress,
               stop: Stop) -> BuildResult:
    """Build without a process of its own."""
    return tools.build(request, progress, stop)


def write_graph(folder: Path, content: bytes = b'weights') -> GraphSpec:
    """Write what passes for a graph."""
    folder.mkdir(exist_ok=True)
    file = folder / 'search.onnx'
    file.write_bytes(content)
    return GraphSpec(file, sha256(content).hexdigest(),
                     {'search_rgb': (1, 3, 4, 4), 'tokens': (1, 2)},
                     {'score_map': (1, 1, 2, 2), 'size_map': (1, 2, 2, 2)})


class Heard:
    """A monitor that notes what it is told."""

    def __init__(self, stop: Callable[[], bool] = lambda: False) -> None:
        self.warnings: list[str] = []
        self.told: list[tuple[str, float | None]] = []
        self.monitor = Monitor(lambda text, share: self.told.append((text, share)),
                               self.warnings.append, stop)
