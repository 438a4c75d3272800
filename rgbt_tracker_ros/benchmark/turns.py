# SPDX-License-Identifier: Apache-2.0
"""Times of several trackers that take turns on each frame, so that all meet the same machine.

One after the other they would not compare: what else runs on a machine changes within minutes.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from rgbt_tracker_ros.benchmark.datasets.sequence import Dataset
from rgbt_tracker_ros.benchmark.protocol.job import Job
from rgbt_tracker_ros.benchmark.recording import read_frames
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer

SEQUENCES = 5
FRAMES = 25
"""Of each sequence, the first one included, in which the target is taken."""


def times_in_turns(jobs: Sequence[Job], dataset: Dataset, settings: Settings) -> dict[Job, float]:
    """Return the median time that each tracker takes for a frame, milliseconds, one thread.

    Frames are read and prepared for all beforehand; that time is not in it. Sequences whose first
    frame lacks a camera are passed over.

    Raises
    ------
    InputError
        If a frame cannot be read.

    """
    trackers = [(job, job.load()) for job in jobs]
    times: dict[Job, list[float]] = {job: [] for job in jobs}
    for sequence in dataset.sequences[:SEQUENCES]:
        prepare = PairPreparer(settings)
        raws = islice(read_frames(sequence.rgb, sequence.thermal, sequence.start),
                      min(FRAMES, len(sequence)))
        pairs = [prepare(raw.rgb, raw.thermal, raw.stamp).pair for raw in raws]
        starts = [None if pairs[0] is None else _seen(pairs[0], job.modality) for job in jobs]
        if any(start is None for start in starts):
            continue
        for (_, tracker), start in zip(trackers, starts, strict=True):
            assert start is not None
            tracker.reset()
            tracker.initialize(start, sequence.init)
        for number, pair in enumerate(pair for pair in pairs[1:] if pair is not None):
            # Each turn begins with another one: none always follows the same other.
            turn = number % len(trackers)
            for job, tracker in trackers[turn:] + trackers[:turn]:
                seen = _seen(pair, job.modality)
                if seen is not None:
                    times[job].append(tracker.track(seen).total_ms)
    return {job: float(np.median(spent)) for job, spent in times.items() if spent}


def _seen(pair: ImagePair, modality: str) -> ImagePair | None:
    """Return the pair as a tracker on one camera gets it; None when that camera is missing."""
    if modality not in ('rgb', 'thermal'):
        return pair
    if getattr(pair, modality) is None:
        return None
    return replace(pair, thermal=None) if modality == 'rgb' else replace(pair, rgb=None)
