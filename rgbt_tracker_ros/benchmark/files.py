# SPDX-License-Identifier: Apache-2.0
"""Output files that are there whole or not at all."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
import json
import os
from pathlib import Path
from typing import Any

from rgbt_tracker_ros.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file beside `path` that takes its place when the block ends well.

    After an exception, Ctrl-C included, the temporary file is removed and `path` is as it was. A
    link stays a link, to the new file. A device or a pipe, such as /dev/stdout, cannot be
    replaced: it is given itself.

    Raises
    ------
    InputError
        If the folder is missing or cannot be written to, or `path` is a folder.

    """
    if path.is_dir():
        raise InputError(f'{path} cannot be written (it is a folder): give the name of a file')
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        yield path
        return
    part = target.with_name(f'.{target.stem}.part{os.getpid()}{target.suffix}')
    try:
        part.touch()
    except OSError as error:
        raise InputError(f'{path} cannot be written ({error.strerror}): '
                         'give a file in a folder that exists and is writable') from error
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def check_writable(places: Mapping[str, Path | None]) -> None:
    """Refuse files that could not be written, before the work for them is done.

    Parameters
    ----------
    places
        By option, None where it is not given. Files that are there stay as they are.

    Raises
    ------
    InputError
        If `replacing` could not be used on one; the message names the option.

    """
    for option, path in places.items():
        if path is not None:
            try:
                # Nothing takes the place of the file when the block does not end well.
                with suppress(_TrialEndError), replacing(path):
                    raise _TrialEndError
            except InputError as error:
                raise InputError(f'{option} {error}') from error


class _TrialEndError(Exception):
    """Ends a trial before anything is replaced."""


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a report as JSON, whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')
