# SPDX-License-Identifier: Apache-2.0
"""The soak test itself, in its short form: every fault once, which takes about two minutes."""
from __future__ import annotations

import json
from pathlib import Path
import signal
import subprocess
import sys

import pytest

from rgbt_tracker_ros.ros.soak.faults import VARIANTS

pytestmark = pytest.mark.ros


def start(output: Path, minutes: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'soak', '--minutes', str(minutes),
         '--output', str(output)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.mark.slow
def test_the_node_survives_every_fault(tmp_path):
    process = start(tmp_path, 2)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    report = json.loads((tmp_path / 'soak.json').read_text())
    assert report['passed']
    assert report['violations'] == []
    assert report['faults'].keys() == VARIANTS.keys()
    assert report['pairs']['unanswered'] == 0
    assert report['pairs']['answered'] > 100
    assert 'passed' in (tmp_path / 'soak.md').read_text()
    assert (tmp_path / 'soak.png').read_bytes().startswith(b'\x89PNG')


def test_ctrl_c_ends_it_with_a_report(tmp_path):
    process = start(tmp_path, 10)
    assert process.stdout is not None
    process.stdout.readline()           # it is about to start the tracker
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert json.loads((tmp_path / 'soak.json').read_text())['interrupted']
    assert 'Traceback' not in said
