# SPDX-License-Identifier: Apache-2.0
"""Figures of a comparison, ready for JSON, and the verdict."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rgbt_tracker_ros.benchmark.drift.measure import Drift

LEAST_OVERLAP = 0.98
"""Mean IoU with the reference's boxes under which nothing is fit to be used in its place."""


def drift_report(drifts: Mapping[str, Drift], least: float = LEAST_OVERLAP) -> dict[str, Any]:
    """Return the figures of all candidates by name; `passed` is true when all are good."""
    rows = {name: candidate_report(drift, least) for name, drift in drifts.items()}
    return {'least_overlap': least, 'candidates': rows,
            'passed': bool(rows) and all(row['passed'] for row in rows.values())}


def candidate_report(drift: Drift, least: float = LEAST_OVERLAP) -> dict[str, Any]:
    """Return one candidate's figures.

    `overlap` is on the reference's own search regions, so it is about the backend alone; `track`
    is what becomes of it when the candidate tracks by itself.
    """
    if drift.failed or not drift.overlaps:
        reason = drift.failed or 'the reference never tracks the target: give other sequences'
        return {'passed': False, 'reason': reason}
    overlap = np.array(drift.overlaps)
    times = 1000 * np.array(drift.seconds)
    mean = float(overlap.mean())
    sr = np.array(list(drift.sr.values()), np.float64)
    return {
        'passed': mean >= least,
        'reason': '' if mean >= least else f'mean box IoU {mean:.4f} is under {least:g}',
        'frames': len(overlap),
        'overlap': {'mean': mean, 'median': float(np.median(overlap)),
                    'p5': float(np.percentile(overlap, 5)), 'least': float(overlap.min())},
        'errors': {part: {'mean': float(np.mean(values)), 'largest': float(np.max(values))}
                   for part, values in drift.errors.items()},
        'search_ms': {
            'reference': _spread(times[:, 0]), 'own': _spread(times[:, 1]),
            'speed_up': float(np.median(times[:, 0] / times[:, 1])),
            'speed_up_best': float(times[:, 0].min() / times[:, 1].min())},
        'track': {
            'overlap': float(np.mean(list(drift.track_overlaps.values()))),
            'reference_sr': float(np.nanmean(sr[:, 0])), 'sr': float(np.nanmean(sr[:, 1])),
            'sequences': {
                name: {'overlap': value, 'reference_sr': drift.sr[name][0],
                       'sr': drift.sr[name][1]}
                for name, value in drift.track_overlaps.items()}},
        'worst': [{'sequence': item.sequence, 'frame': item.frame, 'overlap': item.overlap}
                  for item in drift.worst]}


def _spread(times: np.ndarray) -> dict[str, float]:
    return {'p50': float(np.median(times)), 'best': float(times.min())}
