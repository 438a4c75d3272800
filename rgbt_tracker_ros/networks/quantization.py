# SPDX-License-Identifier: Apache-2.0
"""Static int8 of one graph: as many nodes as the boxes allow, the most sensitive ones in float."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantType,
    create_calibrator,
)
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from rgbt_tracker_ros.inference.backend import Array

Feed = dict[str, Array]
Outputs = list[Array]

_KINDS = ('Conv', 'MatMul', 'Gemm')
_ERRORS_ONLY = 3
_OPTIONS = {
    # Weights of a product share one scale: some run times cannot read several.
    'QDQOpTypePerChannelSupportToAxis': {'Conv': 0},
    'QuantizeBias': True}


class Int8Graph:
    """Makes int8 variants of a graph whose tensors were ranged once on real inputs.

    Parameters
    ----------
    file
        The graph in single precision.
    feeds
        Inputs to learn the ranges from.
    outputs
        Names of the outputs that count.

    Attributes
    ----------
    nodes
        Names of the nodes that can be quantized: products with constant weights.

    """

    def __init__(self, file: Path, feeds: Sequence[Feed], outputs: Sequence[str]) -> None:
        self._outputs = list(outputs)
        self._model = onnx.load(str(file))
        constant = {item.name for item in self._model.graph.initializer} | {
            node.output[0] for node in self._model.graph.node if node.op_type == 'Constant'}
        products = [node for node in self._model.graph.node
                    if node.op_type in _KINDS and node.input[1] in constant]
        self.nodes = [node.name for node in products]
        self._work = self._multiplications(products, feeds[0])
        with TemporaryDirectory() as folder:
            calibrator = create_calibrator(
                file, list(_KINDS), str(Path(folder) / 'ranged.onnx'),
                calibrate_method=CalibrationMethod.MinMax)
            calibrator.collect_data(_Reader(feeds))
            self._ranges = calibrator.compute_data()

    def quantized(self, nodes: Sequence[str]) -> onnx.ModelProto:
        """Return the graph with these nodes in int8."""
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        if not nodes:
            return model
        quantizer = QDQQuantizer(
            model, True, False, QuantType.QInt8, QuantType.QUInt8, self._ranges, list(nodes), [],
            list(_KINDS), dict(_OPTIONS))
        quantizer.quantize_model()
        made: onnx.ModelProto = quantizer.model.model
        return made

    def run(self, model: onnx.ModelProto, feeds: Sequence[Feed]) -> list[Outputs]:
        """Return the outputs of a variant for each input."""
        session = _session(model)
        return [session.run(self._outputs, feed) for feed in feeds]

    def by_worth(self, feeds: Sequence[Feed],
                 step: Callable[[Iterator[str]], Iterator[str]] = iter) -> list[str]:
        """Return the nodes in order of what int8 saves over the error it makes, the best first.

        Each is tried alone; `step` wraps the loop, for a progress bar.
        """
        exact = self.run(self.quantized(()), feeds)
        worth = {name: self._work[name] / (1e-9 + _error(
            exact, self.run(self.quantized([name]), feeds))) for name in step(iter(self.nodes))}
        return sorted(self.nodes, key=lambda name: -worth[name])

    def most(self, order: Sequence[str], good: Callable[[onnx.ModelProto], bool],
             ) -> tuple[list[str], onnx.ModelProto]:
        """Return as many of the first nodes as are good together, and the graph they make."""
        low, high = 0, len(order)
        best = self.quantized(())
        while low < high:
            middle = (low + high + 1) // 2
            model = self.quantized(order[:middle])
            if good(model):
                low, best = middle, model
            else:
                high = middle - 1
        return list(order[:low]), best

    def _multiplications(self, products: Sequence[Any], feed: Feed) -> dict[str, float]:
        """Return about how many multiplications each node takes."""
        model = self.quantized(())
        names = [node.output[0] for node in products]
        given = {item.name for item in model.graph.output}
        model.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in names if name not in given)
        results = _session(model).run(names, feed)
        weights = {item.name: list(item.dims) for item in model.graph.initializer}
        work = {}
        for node, result in zip(products, results, strict=True):
            sides = weights.get(node.input[1], [1])
            # A convolution's weights are used in every cell, a product's in every row.
            times = result.shape[2:] if node.op_type == 'Conv' else result.shape[:-1]
            work[node.name] = float(np.prod(sides)) * float(np.prod(times))
        return work


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feed | None:
        """Return the next inputs, None at the end."""
        return next(self._feeds, None)


def _session(model: onnx.ModelProto) -> Any:
    options = SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    return InferenceSession(model.SerializeToString(), options,
                            providers=['CPUExecutionProvider'])


def _error(exact: Sequence[Outputs], other: Sequence[Outputs]) -> float:
    """Return the mean relative error of the outputs."""
    return float(np.mean([
        np.linalg.norm(found - wanted) / (np.linalg.norm(wanted) + 1e-9)
        for wanted_all, found_all in zip(exact, other, strict=True)
        for wanted, found in zip(wanted_all, found_all, strict=True)]))
