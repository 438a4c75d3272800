# SPDX-License-Identifier: Apache-2.0
"""The README says what the code does: parameters, commands, files."""
from __future__ import annotations

from pathlib import Path
import re

from rgbt_tracker_ros.cli.main import COMMANDS
from rgbt_tracker_ros.settings import Settings, Spec

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / 'README.md').read_text()


def shown(value):
    if value in ((), ''):
        return 'empty'
    return str(value).lower() if isinstance(value, bool) else str(value)


def accepted(value, spec: Spec):
    if spec.choices:
        return ', '.join(spec.choices)
    if spec.low is not None:
        return f'{spec.low:g} to {spec.high:g} {spec.unit}'.rstrip()
    if spec.length:
        return f'{spec.length[-1]} numbers'
    return 'true, false' if isinstance(value, bool) else 'text'


def parameter_table():
    """Return the README's table as the settings make it."""
    lines = ['| parameter | default | accepted | meaning |', '|---|---|---|---|']
    for name, value, spec in Settings().items():
        fixed = ' *' if spec.read_only else ''
        lines.append(f'| `{name}`{fixed} | {shown(value)} | {accepted(value, spec)} | '
                     f'{spec.doc.replace("|", chr(92) + "|")} |')
    return '\n'.join(lines)


def test_parameter_table_is_the_settings():
    assert parameter_table() in README, f'put this table into README.md:\n{parameter_table()}'


def test_every_command_is_named():
    for command in COMMANDS:
        assert f'rgbt-tracker {command}' in README


def test_every_linked_file_exists():
    for target in re.findall(r'\]\((?!https?:)([^)#]+)\)', README):
        assert (ROOT / target).exists(), target


def test_the_two_commands_stand_at_the_top():
    top = README[:2500]
    assert 'make demo' in top
    assert 'make test' in top
