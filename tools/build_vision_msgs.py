# SPDX-License-Identifier: Apache-2.0
"""Build our definition of vision_msgs into a virtual environment that has the ROS 2 wheels."""
from __future__ import annotations

import hashlib
import os
from pathlib import Path
import re
import shutil
import subprocess
import tempfile

from steps import SetupError, Steps

TOOLS = Path(__file__).resolve().parent
DEFINITIONS = TOOLS / 'vision_msgs'
MESSAGES = TOOLS.parent / 'rgbt_tracker_ros' / 'bags' / 'vision_msgs'
PYTHON_ABI = TOOLS / 'python_abi'
CMAKE_VERSION = (3, 20)
LOAD = ('from vision_msgs.msg import Detection2DArray\n'
        'Detection2DArray.__class__.__import_type_support__()')

_BUILD_MACHINE = re.compile(
    r'/opt/python/cp\d+-cp\d+/(?:include/python3\.\d+'
    r'|lib/python3\.\d+/site-packages/numpy/_?core/include)')


def key(distribution: str, python_version: str) -> str:
    """Return what the result depends on, as one hash."""
    digest = hashlib.sha256(f'{distribution} {python_version}'.encode())
    digest.update(Path(__file__).read_bytes())
    for folder in (DEFINITIONS, MESSAGES, PYTHON_ABI):
        for file in sorted(item for item in folder.rglob('*') if item.is_file()):
            digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return digest.hexdigest()


def check_tools() -> None:
    """Raise SetupError unless a C++ compiler, make and a new enough cmake are there."""
    missing = [package for package, commands in (
        ('g++', ('c++', 'g++', 'clang++')), ('cmake', ('cmake',)), ('make', ('make',)),
    ) if not any(map(shutil.which, commands))]
    if missing:
        names = ' '.join(missing)
        raise SetupError(f'building the ROS messages needs {names}: sudo apt install {names}')
    text = subprocess.run(['cmake', '--version'], capture_output=True, text=True,
                          check=False).stdout
    found = re.search(r'(\d+)\.(\d+)', text)
    if found is None or tuple(map(int, found.groups())) < CMAKE_VERSION:
        wanted = '.'.join(map(str, CMAKE_VERSION))
        raise SetupError(f'cmake {found and found[0]} is too old: install cmake {wanted} or newer')


def build(venv: Path, distribution: str, python_version: str, steps: Steps) -> None:
    """Configure, compile and install; takes about ten seconds on two cores.

    Parameters
    ----------
    venv
        Virtual environment with the wheels of `requirements/ros-<distribution>.txt`.
    distribution
        `kilted` or `jazzy`.
    python_version
        Full version of the environment's Python, such as 3.11.2.
    steps
        Tells about the progress.

    """
    check_tools()
    headers = _write_headers(venv, python_version)
    _correct_exports(venv, headers)
    env = {name: value for name, value in os.environ.items()
           if name not in ('PYTHONPATH', 'LD_LIBRARY_PATH', '_ROS_WHEELS_BOOTSTRAP_COMPLETE')}
    env.update(
        PATH=f'{venv / "bin"}{os.pathsep}{env["PATH"]}', AMENT_PREFIX_PATH=str(venv),
        CMAKE_PREFIX_PATH=str(venv), ROS_DISTRO=distribution, ROS_VERSION='2')
    with tempfile.TemporaryDirectory() as folder:
        steps.run('configure vision_msgs', [
            'cmake', '-S', DEFINITIONS, '-B', folder, '-DCMAKE_BUILD_TYPE=Release',
            '-DBUILD_TESTING=OFF', f'-DCMAKE_INSTALL_PREFIX={venv}',
            # What our Python.h lacks must fail here, not when the messages are loaded.
            '-DCMAKE_C_FLAGS=-Werror=implicit-function-declaration',
            f'-DPython3_EXECUTABLE={venv / "bin" / "python"}',
            f'-DPython3_INCLUDE_DIR={headers}', f'-DPython3_NumPy_INCLUDE_DIR={headers}',
        ], env=env)
        jobs = str(os.cpu_count() or 1)
        steps.run('build vision_msgs', ['cmake', '--build', folder, '--parallel', jobs], env=env)
        steps.run('install vision_msgs', ['cmake', '--install', folder], env=env)
    steps.run('load vision_msgs', [venv / 'bin' / 'python', '-c', LOAD], env=env)


def _write_headers(venv: Path, python_version: str) -> Path:
    """Install our Python.h, with the two files cmake looks for beside it; return their folder."""
    headers = venv / 'include' / 'python_abi'
    shutil.copytree(PYTHON_ABI, headers, dirs_exist_ok=True)
    (headers / 'patchlevel.h').write_text(f'#define PY_VERSION "{python_version}"\n')
    (headers / 'pyconfig.h').write_text('')
    return headers


def _correct_exports(venv: Path, headers: Path) -> None:
    """Replace the include folders of the wheels' build machine, which cmake would miss here."""
    for folder in (venv / 'share', venv / 'lib' / 'cmake'):
        for file in folder.rglob('*.cmake'):
            text = file.read_text(encoding='utf-8', errors='surrogateescape')
            corrected = _BUILD_MACHINE.sub(str(headers), text)
            if corrected != text:
                file.write_text(corrected, encoding='utf-8', errors='surrogateescape')
