# SPDX-License-Identifier: Apache-2.0
"""VTUAV: 176 short-term and 74 long-term test sequences from drones, and 250 for training.

Layout as read by its authors' tracker (zhang-pengyu/HMFT) and by ViPT, CKD and AINet: `rgb/`,
`ir/` (jpg) and `rgb.txt`, `ir.txt` as x, y, w, h with blanks, every tenth frame annotated
(HMFT `ltr/dataset/UAV_RGBT.py`: line k is image 10 k after the sequence's first, which is not
always number 0). The other frames are tracked but not scored. Sequences lie in numbered parts,
`test_ST_001/`, `test_LT_001/`, `train_ST_001/`, which some copies put in `test_ST/` or
`short-term/`; all these are found. Lists, where there are some: `VTUAV-ST.txt`, `VTUAV-LT.txt`.
"""
from __future__ import annotations

from pathlib import Path
import re

from rgbt_tracker_ros.benchmark.datasets.layout import Layout
from rgbt_tracker_ros.benchmark.datasets.selection import (
    Expected,
    Request,
    find_sequences,
    list_in,
    select,
)
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset

COUNTS = {'st': 176, 'lt': 74, 'train': 250}
FPS = 30.0

_LAYOUT = Layout('rgb', 'ir', {'rgb': 'rgb.txt', 'thermal': 'ir.txt'}, every=10)
_LISTS = {'st': ['VTUAV-ST.txt'], 'lt': ['VTUAV-LT.txt'], 'train': ['VTUAV-train.txt']}
_PARTS = {'st': re.compile(r'test[-_ ]?st|short', re.IGNORECASE),
          'lt': re.compile(r'test[-_ ]?lt|long', re.IGNORECASE),
          'train': re.compile(r'train', re.IGNORECASE)}


def load(request: Request) -> Dataset:
    """Read the split `st`, `lt` or `train`; see `load_dataset`."""
    found = {name: [item for item in folders
                    if _split_of(item, request.root) in (request.split, None)]
             for name, folders in find_sequences(request.root, _LAYOUT.marks).items()}
    found = {name: folders for name, folders in found.items() if folders}
    expected = Expected(f'{_LAYOUT.text} below test_ST, test_LT or train folders',
                        list_in(request.root, _LISTS[request.split]), COUNTS[request.split])
    return select(request, found, expected,
                  lambda folder, name, notes: _LAYOUT.read(folder, name, notes, fps=FPS))


def _split_of(folder: Path, root: Path) -> str | None:
    """Return the split that the folders above a sequence name, None when they name none."""
    for part in (root.resolve().name, *folder.relative_to(root).parts[:-1]):
        for split, pattern in _PARTS.items():
            if pattern.match(part):
                return split
    return None
