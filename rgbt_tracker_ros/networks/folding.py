# SPDX-License-Identifier: Apache-2.0
"""Graphs whose shapes are all numbers: what is made of constants only is computed beforehand."""
from __future__ import annotations

from pathlib import Path
import tempfile

import onnx
import onnxruntime

_KEPT_APART = ('MatMulAddFusion',)
"""Fusions left out: a Gemm needs its tokens reshaped to a matrix and back."""


def folded(file: Path) -> onnx.ModelProto:
    """Return an ONNX file's graph with its constants folded.

    Tracing asks for shapes at run time, although all of them are known. ONNX Runtime knows every
    shape and computes what depends on nothing else; what remains are operators of ONNX alone.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    # It loads the graph only to fold it: nothing is run, so threads and memory are not needed.
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    with tempfile.TemporaryDirectory(prefix='rgbt_tracker_') as folder:
        result = Path(folder) / file.name
        options.optimized_model_filepath = str(result)
        onnxruntime.InferenceSession(
            str(file), options, providers=['CPUExecutionProvider'],
            disabled_optimizers=list(_KEPT_APART))
        model = onnx.load(str(result))
    for opset in [opset for opset in model.opset_import if opset.domain]:
        model.opset_import.remove(opset)
    for node in model.graph.node:
        _drop_defaults(node, model.opset_import[0].version)
    return model


def _drop_defaults(node: onnx.NodeProto, opset: int) -> None:
    """Remove the attributes that ONNX Runtime spells out although they have their default."""
    known = onnx.defs.get_schema(node.op_type, opset).attributes
    for item in list(node.attribute):
        default = known[item.name].default_value
        if default.type and _value(default) == _value(item):
            node.attribute.remove(item)


def _value(item: onnx.AttributeProto) -> object:
    return onnx.helper.get_attribute_value(item)
