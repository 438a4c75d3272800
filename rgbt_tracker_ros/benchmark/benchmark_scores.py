# SPDX-License-Identifier: Apache-2.0
"""Scores of a tracker's box files over a whole benchmark, and by attribute.

Nothing is mended silently: a file that is missing or does not fit is an error that says where, or,
if that is allowed, its sequence is left out and named.
"""
from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rgbt_tracker_ros.benchmark.box_files import Floats, Layout, as_xywh, parse_boxes
from rgbt_tracker_ros.benchmark.groundtruth import Truth
from rgbt_tracker_ros.benchmark.metrics import Convention, Curves, mean_curves, track_curves
from rgbt_tracker_ros.benchmark.results import (
    ResultFiles,
    match_prefix,
    missing_files,
    some,
    unknown_files,
)
from rgbt_tracker_ros.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkScores:
    """What was measured.

    Attributes
    ----------
    convention
        Rules of the benchmark.
    curves
        By sequence.
    attributes
        Names of the sequences that have an attribute, by attribute.
    left_out
        Why a sequence is not scored, by sequence.
    notes
        What else the reader should know.

    """

    convention: Convention
    curves: Mapping[str, Curves]
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def mean(self, sequences: Iterable[str] | None = None) -> Curves:
        """Return the mean over the sequences, all by default."""
        names = self.curves if sequences is None else sequences
        return mean_curves([self.curves[name] for name in names], self.convention)


def score_benchmark(files: ResultFiles, truths: Sequence[Truth], convention: Convention,
                    prefix: str | None = None, layout: Layout = 'xywh',
                    allow_missing: bool = False) -> BenchmarkScores:
    """Score the box files of one tracker.

    Parameters
    ----------
    files
        Box files, `<prefix><sequence>.txt`.
    truths
        Ground truth of all sequences.
    convention
        Rules of the benchmark.
    prefix
        What stands before the sequence in the file names; None: found out.
    layout
        What four numbers in a line are.
    allow_missing
        Leave out sequences whose file is missing or does not fit, instead of refusing.

    Raises
    ------
    InputError
        If nothing can be scored, or a file is missing or does not fit and `allow_missing` is
        false.

    """
    names = [truth.name for truth in truths]
    prefix = match_prefix(files, names, prefix)
    faults = missing_files(files, names, prefix)
    curves: dict[str, Curves] = {}
    notes: list[str] = []
    for truth in truths:
        if truth.name in faults:
            continue
        try:
            boxes = _boxes(files, prefix + truth.name, truth, layout, notes)
        except InputError as error:
            faults[truth.name] = str(error)
            continue
        used = truth.first(len(boxes))
        curves[truth.name] = track_curves(boxes, used.boxes, used.use, convention)
    if faults and not (allow_missing and curves):
        raise InputError(_refusal(files, names, faults))
    unknown = [f'{stem}.txt' for stem in unknown_files(files, names, prefix)]
    if unknown:
        notes.append(f'{files.place}: files that belong to no sequence of the dataset: '
                     f'{some(unknown)}')
    return BenchmarkScores(convention, curves, by_attribute(truths, curves), faults, notes)


def by_attribute(truths: Iterable[Truth], scored: Container[str]) -> dict[str, list[str]]:
    """Return the names of the scored sequences that have an attribute, by attribute."""
    attributes: dict[str, list[str]] = {}
    for truth in truths:
        for attribute in truth.attributes if truth.name in scored else ():
            attributes.setdefault(attribute, []).append(truth.name)
    return attributes


def _boxes(files: ResultFiles, stem: str, truth: Truth, layout: Layout, notes: list[str],
           ) -> Floats:
    boxes = parse_boxes(files.text(stem), files.name(stem))
    broken = np.flatnonzero(~np.isfinite(boxes).all(axis=1))
    if len(broken):
        raise InputError(f'{files.name(stem)}: box {broken[0] + 1} is not finite (there are '
                         f'{len(broken)} such): a tracker must give a box for each frame')
    absent = truth.frames - len(boxes)
    if 0 < absent <= truth.spare:
        notes.append(f'{truth.name}: the ground truth has {truth.frames} boxes, the results '
                     f'{len(boxes)}: a known fault of the dataset, the common part is scored')
    elif absent:
        raise InputError(f'{files.name(stem)} has {len(boxes)} boxes, the ground truth has '
                         f'{truth.frames}: one for each frame, the first included, is needed')
    return as_xywh(boxes, layout)


def _refusal(files: ResultFiles, names: Sequence[str], faults: Mapping[str, str]) -> str:
    said = [faults[name] for name in names if name in faults]
    way = ('mend them, or score the rest by --allow-missing' if len(said) < len(names)
           else 'nothing is left to score: check --dataset and --prefix')
    return (f'--results {files.place}: {len(said)} of {len(names)} sequences cannot be scored: '
            f'{some(said, between="; ")}: {way}')
