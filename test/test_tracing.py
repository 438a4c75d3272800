# SPDX-License-Identifier: Apache-2.0
"""Tracing gives the memory of what is computed on the way back."""
from __future__ import annotations

import subprocess
import sys

import onnx

STEPS = 150

# In a process of its own: elsewhere the heap may serve much from what others gave back.
PROGRAM = '''
from pathlib import Path
import resource
import sys
import torch
from rgbt_tracker_ros.networks.tracing import traced

def resident_bytes():
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize()

class Long(torch.nn.Module):
    """Many steps on a tensor of 1 MB, each with a weight that could be learnt."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(512))

    def forward(self, state):
        before = resident_bytes()
        for _ in range(int(sys.argv[2])):
            state = torch.exp(-state * self.weight)
        print(resident_bytes() - before)
        return state

traced(Long(), {'state': torch.rand(512, 512)}, ['end'], Path(sys.argv[1]), 17)
'''


def test_the_steps_of_a_scan_are_not_kept(tmp_path):
    file = tmp_path / 'long.onnx'
    said = subprocess.run([sys.executable, '-c', PROGRAM, str(file), str(STEPS)],
                          capture_output=True, text=True, check=True).stdout
    graph = onnx.load(file).graph
    assert sum(node.op_type == 'Exp' for node in graph.node) == STEPS
    assert int(said.split()[-1]) < STEPS * 2 ** 20 / 5
