# SPDX-License-Identifier: Apache-2.0
"""Compiles an ONNX graph to a plan."""
from __future__ import annotations

from typing import Any

from rgbt_tracker_ros.inference.engines.tools import (
    BuildRequest,
    BuildResult,
    BuildStoppedError,
    EngineError,
    Progress,
    Stop,
)
from rgbt_tracker_ros.inference.tensorrt import precision
from rgbt_tracker_ros.inference.tensorrt.library import RTX, error_log
from rgbt_tracker_ros.inference.tensorrt.progress import monitor

_MOST_ERRORS = 3


class Compiler:
    """One build by one TensorRT.

    Raises
    ------
    EngineError
        If TensorRT cannot make a builder.

    """

    def __init__(self, library: Any, request: BuildRequest) -> None:
        self._library = library
        self._request = request
        self._file = request.graph.file
        self._errors = error_log(library)
        self._builder: Any = self._errors.require(
            'TensorRT gave no builder', lambda: library.Builder(self._errors.logger),
            'does the GPU work (nvidia-smi, Jetson: tegrastats)?')

    def compile(self, progress: Progress, stop: Stop) -> BuildResult:
        """Return the plan.

        Raises
        ------
        EngineError
            If the file cannot be read or parsed, or TensorRT makes no plan of it.
        BuildStoppedError
            When `stop` said so; TensorRT before 10 never asks.

        """
        progress('reading the graph', None)
        # The parser owns the weights that the network refers to: it stays until the end.
        network, _parser = self._parsed()
        config = self._config(network)
        watching = monitor(self._library, progress, stop)
        if watching is not None:
            config.progress_monitor = watching
        if stop():
            raise BuildStoppedError
        progress('building', None)
        try:
            plan = self._errors.require(
                f'{self._file} cannot be built',
                lambda: self._builder.build_serialized_network(network, config),
                'another run time can be chosen by model.backend')
        except EngineError:
            if stop():
                raise BuildStoppedError from None
            raise
        return BuildResult(bytes(plan), self._measured(config))

    def _parsed(self) -> tuple[Any, Any]:
        """Return the network, in the kind that its precision needs, and its parser."""
        library, wanted = self._library, self._request.precision
        typed = precision.typed(library, 'fp32', half=False)
        network, parser = self._parse(typed)
        if typed and not precision.typed(library, wanted, precision.is_half(library, network)):
            return self._parse(typed=False)
        return network, parser

    def _parse(self, typed: bool) -> tuple[Any, Any]:
        library = self._library
        flags = precision.network_flags(library, typed)
        network = self._errors.require(
            'TensorRT gave no network', lambda: self._builder.create_network(flags))
        parser = self._errors.require(
            'TensorRT gave no parser', lambda: library.OnnxParser(network, self._errors.logger))
        try:
            content = self._file.read_bytes()
        except OSError as error:
            raise EngineError(f'{self._file}: {error.strerror or error}') from error
        parsed, = self._errors.require('TensorRT cannot parse', lambda: (parser.parse(content),))
        # What is no ONNX file at all can pass as an empty network.
        if not parsed or network.num_outputs == 0:
            reasons = [parser.get_error(index).desc()
                       for index in range(min(parser.num_errors, _MOST_ERRORS))]
            raise EngineError(f'TensorRT {library.__version__} cannot parse {self._file}: '
                              f'{"; ".join(reasons) or "no reason given"}{self._advice()}')
        return network, parser

    def _config(self, network: Any) -> Any:
        library, request = self._library, self._request
        config: Any = self._errors.require(
            'TensorRT gave no configuration', self._builder.create_builder_config)
        config.set_memory_pool_limit(library.MemoryPoolType.WORKSPACE, request.workspace)
        # From 8.6 on.
        if hasattr(config, 'builder_optimization_level'):
            config.builder_optimization_level = request.optimization
        half = precision.is_half(library, network)
        if not precision.typed(library, request.precision, half) and (
                half or request.precision == 'fp16'):
            precision.allow_half(library, network, config)
        if library.__name__ != RTX:     # which measures nothing when it builds
            for known in (request.timing_cache or b'', b''):
                # An old or foreign cache is refused; an empty one notes what this build measures.
                cache = config.create_timing_cache(known)
                if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
                    break
        return config

    def _measured(self, config: Any) -> bytes | None:
        """Return the timing cache; a build is good without one."""
        cache = None if self._library.__name__ == RTX else config.get_timing_cache()
        memory = None if cache is None else cache.serialize()
        return None if memory is None else bytes(memory)

    def _advice(self) -> str:
        version = self._library.__version__.split('.')
        if version[0] == '8' and int(version[1]) < 6:
            return (': TensorRT 8.5 has no LayerNormalization: export the model with --opset 16, '
                    'or use a newer JetPack')
        return ''
