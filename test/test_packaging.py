# SPDX-License-Identifier: Apache-2.0
"""What pip and colcon install: versions, dependencies, entry points and data files agree."""
from __future__ import annotations

import ast
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
import re
import subprocess
import sys

from catkin_pkg.package import parse_package
import pytest

import rgbt_tracker_ros

ROOT = Path(__file__).resolve().parent.parent
NAME = 'rgbt_tracker_ros'
OPTIONAL = {'av', 'onnx', 'openvino', 'ray', 'tensorrt', 'torch'}
"""Imported lazily; no rosdep key, or chosen by the user."""
PYTHON_KEYS = {'cv2': 'python3-opencv', 'yaml': 'python3-yaml',
               'onnxruntime': 'python3-onnxruntime-pip'}


def console_scripts() -> dict[str, str]:
    """Return the installed entry points."""
    return {item.name: item.value for item in distribution(NAME).entry_points
            if item.group == 'console_scripts'}


def imported(room: str) -> set[str]:
    """Return the top-level packages imported anywhere in a room."""
    found = set()
    for file in (ROOT / NAME / room).rglob('*.py'):
        for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                found.add(node.module.partition('.')[0])
    return found - set(sys.stdlib_module_names) - {NAME}


@pytest.fixture(scope='module')
def data_files() -> dict[str, list[str]]:
    """Return the data files setup.py lists, by folder."""
    code = ('import setuptools\n'
            'setuptools.setup = lambda **options: print(repr(options["data_files"]))\n'
            'exec(compile(open("setup.py").read(), "setup.py", "exec"), '
            '{"__file__": "setup.py", "__name__": "__main__"})')
    done = subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    return dict(ast.literal_eval(done.stdout))


def test_versions_agree() -> None:
    package = parse_package(str(ROOT))
    assert rgbt_tracker_ros.__version__ == package.version == distribution(NAME).version


def test_package_xml_is_valid() -> None:
    warnings: list[str] = []
    package = parse_package(str(ROOT), warnings=warnings)
    package.validate(warnings=warnings)
    assert not warnings
    assert package.package_format == 3
    assert package.name == NAME
    assert package.get_build_type() == 'ament_python'
    assert [licence.strip() for licence in package.licenses] == ['Apache-2.0']


@pytest.mark.parametrize('room', ['imaging', 'inference', 'tracking', 'benchmark', 'synthetic',
                                  'ros', 'launching', 'cli'])
def test_package_xml_names_what_is_imported(room: str) -> None:
    declared = {item.name for item in parse_package(str(ROOT)).exec_depends}
    needed = {PYTHON_KEYS.get(name, name) for name in imported(room) - OPTIONAL}
    assert {name for name in needed
            if name not in declared and f'python3-{name}' not in declared} == set()


def test_every_entry_point_is_callable() -> None:
    scripts = console_scripts()
    assert set(scripts) == {'rgbt-tracker', 'tracker_node', 'player_node', 'recorder_node'}
    for value in scripts.values():
        module, _, attribute = value.partition(':')
        assert callable(getattr(import_module(module), attribute))


def test_data_files_exist_and_include_what_ros_needs(data_files: dict[str, list[str]]) -> None:
    for files in data_files.values():
        assert files
        assert all((ROOT / file).is_file() for file in files)
    assert data_files['share/ament_index/resource_index/packages'] == [f'resource/{NAME}']
    assert 'package.xml' in data_files[f'share/{NAME}']


@pytest.mark.parametrize('folder', ['config', 'launch', 'models'])
def test_every_file_of_a_shipped_folder_is_installed(
    data_files: dict[str, list[str]], folder: str,
) -> None:
    listed = {file for files in data_files.values() for file in files}
    tracked = subprocess.run(['git', 'ls-files', folder], cwd=ROOT, capture_output=True, text=True,
                             check=True).stdout.split()
    assert set(tracked) <= listed


def test_requirements_are_all_pinned() -> None:
    constraints = (ROOT / 'requirements' / 'constraints.txt').read_text(encoding='utf-8')
    pinned = set(re.findall(r'^([a-z0-9-]+)==', constraints, re.MULTILINE))
    for file in (ROOT / 'requirements').glob('*.txt'):
        for line in file.read_text(encoding='utf-8').splitlines():
            if line and not line.startswith(('#', '-c')):
                assert '==' in line or line in pinned, f'{file.name}: {line} has no exact version'


def test_pins_cover_what_setup_py_requires() -> None:
    run = (ROOT / 'requirements' / 'run.txt').read_text(encoding='utf-8').split()
    required = [re.split(r'[<>=; ]', text)[0] for text in distribution(NAME).requires or ()
                if 'extra ==' not in text]
    assert set(required) <= set(run)
