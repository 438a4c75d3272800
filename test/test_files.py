# SPDX-License-Identifier: Apache-2.0
"""Output files are whole or not there, and nothing else is harmed."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from rgbt_tracker_ros.benchmark.files import check_writable, replacing
from rgbt_tracker_ros.errors import InputError


def write(path: Path, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text)


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    with replacing(path) as part:
        part.write_text('whole')
        assert not path.exists()
    assert path.read_text() == 'whole'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('error', [KeyboardInterrupt, ValueError])
def test_an_interrupted_file_leaves_the_old_one(
        tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(error):
        _write_half(path, error)
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def _write_half(path: Path, error: type[BaseException]) -> None:
    with replacing(path) as part:
        part.write_text('half')
        raise error


def test_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / 'run_7.txt', tmp_path / 'newest.txt'
    link.symlink_to(path)
    for text in ('first', 'second'):
        write(link, text)
        assert path.read_text() == text
    assert link.is_symlink()


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write(path, 'boxes')
    assert os.read(reader, 100) == b'boxes'
    os.close(reader)
    assert path.is_fifo()


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match='it is a folder'):
        write(tmp_path, 'boxes')


def test_what_could_not_be_written_is_named_before_and_nothing_is_touched(tmp_path):
    old = tmp_path / 'old.json'
    old.write_text('old')
    check_writable({'--json': old, '--video': tmp_path / 'new.mp4', '--log': None})
    assert [path.name for path in tmp_path.iterdir()] == ['old.json']
    assert old.read_text() == 'old'
    with pytest.raises(InputError, match=r'--video .*cannot be written'):
        check_writable({'--json': old, '--video': tmp_path / 'none' / 'new.mp4'})
