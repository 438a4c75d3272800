# SPDX-License-Identifier: Apache-2.0
"""The set-up's decisions and messages; nothing is installed here."""
from __future__ import annotations

from collections.abc import Iterator
import io
from pathlib import Path
import platform
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / 'tools'
EVERYTHING = ('rclpy', 'diagnostic_msgs', 'lifecycle_msgs', 'sensor_msgs', 'std_srvs',
              'vision_msgs')


@pytest.fixture(autouse=True)
def tools_on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(TOOLS))
    monkeypatch.setattr(sys, 'dont_write_bytecode', True)
    return


@pytest.fixture
def on_pc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, 'system', lambda: 'Linux')
    monkeypatch.setattr(platform, 'machine', lambda: 'x86_64')


def find_python(path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run find_python.sh with nothing but `path` on the search path."""
    return subprocess.run(['/bin/sh', str(TOOLS / 'find_python.sh')], text=True,
                          capture_output=True, env={'PATH': str(path), **env}, check=False)


def fake_python(folder: Path, version: str, venv: bool) -> None:
    """Write a `python3` that has a version, and venv or not."""
    answers = {'sys.exit': f'exit {int(tuple(map(int, version.split("."))) < (3, 10))}',
               'ensurepip': f'exit {int(not venv)}', 'print': f'echo {version}'}
    cases = '\n'.join(f'*{pattern}*) {action};;' for pattern, action in answers.items())
    file = folder / 'python3'
    file.write_text(f'#!/bin/sh\ncase "$2" in\n{cases}\nesac\n')
    file.chmod(0o755)


def test_python_is_found(tmp_path: Path) -> None:
    fake_python(tmp_path, '3.12', venv=True)
    found = find_python(tmp_path)
    assert (found.returncode, found.stdout.strip()) == (0, str(tmp_path / 'python3'))


@pytest.mark.parametrize(('version', 'remedy'), [
    ('3.9', 'sudo apt install python3 python3-venv'),
    ('3.11', 'sudo apt install python3.11-venv'),
])
def test_one_line_says_what_python_lacks(tmp_path: Path, version: str, remedy: str) -> None:
    fake_python(tmp_path, version, venv=False)
    found = find_python(tmp_path)
    assert (found.returncode, found.stdout) == (1, '')
    (line,) = found.stderr.splitlines()
    assert remedy in line


def test_wanted_python_is_the_only_one_tried(tmp_path: Path) -> None:
    fake_python(tmp_path, '3.12', venv=True)
    found = find_python(tmp_path, PYTHON='no_such_python')
    assert found.returncode == 1
    assert 'no_such_python' in found.stderr


@pytest.mark.usefixtures('on_pc')
def test_wheels_without_a_sourced_installation() -> None:
    from setup_ros import Ros, choose

    assert choose('auto', {}, ()) == Ros('kilted', sourced=False)
    assert choose('jazzy', {}, ()) == Ros('jazzy', sourced=False)


def test_sourced_installation_is_used() -> None:
    from setup_ros import Ros, choose

    assert choose('auto', {'ROS_DISTRO': 'humble'}, EVERYTHING) == Ros('humble', sourced=True)


@pytest.mark.usefixtures('on_pc')
@pytest.mark.parametrize(('wanted', 'distro', 'importable', 'words'), [
    ('auto', 'jazzy', (), 'set PYTHON'),
    ('auto', 'jazzy', EVERYTHING[:-1], 'sudo apt install ros-jazzy-vision-msgs'),
    ('kilted', 'jazzy', EVERYTHING, 'leave ROS out'),
    ('humble', '', (), 'use kilted or jazzy'),
])
def test_unusable_choice_says_what_to_do(
    wanted: str, distro: str, importable: tuple[str, ...], words: str,
) -> None:
    from setup_ros import choose
    from steps import SetupError

    with pytest.raises(SetupError, match=words) as caught:
        choose(wanted, {'ROS_DISTRO': distro}, importable)
    assert '\n' not in str(caught.value)


def test_no_wheels_for_a_jetson(monkeypatch: pytest.MonkeyPatch) -> None:
    from setup_ros import choose
    from steps import SetupError

    monkeypatch.setattr(platform, 'machine', lambda: 'aarch64')
    with pytest.raises(SetupError, match=r'aarch64: source a ROS 2 installation'):
        choose('auto', {}, ())


@pytest.mark.parametrize(('missing', 'remedy'), [
    ({'c++', 'g++', 'clang++'}, r'apt install g\+\+$'),
    ({'cmake'}, 'apt install cmake$'),
    ({'c++', 'g++', 'clang++', 'cmake'}, r'apt install g\+\+ cmake$'),
])
def test_missing_build_tools_are_named(
    monkeypatch: pytest.MonkeyPatch, missing: set[str], remedy: str,
) -> None:
    import build_vision_msgs
    from steps import SetupError

    monkeypatch.setattr(
        shutil, 'which', lambda name: None if name in missing else f'/bin/{name}')
    with pytest.raises(SetupError, match=remedy):
        build_vision_msgs.check_tools()


def test_old_cmake_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import build_vision_msgs
    from steps import SetupError

    old = tmp_path / 'cmake'
    old.write_text('#!/bin/sh\necho cmake version 3.16.3\n')
    old.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    with pytest.raises(SetupError, match=r'cmake 3\.16 is too old: install cmake 3\.20'):
        build_vision_msgs.check_tools()


def test_messages_are_built_again_when_something_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    import build_vision_msgs

    first = build_vision_msgs.key('kilted', '3.11')
    assert build_vision_msgs.key('kilted', '3.11') == first
    assert build_vision_msgs.key('jazzy', '3.11') != first
    assert build_vision_msgs.key('kilted', '3.12') != first
    copy = shutil.copytree(build_vision_msgs.MESSAGES, tmp_path / 'vision_msgs')
    monkeypatch.setattr(build_vision_msgs, 'MESSAGES', copy)
    assert build_vision_msgs.key('kilted', '3.11') == first
    with (copy / 'msg' / 'Point2D.msg').open('a') as definition:
        definition.write('float64 z\n')
    assert build_vision_msgs.key('kilted', '3.11') != first


def test_exports_of_the_build_machine_are_corrected(tmp_path: Path) -> None:
    import build_vision_msgs

    (tmp_path / 'lib' / 'cmake').mkdir(parents=True)
    export = tmp_path / 'share' / 'std_msgs' / 'cmake' / 'export.cmake'
    export.parent.mkdir(parents=True)
    export.write_text(
        'a "/opt/python/cp310-cp310/include/python3.10;/opt/python/cp310-cp310/lib/python3.10/'
        'site-packages/numpy/core/include;${_IMPORT_PREFIX}/include"')
    build_vision_msgs._correct_exports(tmp_path, Path('/headers'))
    assert export.read_text() == 'a "/headers;/headers;${_IMPORT_PREFIX}/include"'


def test_record_survives_a_broken_file(tmp_path: Path) -> None:
    from set_up import Environment

    (tmp_path / 'set_up.json').write_text('{"python": "3.1')
    environment = Environment(tmp_path)
    assert not environment.usable
    assert not environment.differs('python', '3.11')
    environment.record('python', '3.11')
    again = Environment(tmp_path)
    assert again.has('python', '3.11')
    assert again.differs('python', '3.12')


def test_failed_step_shows_its_last_lines_and_the_remedy(tmp_path: Path) -> None:
    from steps import SetupError, Steps

    stream = io.StringIO()
    steps = Steps(tmp_path / 'logs', stream)
    steps.run('say hello', ['sh', '-c', 'echo hello'])
    with pytest.raises(SetupError) as caught:
        steps.run('go wrong', ['sh', '-c', 'echo no space left; exit 3'], remedy='free some')
    message = str(caught.value)
    assert message.splitlines()[0] == 'no space left'
    assert 'go wrong failed with status 3' in message
    assert message.endswith('free some')
    assert (tmp_path / 'logs' / 'go-wrong.log').read_text() == 'no space left\n'
    assert 'say hello: done' in stream.getvalue()


def test_package_that_does_not_load_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    from setup_ros import importable

    for name in ('rclpy', 'std_srvs'):
        (tmp_path / name).mkdir()
        (tmp_path / name / '__init__.py').write_text('')
    (tmp_path / 'rclpy' / 'node.py').write_text('import built_for_another_python')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    found = importable(sys.executable)
    assert 'rclpy' not in found
    assert 'std_srvs' in found


class _NoSteps:
    """Notes which commands would run."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def say(self, text: str) -> None:
        """Say nothing."""

    def run(self, title: str, command: list[object], **options: object) -> None:
        """Run nothing."""
        self.commands.append([str(part) for part in command])


def fake_environment(folder: Path, record: str, pip: bool = True) -> Path:
    """Write what makes a folder look like a virtual environment."""
    (folder / 'bin').mkdir(parents=True)
    for name in ('python', *(['pip'] if pip else [])):
        (folder / 'bin' / name).touch()
    (folder / 'set_up.json').write_text(record)
    return folder


@pytest.mark.parametrize(('record', 'pip', 'reason'), [
    ('{"python": "3.2"}', True, 'has another python'),
    ('{}', False, 'has no Python with pip'),
])
def test_environment_of_others_is_never_made_anew(
    tmp_path: Path, record: str, pip: bool, reason: str,
) -> None:
    from set_up import Environment, _make
    from setup_ros import Ros
    from steps import SetupError

    folder, steps = fake_environment(tmp_path / 'venv', record, pip), _NoSteps()
    with pytest.raises(SetupError, match=f'{reason} and was not made by this set-up'):
        _make(Environment(folder), Ros('jazzy', sourced=True), steps)
    assert steps.commands == []
    assert (folder / 'bin' / 'python').exists()


def test_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    from set_up import Environment, _make
    from setup_ros import Ros
    from steps import SetupError

    (tmp_path / 'thesis.tex').write_text('years of work')
    with pytest.raises(SetupError, match='leaves it alone'):
        _make(Environment(tmp_path), Ros('jazzy', sourced=True), _NoSteps())
    with pytest.raises(AssertionError):
        Environment(tmp_path).clear()
    assert (tmp_path / 'thesis.tex').read_text() == 'years of work'


def test_own_environment_is_made_anew_when_python_changed(tmp_path: Path) -> None:
    from set_up import MAKER, Environment, _make
    from setup_ros import Ros

    folder = fake_environment(
        tmp_path / 'venv', f'{{"python": "3.2", "made_by": "{MAKER}", "run.txt": "old"}}')
    steps = _NoSteps()
    _make(Environment(folder), Ros('jazzy', sourced=True), steps)
    assert [command[1:3] for command in steps.commands] == [['-m', 'venv']]
    assert not (folder / 'bin').exists()
    again = Environment(folder)
    assert again.ours
    assert not again.has('run.txt', 'old')


def test_broken_off_creation_is_done_again(tmp_path: Path) -> None:
    from set_up import MAKER, Environment, _make
    from setup_ros import Ros

    folder = fake_environment(tmp_path / 'venv', f'{{"made_by": "{MAKER}"}}', pip=False)
    steps = _NoSteps()
    _make(Environment(folder), Ros('jazzy', sourced=True), steps)
    assert len(steps.commands) == 1


def test_a_reference_for_scans_that_cannot_be_had_is_done_without(tmp_path: Path) -> None:
    from set_up import Environment, _install_oracle
    from steps import SetupError, Steps

    class Failing(Steps):
        def run(self, *arguments: object, **options: object) -> None:
            raise SetupError('no such package')

    stream = io.StringIO()
    environment = Environment(tmp_path)
    _install_oracle(environment, Failing(tmp_path / 'logs', stream))
    assert 'not be compared with mamba-ssm: no such package' in stream.getvalue()
    assert not (tmp_path / 'set_up.json').exists()


def test_versions_of_one_package_go_to_folders_of_their_own(tmp_path: Path) -> None:
    from set_up import Environment, _install_bindings

    steps = _NoSteps()
    _install_bindings(Environment(tmp_path), steps)
    targets = [command[command.index('--target') + 1] for command in steps.commands]
    assert len(set(targets)) == len(targets) > 5
    assert str(tmp_path / 'bindings' / 'tensorrt-cu12-bindings-10.3.0') in targets
    _install_bindings(Environment(tmp_path), steps)
    assert len(steps.commands) == len(targets)
