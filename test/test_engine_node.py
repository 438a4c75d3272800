# SPDX-License-Identifier: Apache-2.0
"""The node while an engine builds, or cannot be had: it says so, goes on, and can be ended."""
from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys
from time import monotonic, sleep
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from engine_tools import FakeTools
from mock_model import write_bundle
from node_bench import ACTIVATE, CONFIGURE, Bench
import pytest

from rgbt_tracker_ros.inference import background, factory
from rgbt_tracker_ros.inference.engines.cache import EngineCache
from rgbt_tracker_ros.ros.processes import ros_environment
from rgbt_tracker_ros.tracking.tracker import Tracker

pytestmark = pytest.mark.ros
PATIENCE = 60.0

# A node of which TensorRT builds for minutes.
NODE = '''
import sys
from pathlib import Path
sys.path.insert(0, sys.argv.pop(1))
from engine_tools import FakeTools
from test_engine_node import building
from rgbt_tracker_ros.inference import factory
from rgbt_tracker_ros.ros.executable import run

factory.RUNTIMES['tensorrt'] = building(
    FakeTools(Path(sys.argv.pop(1)) / 'log', seconds=300.0))
sys.exit(run('rgbt_tracker_ros.ros.lifecycle', 'TrackerNode'))
'''


def building(tools: FakeTools) -> factory.Runtime:
    """Return a run time that only builds."""
    def make(bundle: Any, settings: Any, monitor: Any) -> Any:
        cache = EngineCache(tools.log.parent / 'cache', tools)
        return cache.engine(bundle.search_graph, settings.precision, monitor)

    return factory.Runtime(('numpy',), make, fragile=True)


def test_a_builder_that_is_killed_is_reported_and_replaced(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(background, '_WORD_S', 0.2)
    tools = FakeTools(tmp_path / 'log', fault='SIGKILL', seconds=1.0)
    monkeypatch.setitem(factory.RUNTIMES, 'tensorrt', building(tools))
    bench = Bench(write_bundle(tmp_path / 'mock'), Tracker.from_model, 'model.backend:=tensorrt')
    try:
        bench.until(lambda: bench.listener.count_publishers('/diagnostics'))
        bench.spin(0.3)
        assert bench.request(CONFIGURE)
        assert bench.report('backend', 'building (engine of mock/search: half, 50 %) for ')
        part = bench.report('backend', 'asked tensorrt, runs onnxruntime: engine of mock/search: ')
        assert part.level == DiagnosticStatus.WARN
        assert 'the builder was ended by SIGKILL (too little memory?)' in part.message
        assert '[WARN]' in capfd.readouterr().err
        assert bench.request(ACTIVATE)
        assert bench.report('node', 'active; asked tensorrt').level == DiagnosticStatus.WARN
    finally:
        bench.close()


def test_ctrl_c_ends_a_node_that_builds_and_its_builder_and_leaves_no_engine(tmp_path):
    model = write_bundle(tmp_path / 'mock')
    process = subprocess.Popen(
        [sys.executable, '-c', NODE, str(Path(__file__).parent), str(tmp_path), '--ros-args',
         '-p', f'model.name:={model}', '-p', 'model.backend:=tensorrt'],
        env=ros_environment(), text=True, start_new_session=True, stderr=subprocess.PIPE)
    end = monotonic() + PATIENCE
    while not (tmp_path / 'log').exists():
        assert process.poll() is None, process.communicate()[1]
        assert monotonic() < end
        sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, log = process.communicate(timeout=PATIENCE)
    assert (process.returncode, 'Traceback' in log) == (0, False)
    builder = int((tmp_path / 'log').read_text().split()[0])
    while Path(f'/proc/{builder}/cmdline').exists() and Path(
            f'/proc/{builder}/cmdline').read_bytes():
        assert monotonic() < end
        sleep(0.05)
    assert not list((tmp_path / 'cache').glob('*.engine*'))
