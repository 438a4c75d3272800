# SPDX-License-Identifier: Apache-2.0
"""The half of a pretended TensorRT that builds: a plan is the ONNX file itself."""
from __future__ import annotations

from typing import Any

import onnx
from pretend_shape import Library, Shaped

_KINDS = {'MatMul': 'MATRIX_MULTIPLY', 'Add': 'ELEMENTWISE', 'Mul': 'ELEMENTWISE',
          'ReduceMean': 'REDUCE'}


def add_builder(library: Library) -> None:
    """Add classes whose methods have the names and parameters of the real ones."""

    @library.offered
    class ILogger(Shaped):
        INTERNAL_ERROR, ERROR, WARNING = 0, 1, 2

        def log(self, severity: int, msg: str) -> None:
            raise NotImplementedError

    @library.offered
    class IProgressMonitor(Shaped):
        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            raise NotImplementedError

        def step_complete(self, phase_name: str, step: int) -> bool:
            raise NotImplementedError

        def phase_finish(self, phase_name: str) -> None:
            raise NotImplementedError

    @library.shaped
    class ITensor(Shaped):
        def __init__(self, dtype: Any) -> None:
            self._dtype = dtype

        @property
        def dtype(self) -> Any:
            return self._dtype

    @library.shaped
    class ILayer(Shaped):
        def __init__(self, kind: str, dtype: Any) -> None:
            self._dtype, self._precision = dtype, None
            names = library.enums['LayerType'].__members__
            self._type = library.enums['LayerType'][kind if kind in names else 'SHUFFLE']

        @property
        def type(self) -> Any:
            return self._type

        @property
        def num_outputs(self) -> int:
            return 1

        @property
        def precision(self) -> Any:
            return self._precision

        @precision.setter
        def precision(self, value: Any) -> None:
            self._precision = value

        def get_output(self, index: int) -> Any:
            return ITensor(self._dtype)

    @library.shaped
    class INetworkDefinition(Shaped):
        def __init__(self, flags: int) -> None:
            self._flags, self._content, self._layers, self._outputs = flags, b'', [], 0

        @property
        def num_layers(self) -> int:
            return len(self._layers)

        @property
        def num_outputs(self) -> int:
            return self._outputs

        def get_layer(self, index: int) -> Any:
            return self._layers[index]

    @library.shaped
    class ParserError(Shaped):
        def desc(self) -> str:
            return 'No importer registered for op: Strange'

    @library.offered
    class OnnxParser(Shaped):
        def __init__(self, network: Any, logger: Any) -> None:
            self._network, self._errors = network, 0

        @library.fallible
        def parse(self, model: bytes) -> bool:
            try:
                graph = onnx.load_from_string(model).graph
            except Exception:
                return True         # as the real one does
            self._errors = sum(node.op_type == 'Strange' for node in graph.node)
            half = any(tensor.data_type == onnx.TensorProto.FLOAT16
                       for tensor in graph.initializer)
            dtype = library.enums['DataType'].HALF if half else library.enums['DataType'].FLOAT
            self._network._content, self._network._outputs = model, len(graph.output)
            self._network._layers = [
                ILayer(_KINDS.get(node.op_type, 'SHUFFLE'), dtype) for node in graph.node]
            return not self._errors

        @property
        def num_errors(self) -> int:
            return self._errors

        def get_error(self, index: int) -> Any:
            return ParserError()

    class IHostMemory(bytes):
        pass

    @library.shaped
    class ITimingCache(Shaped):
        def __init__(self, content: bytes) -> None:
            self._content = content

        @library.fallible
        def serialize(self) -> Any:
            return IHostMemory(self._content + b'.')

    @library.shaped
    class IBuilderConfig(Shaped):
        def __init__(self) -> None:
            self._flags, self._limits, self._cache = set(), {}, None
            self._level, self._monitor = 3, None

        def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
            self._limits[pool] = pool_size

        def set_flag(self, flag: Any) -> None:
            self._flags.add(flag)

        @property
        def builder_optimization_level(self) -> int:
            return self._level

        @builder_optimization_level.setter
        def builder_optimization_level(self, value: int) -> None:
            self._level = value

        @property
        def progress_monitor(self) -> Any:
            return self._monitor

        @progress_monitor.setter
        def progress_monitor(self, value: Any) -> None:
            self._monitor = value

        @library.fallible
        def create_timing_cache(self, serialized_timing_cache: bytes) -> Any:
            return None if serialized_timing_cache == b'foreign' else ITimingCache(
                serialized_timing_cache)

        def set_timing_cache(self, cache: Any, ignore_mismatch: bool) -> bool:
            self._cache = cache
            return True

        def get_timing_cache(self) -> Any:
            return self._cache

    @library.offered
    class Builder(Shaped):
        def __init__(self, logger: Any) -> None:
            if not library.gpu.works('Builder'):
                raise TypeError('factory function returned nullptr')
            self._logger = logger

        @library.fallible
        def create_network(self, flags: int = 0) -> Any:
            return INetworkDefinition(flags)

        @library.fallible
        def create_builder_config(self) -> Any:
            return IBuilderConfig()

        @library.fallible
        def build_serialized_network(self, network: Any, config: Any) -> Any:
            library.module.networks.append((network, config))
            monitor, goes_on = config._monitor, True
            if monitor is not None:
                monitor.phase_start('Building', None, 4)
                for step in range(4):
                    monitor.phase_start('Tactics', 'Building', 2)
                    goes_on = goes_on and monitor.step_complete('Tactics', 1)
                    monitor.phase_finish('Tactics')
                    goes_on = goes_on and monitor.step_complete('Building', step)
                monitor.phase_finish('Building')
            if not goes_on:
                self._logger.log(1, 'the build was cancelled')
                return None
            return IHostMemory(library.version.encode() + b'|' + network._content)
