# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM at any moment of a node's life: status 0, and not a line of a traceback."""
from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys
from time import monotonic, sleep
from typing import Any

from mock_model import write_bundle
import pytest

from rgbt_tracker_ros.ros.processes import ros_environment, start_node

pytestmark = pytest.mark.ros
PATIENCE = 60.0

# Seconds after the node's own first line, or the words in its log, at which the signal comes.
MOMENTS: tuple[float | str, ...] = (
    0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 1.0,
    'loading the model', 'is loaded', 'no image on', 'building')
AT_ONCE = 5

# Stands for a backend that builds an engine for minutes.
SLOW = '''
import sys, time
from rgbt_tracker_ros.ros import lifecycle
from rgbt_tracker_ros.ros.executable import run

class SlowNode(lifecycle.TrackerNode):
    def __init__(self):
        super().__init__(lambda *arguments: time.sleep(300))

lifecycle._LOG_S = 0.5
sys.modules['slow_node'] = sys.modules['__main__']
sys.exit(run('slow_node', 'SlowNode'))
'''


def catches(process: Any, number: int) -> bool:
    """Return whether the process has its own handler for a signal."""
    status = Path(f'/proc/{process.pid}/status').read_text()
    mask = next(line for line in status.splitlines() if line.startswith('SigCgt'))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


def start(bundle: Any, moment: float | str) -> Any:
    environment = {**ros_environment(), 'PYTHONUNBUFFERED': '1'}
    if moment != 'building':
        return start_node('tracker_node', {'model.name': bundle}, environment,
                          stderr=subprocess.PIPE)
    return subprocess.Popen([sys.executable, '-c', SLOW], env=environment, text=True,
                            start_new_session=True, stderr=subprocess.PIPE)


def wait_for(process: Any, moment: float | str) -> str:
    """Wait for the moment; return what was read of the log."""
    # Before our first line runs, Python itself answers: that cannot be helped.
    end = monotonic() + PATIENCE
    while not catches(process, signal.SIGTERM):
        assert process.poll() is None
        assert monotonic() < end
        sleep(0.002)
    if not isinstance(moment, str):
        sleep(moment)
        return ''
    lines = []
    for line in process.stderr:
        lines.append(line)
        if moment in line:
            break
    return ''.join(lines)


def assert_clean(process: Any, words: str) -> None:
    words += process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, words
    for trouble in ('Traceback', 'rror', 'ERROR', 'terminate called', 'dumped', 'ailed'):
        assert trouble not in words, words


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: Any) -> Any:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.mark.parametrize('first', range(0, len(MOMENTS), AT_ONCE))
def test_ctrl_c_at_any_moment_of_the_start(bundle, first):
    moments = MOMENTS[first:first + AT_ONCE]
    processes = [start(bundle, moment) for moment in moments]
    words = []
    for process, moment in zip(processes, moments, strict=True):
        words.append(wait_for(process, moment))
        process.send_signal(signal.SIGINT)
        os.killpg(process.pid, signal.SIGINT)     # a terminal sends it to the whole group
    for process, said in zip(processes, words, strict=True):
        assert_clean(process, said)


@pytest.mark.parametrize('executable', ['tracker_node', 'recorder_node'])
def test_sigterm_ends_a_node_like_ctrl_c(bundle, executable):
    moments = (0.0, 0.3, 0.6, 1.2)
    processes = [start_node(executable, {'model.name': bundle} if 'tracker' in executable else {},
                            ros_environment(), stderr=subprocess.PIPE) for _ in moments]
    for process, moment in zip(processes, moments, strict=True):
        wait_for(process, moment)
        process.send_signal(signal.SIGTERM)
    for process in processes:
        assert_clean(process, '')


def test_ctrl_c_while_an_engine_is_built_leaves_no_shared_memory(bundle):
    of_others = {str(path) for path in Path('/dev/shm').iterdir()}
    process = start(bundle, 'building')
    words = wait_for(process, 'building')
    used = {part for line in Path(f'/proc/{process.pid}/maps').read_text().splitlines()
            if '/dev/shm/fast' in (part := line.split()[-1]) and 'port' not in part} - of_others
    process.send_signal(signal.SIGINT)
    assert_clean(process, words)
    assert used
    assert not [name for name in used if Path(name).exists()]
