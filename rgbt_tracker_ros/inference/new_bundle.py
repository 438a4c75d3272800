# SPDX-License-Identifier: Apache-2.0
"""Writes model bundles: all of their files, or none."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOTDIR
import os
from pathlib import Path
import shutil
import tempfile

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.model_path import DESCRIPTION

# The description goes last: until then the old one's checksums reject the new graphs.
_FILES = ('template.onnx', 'search.onnx', DESCRIPTION)


@contextmanager
def new_bundle(folder: Path) -> Iterator[Path]:
    """Give a folder for the files of a bundle, which take their places when the block ends well.

    After an exception, Ctrl-C included, nothing of it is left. What else is in the bundle's
    folder, such as a model card, stays.

    Raises
    ------
    InputError
        If the folder cannot be written.

    """
    work = _work(folder)
    try:
        yield work
        folder.mkdir(exist_ok=True)
        for name in _FILES:
            os.replace(work / name, folder / name)
    except OSError as error:
        raise InputError(f'--output {folder} cannot be written ({error.strerror}): free some '
                         'room, or give another folder') from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_folder(folder: Path) -> None:
    """Refuse a folder that could not be written, before the work for its bundle is done.

    Raises
    ------
    InputError
        If the folder cannot be written.

    """
    _work(folder).rmdir()


def _work(folder: Path) -> Path:
    """Make an empty folder beside `folder`."""
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR))
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
    except OSError as error:
        raise InputError(f'--output {folder} cannot be written ({error.strerror}): give a folder '
                         'that can be made') from error
