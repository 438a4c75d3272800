# SPDX-License-Identifier: Apache-2.0
"""The documentation builds, and no link in it is broken."""
from __future__ import annotations

from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).resolve().parents[1]


def test_documentation_builds_strictly(tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--quiet', '--site-dir', tmp_path],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for page in (ROOT / 'docs').glob('*.md'):
        folder = '.' if page.stem == 'index' else page.stem
        assert (tmp_path / folder / 'index.html').is_file(), page.name


def test_every_page_can_be_reached_from_the_start_page():
    pages = {path.name: path.read_text() for path in (ROOT / 'docs').glob('*.md')}
    reached, waiting = set(), ['index.md']
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [other for other in pages if f'({other}' in pages[name]
                    and other not in reached]
    assert reached == set(pages)
