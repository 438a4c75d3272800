# SPDX-License-Identifier: Apache-2.0
"""TensorRT-RTX parses and builds every graph, without a GPU (conftest.py: only where it is)."""
from __future__ import annotations

import re

import onnx
import pytest
from tiny_published import NETWORKS, tiny_bundle

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.inference.bundle import GraphSpec
from rgbt_tracker_ros.inference.engines.tools import BuildRequest
from rgbt_tracker_ros.inference.tensorrt.compiler import Compiler
from rgbt_tracker_ros.inference.tensorrt.library import RTX, imported
from rgbt_tracker_ros.networks.half_precision import halved

SHORTER = {'ainet': {'blocks': 1, 'dfm_steps': 5, 'ofm_steps': 8},
           'tpf': {'blocks': 1, 'search_size': 192}}
"""Few steps of scans, each being some ten operators; but long enough for SSD in chunks."""


def engine(file):
    """Return the engine of a graph, built as fast as can be."""
    request = BuildRequest(GraphSpec(file, '', {}, {}), 'fp32', optimization=0)
    return Compiler(imported(RTX), request).compile(
        lambda text, share: None, lambda: False).plan


@pytest.mark.parametrize('name', NETWORKS)
def test_graphs_build_in_single_and_half_precision(name, tmp_path):
    file = tiny_bundle(name, tmp_path, **SHORTER.get(name, {})) / 'search.onnx'
    assert engine(file)
    onnx.save(halved(onnx.load(str(file))), str(file))
    assert engine(file)


def test_the_shipped_model_builds(capsys):
    assert run(['inspect', 'unified_nano', '--build', '--markdown']) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].endswith('| TensorRT-RTX |')
    assert [row.split(' | ')[1] for row in rows[2:]] == ['template', 'search']
    assert all(re.search(r'\| [\d.]+ MB \|$', row) for row in rows[2:]), rows
