# SPDX-License-Identifier: Apache-2.0
"""Runs this package's nodes as processes on an isolated, loopback-only ROS network."""
from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import Any

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.model_path import shared_folders

_PROFILE = 'dds_shared_memory.xml'

_DOMAINS = 100
"""Domain numbers that are free of the ports of other programs on every system."""


def config_file(name: str) -> Path:
    """Return a file of the package's folder `config`, installed or in the source tree.

    Raises
    ------
    InputError
        If there is none.

    """
    for folder in shared_folders('config'):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f'{name} is in no config folder of the package: install it again')


def ros_environment(domain: int | None = None) -> dict[str, str]:
    """Return an environment in which ROS processes find only each other, by loopback.

    Parameters
    ----------
    domain
        ROS domain; None = one that depends on the process, so that two runs keep apart.

    """
    return {
        **os.environ,
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_DOMAIN_ID': str(1 + os.getpid() % _DOMAINS if domain is None else domain),
        **dds_profile(),
    }


def dds_profile() -> dict[str, str]:
    """Return the environment variable that makes Fast DDS carry big images."""
    # Jazzy (rclpy 7) has Fast DDS 2.14; Fast DDS 3 still reads its variable, but complains.
    fast_dds = 'FASTRTPS' if int(version('rclpy').split('.')[0]) < 8 else 'FASTDDS'
    return {f'{fast_dds}_DEFAULT_PROFILES_FILE': str(config_file(_PROFILE))}


def start_node(executable: str, parameters: Mapping[str, Any], environment: Mapping[str, str],
               remappings: Mapping[str, str] | None = None,
               **options: Any) -> subprocess.Popen[str]:
    """Start one of our executables in a process group of its own.

    Parameters
    ----------
    executable
        `tracker_node`, `player_node` or `recorder_node`.
    parameters
        ROS parameters.
    environment
        See `ros_environment`.
    remappings
        ROS names and what takes their place; `__ns` is the namespace.
    options
        More for `subprocess.Popen`, for example `stderr`.

    """
    arguments = [part for name, value in parameters.items()
                 for part in ('-p', f'{name}:={_yaml(value)}')]
    arguments += [part for name, other in (remappings or {}).items()
                  for part in ('-r', f'{name}:={other}')]
    return subprocess.Popen(
        [sys.executable, '-m', f'rgbt_tracker_ros.ros.{executable}',
         *(['--ros-args', *arguments] if arguments else [])],
        env=dict(environment), start_new_session=True, text=True, **options)


def stop_node(process: subprocess.Popen[str], patience: float = 10.0) -> int:
    """End a node as Ctrl-C does, by force when it does not end; return its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def _yaml(value: Any) -> str:
    """Return a value as ROS reads it; strings in quotes, so that 1 or off stay strings."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f'[{", ".join(map(_yaml, value))}]'
    if isinstance(value, (str, Path)):
        quoted = str(value).replace("'", "''")
        return f"'{quoted}'"
    return repr(value)
