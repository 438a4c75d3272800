# SPDX-License-Identifier: Apache-2.0
"""How long the GPU works on a step of an engine."""
from __future__ import annotations

from rgbt_tracker_ros.inference.tensorrt.cuda import Cuda
from rgbt_tracker_ros.inference.tensorrt.engine import TensorRtEngine
from rgbt_tracker_ros.inference.tensorrt.memory import Resources


class Stopwatch:
    """Two CUDA events in an engine's stream.

    Raises
    ------
    EngineError
        From every method if a call of CUDA fails.

    """

    def __init__(self, engine: TensorRtEngine) -> None:
        self._engine, self._cuda = engine, Cuda()
        self._resources = Resources(self._cuda)
        self._begin, self._end = (self._cuda.make_event() for _ in range(2))
        for event in (self._begin, self._end):
            self._resources.add(self._cuda.destroy_event, event)

    def begin(self) -> None:
        """Mark the beginning."""
        self._cuda.record(self._begin, self._engine.stream)

    def milliseconds(self) -> float:
        """Mark the end, wait for it, and return the time in between."""
        self._cuda.record(self._end, self._engine.stream)
        self._engine.wait()
        return self._cuda.milliseconds(self._begin, self._end)

    def close(self) -> None:
        """Free the events; again is no harm."""
        self._resources.close()
