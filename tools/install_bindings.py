# SPDX-License-Identifier: Apache-2.0
"""Install several versions of the same packages, each into a folder of its own."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from steps import Steps

REQUIREMENTS = Path(__file__).resolve().parent.parent / 'requirements'
FILE = REQUIREMENTS / 'bindings.txt'
FOLDER = 'bindings'


def lines() -> list[str]:
    """Return the requirements, without comments."""
    return [line for line in FILE.read_text(encoding='utf-8').splitlines()
            if line and not line.startswith('#')]


def folder_name(line: str) -> str:
    """Return the name of the folder that a requirement goes to: package and version."""
    return line.partition(';')[0].strip().replace('==', '-')


def install(venv: Path, pip: Sequence[str], steps: Steps, remedy: str) -> None:
    """Install what is not there yet; pip leaves out what is not for this machine."""
    for line in lines():
        target = venv / FOLDER / folder_name(line)
        steps.run(f'install {target.name}', [
            *pip, '--target', target, '--upgrade', '--no-compile',
            '-c', REQUIREMENTS / 'constraints.txt', line], remedy=remedy)
