# SPDX-License-Identifier: Apache-2.0
"""Make the virtual environment: pinned packages, ROS 2, vision_msgs and this package.

Needs nothing but the standard library. What is already as it should be is left alone, so a second
run takes a fraction of a second.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
import hashlib
import json
import os
from pathlib import Path
import platform
import shutil
import sys

import build_vision_msgs
import install_bindings
import setup_ros
from setup_ros import Ros
from steps import SetupError, Steps

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / 'requirements'
VERSION = '.'.join(platform.python_version_tuple()[:2])
MAKER = 'tools/set_up.py'
PURPOSES = {'run': ('run',), 'test': ('run', 'train', 'test')}
NETWORK = 'is the package index reachable? Run the same command again to go on from here'


class Environment:
    """A virtual environment and the record of what was done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / 'bin' / 'python'
        self._file = folder / 'set_up.json'
        try:
            self._record: dict[str, str] = json.loads(self._file.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            self._record = {}

    @property
    def usable(self) -> bool:
        """Tell whether Python and pip are in it; a broken-off creation lacks the second."""
        return self.python.exists() and (self.folder / 'bin' / 'pip').exists()

    def differs(self, item: str, value: str) -> bool:
        """Tell whether a recorded item has another value."""
        return self._record.get(item, value) != value

    def has(self, item: str, value: str) -> bool:
        """Tell whether a step was done in just this way."""
        return self._record.get(item) == value

    def record(self, item: str, value: str) -> None:
        """Note that a step is done."""
        self._record[item] = value
        unfinished = self._file.with_suffix('.new')
        unfinished.write_text(json.dumps(self._record, indent=2), encoding='utf-8')
        unfinished.replace(self._file)

    @property
    def absent(self) -> bool:
        """Tell whether there is nothing at all in its place."""
        return not self.folder.exists() or (
            self.folder.is_dir() and not any(self.folder.iterdir()))

    @property
    def ours(self) -> bool:
        """Tell whether this set-up made it, so that it may make it anew."""
        return self.has('made_by', MAKER)

    def clear(self) -> None:
        """Empty the folder, which must be ours, and note in it who makes the environment.

        It is noted at once since the creation may break off.
        """
        assert self.ours or self.absent
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        self._record = {}
        self.record('made_by', MAKER)


def set_up(folder: Path, purpose: str, wanted_ros: str, steps: Steps) -> None:
    """Bring an environment to where it should be.

    Parameters
    ----------
    folder
        The virtual environment; made when absent. One that this set-up made is made anew when its
        Python or ROS changed; any other one is only added to.
    purpose
        `run`, or `test` for all that `make test` needs.
    wanted_ros
        `auto`, or a distribution to take as wheels.
    steps
        Runs the commands.

    """
    sourced = os.environ.get('ROS_DISTRO')
    importable = setup_ros.importable(sys.executable) if sourced else ()
    ros = setup_ros.choose(wanted_ros, os.environ, importable)
    environment = Environment(folder)
    _make(environment, ros, steps)
    _install_packages(environment, ros, PURPOSES[purpose], steps)
    if purpose == 'test':
        _install_oracle(environment, steps)
        _install_bindings(environment, steps)
    if not ros.sourced:
        _install_messages(environment, ros, steps)
    _install_project(environment, steps)


def _make(environment: Environment, ros: Ros, steps: Steps) -> None:
    now = {'python': VERSION, 'ros': str(ros)}
    changed = [name for name, value in now.items() if environment.differs(name, value)]
    if environment.usable and not changed:
        for name, value in now.items():
            if not environment.has(name, value):
                environment.record(name, value)
        return
    if not environment.ours and not environment.absent:
        reason = f'has another {" and ".join(changed)}' if changed else 'has no Python with pip'
        raise SetupError(
            f'{environment.folder} {reason} and was not made by this set-up, which leaves it '
            'alone: remove it yourself, or set VENV to another folder')
    if not ros.sourced:
        build_vision_msgs.check_tools()
    options = ['--system-site-packages'] if ros.sourced else []
    steps.say(f'{"/".join(changed)} changed: making {environment.folder} anew' if changed else
              f'Python {now["python"]}, ROS {ros}; into {environment.folder}')
    environment.clear()
    steps.run('make virtual environment', [
        sys.executable, '-m', 'venv', *options, environment.folder])
    for name, value in now.items():
        environment.record(name, value)


def _install_packages(
    environment: Environment, ros: Ros, groups: Sequence[str], steps: Steps,
) -> None:
    files = [REQUIREMENTS / f'{name}.txt' for name in groups]
    if not ros.sourced:
        files.append(REQUIREMENTS / f'ros-{ros.distribution}.txt')
    constraints = _hash([REQUIREMENTS / 'constraints.txt'])
    pending = [file for file in files
               if not environment.has(file.name, _hash([file]) + constraints)]
    if not pending:
        return
    arguments = [part for file in pending for part in ('-r', str(file))]
    names = ' and '.join(file.stem for file in pending)
    steps.run(f'install packages for {names}', [*_pip(environment), *arguments],
              env=_clean(), remedy=NETWORK)
    for file in pending:
        environment.record(file.name, _hash([file]) + constraints)


def _install_oracle(environment: Environment, steps: Steps) -> None:
    """Install mamba-ssm's Python files, whose reference functions our scans are compared with.

    Its GPU code, and what it depends on for that, stay away. A machine on which it cannot be had
    does without that comparison.
    """
    file = REQUIREMENTS / 'oracle.txt'
    key = _hash([file, REQUIREMENTS / 'constraints.txt'])
    if environment.has('oracle', key):
        return
    try:
        steps.run('install mamba-ssm as a reference', [
            *_pip(environment), '--no-deps', '--no-build-isolation', '-r', file],
            env=_clean() | {'MAMBA_FORCE_BUILD': 'TRUE', 'MAMBA_SKIP_CUDA_BUILD': 'TRUE'})
    except SetupError as error:
        steps.say(f'scans will not be compared with mamba-ssm: {error}')
        return
    environment.record('oracle', key)


def _install_bindings(environment: Environment, steps: Steps) -> None:
    key = _hash([install_bindings.FILE])
    if not environment.has('bindings', key):
        install_bindings.install(environment.folder, _pip(environment), steps, NETWORK)
        environment.record('bindings', key)


def _install_messages(environment: Environment, ros: Ros, steps: Steps) -> None:
    key = build_vision_msgs.key(ros.distribution, VERSION)
    if environment.has('vision_msgs', key):
        return
    build_vision_msgs.build(
        environment.folder, ros.distribution, platform.python_version(), steps)
    setup_ros.hook_ament_prefix(
        environment.folder / 'lib' / f'python{VERSION}' / 'site-packages')
    environment.record('vision_msgs', key)


def _install_project(environment: Environment, steps: Steps) -> None:
    key = _hash([ROOT / name for name in ('setup.py', 'setup.cfg', 'pyproject.toml')])
    if environment.has('project', key):
        return
    steps.run('install rgbt_tracker_ros', [
        *_pip(environment), '--no-deps', '--no-build-isolation', '--editable', ROOT],
        env=_clean())
    environment.record('project', key)


def _pip(environment: Environment) -> list[str]:
    return [str(environment.python), '-m', 'pip', '--disable-pip-version-check', 'install']


def _clean() -> dict[str, str]:
    """Return the environment without another environment's library folders."""
    return {name: value for name, value in os.environ.items()
            if name != '_ROS_WHEELS_BOOTSTRAP_COMPLETE'}


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Run the set-up; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--venv', type=Path, default=ROOT / '.venv')
    parser.add_argument('--for', dest='purpose', choices=PURPOSES, default='run')
    parser.add_argument('--ros', default='auto', help='auto, kilted or jazzy')
    options = parser.parse_args()
    folder = options.venv.absolute()
    steps = Steps(folder / 'set_up_logs')
    try:
        set_up(folder, options.purpose, options.ros or 'auto', steps)
    except SetupError as error:
        sys.stderr.write(f'{error}\n')
        return 2
    except KeyboardInterrupt:
        sys.stderr.write('\nstopped; run the same command again to go on\n')
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
