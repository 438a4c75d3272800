# SPDX-License-Identifier: Apache-2.0
"""All datasets by the names they have on the command line."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from rgbt_tracker_ros.benchmark.datasets import folder, generated, lasher, mmic, rgbx, vtuav
from rgbt_tracker_ros.benchmark.datasets.selection import Request
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
from rgbt_tracker_ros.errors import InputError

# The first split is the usual one.
_READERS: dict[str, tuple[Callable[[Request], Dataset], tuple[str, ...]]] = {
    'gtot': (mmic.load, ('',)),
    'rgbt210': (mmic.load, ('',)),
    'rgbt234': (mmic.load, ('',)),
    'lasher': (lasher.load, ('test', 'train')),
    'vtuav': (vtuav.load, ('st', 'lt', 'train')),
    'depthtrack': (rgbx.load_vot, ('test', 'train')),
    'cdtb': (rgbx.load_vot, ('test',)),
    'visevent': (rgbx.load_visevent, ('test', 'train')),
    'folder': (folder.load, ('',)),
    'generated': (generated.load, ('',)),
}
DATASETS = tuple(_READERS)


def splits_of(name: str) -> tuple[str, ...]:
    """Return the parts of a dataset, the usual one first; one empty name where there are none."""
    return _READERS[name][1]


def load_dataset(name: str, root: Path, split: str | None = None, allow_missing: bool = False,
                 only: Iterable[str] = (), rgb: Path | None = None,
                 thermal: Path | None = None) -> Dataset:
    """Read a dataset's sequences, without their images.

    Parameters
    ----------
    name
        One of DATASETS.
    root
        Folder of the dataset.
    split
        A part of it; None for the usual one, which is for testing.
    allow_missing
        Leave out sequences that are missing or incomplete, and say so in the notes.
    only
        Names of the sequences to take; all without any. Others may then be missing.
    rgb, thermal
        Folders of the recordings, for the tracks of `folder` whose videos are elsewhere.

    Raises
    ------
    InputError
        If there is no such dataset, split, folder or sequence, or the data are incomplete; the
        message says what is missing and what was expected.

    """
    if name not in _READERS:
        raise InputError(f'--dataset {name}: give {", ".join(DATASETS)}')
    load, splits = _READERS[name]
    if split is not None and split not in splits:
        choice = f'give {", ".join(splits)}' if splits[0] else 'leave it out, there is only one'
        raise InputError(f'--split {split}: {name} has no such split: {choice}')
    request = Request(name, Path(root).expanduser(), splits[0] if split is None else split,
                      allow_missing, tuple(only), rgb, thermal)
    return load(request)
