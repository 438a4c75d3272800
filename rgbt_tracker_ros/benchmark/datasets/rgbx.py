# SPDX-License-Identifier: Apache-2.0
"""RGB-depth (DepthTrack, CDTB) and RGB-event (VisEvent) datasets.

DepthTrack and CDTB have the layout of the VOT toolkit (votchallenge/toolkit `vot/dataset/
common.py`): `color/`, `depth/` (16 bit), `groundtruth.txt` as x, y, w, h, nan or a single number
where the target is absent, which may end before the images do; `sequence` with `fps=`; `*.tag`
and `*.label` with a 0 or 1 per frame, whose names are the attributes; `list.txt` in the root.

VisEvent (`vis_imgs/`, `event_imgs/`, `groundtruth.txt`; ViPT `RGBE_workspace/test_rgbe_mgpus.py`)
begins with absent frames in some sequences: tracking starts at the first box, as in ViPT and in
the toolkit's own annotation. Where the target is absent is told by the boxes: in all 320 test
sequences of the toolkit a box has no area exactly where the toolkit says absent, whereas the
meaning of the flags in `absent_label.txt` is the opposite of that of the toolkit's.
"""
from __future__ import annotations

from pathlib import Path

from rgbt_tracker_ros.benchmark.datasets.layout import Layout
from rgbt_tracker_ros.benchmark.datasets.selection import (
    Expected,
    Request,
    find_sequences,
    list_in,
    select,
)
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset, Sequence
from rgbt_tracker_ros.errors import InputError

_VOT = Layout('color', 'depth', {'both': 'groundtruth.txt'})
_EVENT = Layout('vis_imgs', 'event_imgs', {'both': 'groundtruth.txt'})
_COUNTS = {('depthtrack', 'test'): 50, ('cdtb', 'test'): 80, ('visevent', 'test'): 320,
           ('visevent', 'train'): 500}
_EVENT_LISTS = {'test': ('testlist.txt', 'VisEvent_testing_subset.txt'),
                'train': ('trainlist.txt', 'VisEvent_train_subset_ALL.txt')}


def load_vot(request: Request) -> Dataset:
    """Read DepthTrack or CDTB; see `load_dataset`."""
    return select(request, find_sequences(request.root, _VOT.marks),
                  Expected(_VOT.text, list_in(request.root, ['list.txt']),
                           _COUNTS.get((request.dataset, request.split))), _read_vot)


def load_visevent(request: Request) -> Dataset:
    """Read the split `test` or `train` of VisEvent; see `load_dataset`."""
    other = 'train' if request.split == 'test' else 'test'
    found = {}
    for name, folders in find_sequences(request.root, _EVENT.marks).items():
        inside = [item for item in folders if not any(
            part.lower().startswith(other)
            for part in item.relative_to(request.root).parts[:-1])]
        if inside:
            found[name] = inside
    expected = Expected(_EVENT.text, list_in(request.root, _EVENT_LISTS[request.split]),
                        _COUNTS[request.dataset, request.split])
    return select(request, found, expected,
                  lambda folder, name, notes: _EVENT.read(folder, name, notes,
                                                          start_when_present=True))


def _read_vot(folder: Path, name: str, notes: list[str]) -> Sequence:
    return _VOT.read(folder, name, notes, attributes=_tags(folder), fps=_fps(folder))


def _tags(folder: Path) -> tuple[str, ...]:
    files = sorted([*folder.glob('*.tag'), *folder.glob('*.label')])
    return tuple(file.stem for file in files
                 if '1' in file.read_text(errors='replace').split())


def _fps(folder: Path) -> float | None:
    file = folder / 'sequence'
    if not file.is_file():
        return None
    for line in file.read_text(errors='replace').splitlines():
        key, _, value = line.partition('=')
        if key.strip() == 'fps':
            try:
                return float(value)
            except ValueError:
                raise InputError(f'sequence: fps={value.strip()} is no number') from None
    return None
