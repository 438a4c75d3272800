# SPDX-License-Identifier: Apache-2.0
"""Reads docs/status.md: which keys it explains, by topic and part."""
from __future__ import annotations

from pathlib import Path
import re

STATUS, DIAGNOSTICS = '`~/status`', '`/diagnostics`'
PATH = Path(__file__).parents[1] / 'docs' / 'status.md'


def documented() -> dict[tuple[str, str], set[str]]:
    """Return the keys of each (topic, part)."""
    found: dict[tuple[str, str], set[str]] = {}
    topic, parts, table = '', [''], ''
    for line in PATH.read_text(encoding='utf-8').splitlines():
        if line.startswith('## '):
            topic = line.removeprefix('## ')
        elif line.startswith('### '):
            parts = line.removeprefix('### ').split(', ')
            found |= {(topic, part): set() for part in parts}
        elif line.startswith('| ') and not line.startswith('| `'):
            table = line.split('|')[1].strip()
        elif line.startswith('| `') and table == 'key':
            for part in parts:
                found[topic, part] |= set(re.findall('`([^`]+)`', line.split('|')[1]))
    found[DIAGNOSTICS, 'sync'] |= found[STATUS, 'frames']
    return found
