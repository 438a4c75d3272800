# SPDX-License-Identifier: Apache-2.0
"""Success, precision and normalised precision of single-target tracking.

A frame is a success when IoU > threshold (strict) at the 21 thresholds 0, 0.05 .. 1; precise when
the centre error <= threshold (inclusive), in pixels; for normalised precision x and y errors are
divided by the true width and height, at the 51 thresholds 0, 0.01 .. 0.5. A result that is not
finite counts as a miss, and a frame whose truth is not finite does not count. The rest is in
`conventions`: it differs between benchmarks. Formulas and sources: docs/metrics.md.
"""
from __future__ import annotations

from rgbt_tracker_ros.benchmark.metrics.conventions import (
    CONVENTIONS,
    FOLDER,
    NORMALIZED_THRESHOLDS,
    SUCCESS_THRESHOLDS,
    Convention,
    convention_of,
)
from rgbt_tracker_ros.benchmark.metrics.frames import center_errors, overlaps
from rgbt_tracker_ros.benchmark.metrics.scoring import (
    Curves,
    Scores,
    mean_curves,
    mean_scores,
    precision_curve,
    score_track,
    success_curve,
    track_curves,
)

__all__ = [
    'CONVENTIONS', 'FOLDER', 'NORMALIZED_THRESHOLDS', 'SUCCESS_THRESHOLDS', 'Convention', 'Curves',
    'Scores', 'center_errors', 'convention_of', 'mean_curves', 'mean_scores', 'overlaps',
    'precision_curve', 'score_track', 'success_curve', 'track_curves',
]
