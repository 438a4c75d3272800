# SPDX-License-Identifier: Apache-2.0
"""No run time reports its use to anybody, whatever its defaults are."""
from __future__ import annotations

from pathlib import Path
import subprocess
import sys

from mock_model import write_bundle
import pytest

CODE = '''
import socket
def refuse(*args, **options):
    raise SystemExit('something wants the network')
socket.socket.connect = socket.getaddrinfo = refuse
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.settings import ModelSettings
import sys
load_backend(load_bundle(sys.argv[1]), ModelSettings(backend=sys.argv[2])).close()
assert not any(name.startswith('openvino_telemetry') for name in sys.modules)
'''


@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_a_run_time_neither_sends_nor_counts(tmp_path: Path, backend: str) -> None:
    folder = write_bundle(tmp_path / 'm')
    home = tmp_path / 'home'
    home.mkdir()
    done = subprocess.run(
        [sys.executable, '-c', CODE, str(folder), backend], capture_output=True, text=True,
        check=False, env={'HOME': str(home), 'PATH': ''})
    assert done.returncode == 0, done.stderr
    # ONNX Runtime would keep an identity and a queue here, OpenVINO an identity and counts.
    assert not list(home.rglob('*'))
