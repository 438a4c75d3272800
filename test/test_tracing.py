# SPDX-License-Identifier: Apache-2.0
"""Tracing gives the memory of what is computed on the way back."""
from __future__ import annotations

from pathlib import Path
import resource

import onnx
import torch

from rgbt_tracker_ros.networks.tracing import traced

STEPS = 150


def resident_bytes():
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize()


class Long(torch.nn.Module):
    """Many steps on a tensor of 1 MB, each with a weight that could be learnt."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(512))
        self.grown = 0

    def forward(self, state):
        before = resident_bytes()
        for _ in range(STEPS):
            state = torch.exp(-state * self.weight)
        self.grown = resident_bytes() - before
        return state


def test_the_steps_of_a_scan_are_not_kept(tmp_path):
    module = Long()
    traced(module, {'state': torch.rand(512, 512)}, ['end'], tmp_path / 'long.onnx', 17)
    graph = onnx.load(tmp_path / 'long.onnx').graph
    assert sum(node.op_type == 'Exp' for node in graph.node) == STEPS
    assert module.grown < STEPS * 2 ** 20 / 5
