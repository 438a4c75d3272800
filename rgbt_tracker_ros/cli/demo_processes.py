# SPDX-License-Identifier: Apache-2.0
"""The demonstration's nodes as processes of their own: started, watched and always ended."""
from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Any

import yaml

from rgbt_tracker_ros.errors import InputError, ModelError

_GRACE_S = 5.0
"""After each of SIGINT, SIGTERM, SIGKILL a process gets so long."""

_TAIL_LINES = 12


def ros_environment(profile: Path, domain_id: int) -> dict[str, str]:
    """Return what keeps the nodes among themselves, on loopback, with room for images.

    Parameters
    ----------
    profile
        Fast DDS profile.
    domain_id
        ROS domain.

    """
    # Fast DDS 2 (up to Jazzy) and 3 (from Kilted, rclpy 8, on) know it by different names.
    vendor = 'FASTDDS' if int(version('rclpy').partition('.')[0]) >= 8 else 'FASTRTPS'
    return {
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_DOMAIN_ID': str(domain_id),
        'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp', f'{vendor}_DEFAULT_PROFILES_FILE': str(profile)}


class NodeProcesses:
    """Starts nodes of this package, one process each.

    Use it as a context: at its end, however that comes about, none of them is left. They get no
    Ctrl-C of the terminal; it is the context that ends them.

    Parameters
    ----------
    logs
        Folder for what they print, `<executable>.log`.
    env
        Variables besides those of this process.

    """

    def __init__(self, logs: Path, env: Mapping[str, str]) -> None:
        self._logs = logs
        self._env = {**os.environ, **env, 'ROS_LOG_DIR': str(logs / 'ros'),
                     'PYTHONUNBUFFERED': '1'}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> NodeProcesses:
        """Make the folder of the logs."""
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End every process that still runs."""
        self.stop()

    def start(self, executable: str, parameters: Mapping[str, Any]) -> None:
        """Start a node with parameters; dotted names are allowed."""
        # A file needs no quoting, whatever is in a path.
        file = self._logs / f'{executable}.yaml'
        file.write_text(yaml.safe_dump({'/**': {'ros__parameters': dict(parameters)}}),
                        encoding='utf-8')
        with self._log(executable).open('wb') as log:
            self._running[executable] = subprocess.Popen(
                [sys.executable, '-m', f'rgbt_tracker_ros.ros.{executable}',
                 '--ros-args', '--params-file', str(file)],
                env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True)

    def ended(self, executable: str) -> bool:
        """Tell whether a node has ended well.

        Raises
        ------
        ModelError
            If it has ended with an error; holds the end of its log.

        """
        status = self._running[executable].poll()
        if status:
            raise self.failure(executable, f'ended with status {status}')
        return status == 0

    def failure(self, executable: str, what: str) -> ModelError:
        """Return an error that says what a node did, with the end of its log."""
        lines = self._log(executable).read_text(encoding='utf-8', errors='replace').splitlines()
        said = ' | '.join(line.strip() for line in lines[-_TAIL_LINES:] if line.strip())
        return ModelError(f'{executable} {what}: {said or "it said nothing"} '
                          f'(log: {self._log(executable)})')

    def stop(self) -> None:
        """End all processes: by SIGINT, and when that is not heard by force."""
        # A second Ctrl-C must not leave some of them behind.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
                self._signal(number)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _signal(self, number: signal.Signals) -> None:
        alive = [item for item in self._running.values() if item.poll() is None]
        for process in alive:
            process.send_signal(number)
        deadline = time.monotonic() + _GRACE_S
        while any(item.poll() is None for item in alive) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _log(self, executable: str) -> Path:
        return self._logs / f'{executable}.log'


def dds_profile() -> Path:
    """Return the Fast DDS profile this package ships.

    Raises
    ------
    InputError
        If it is not where the package was installed.

    """
    places = [Path(__file__).resolve().parents[2], Path(sys.prefix) / 'share' / 'rgbt_tracker_ros']
    try:
        from ament_index_python.packages import get_package_share_directory

        places.append(Path(get_package_share_directory('rgbt_tracker_ros')))
    except (ImportError, LookupError, OSError):
        pass
    for place in places:
        if (place / 'config' / 'dds_shared_memory.xml').is_file():
            return place / 'config' / 'dds_shared_memory.xml'
    raise InputError('config/dds_shared_memory.xml of this package is missing: install it again')
