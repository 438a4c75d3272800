# SPDX-License-Identifier: Apache-2.0
"""How calibrated the scores are that `evaluate` logged beside its box files."""
from __future__ import annotations

from collections.abc import Iterable
import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.benchmark.groundtruth import Truth
from rgbt_tracker_ros.benchmark.judged import calibration_figures, judge
from rgbt_tracker_ros.benchmark.metrics import Convention
from rgbt_tracker_ros.benchmark.protocol.store import LOGS
from rgbt_tracker_ros.errors import InputError

_COLUMNS = ('x', 'y', 'w', 'h', 'score')


def logged_calibration(folder: Path, truths: Iterable[Truth], convention: Convention,
                       ) -> dict[str, Any] | None:
    """Return `judged.calibration_figures` of logs; None where there are none, or no frame counts.

    Parameters
    ----------
    folder
        Of the box files; `logs/<sequence>.csv` in it has the scores.
    truths
        Ground truth; sequences without a log are passed over.
    convention
        Rules of the benchmark.

    Raises
    ------
    InputError
        If a log is torn, or does not fit the ground truth.

    """
    found = []
    for truth in truths:
        path = folder / LOGS / f'{truth.name}.csv'
        if path.is_file():
            rows = _read(path)
            if truth.frames - truth.spare > len(rows) or len(rows) > truth.frames:
                raise InputError(f'{path} has {len(rows)} frames, the ground truth has '
                                 f'{truth.frames}: evaluate it again, or remove the log')
            found.append(judge(truth, rows[:, :4], rows[:, 4], convention))
    return calibration_figures(found)


def _read(path: Path) -> NDArray[np.float64]:
    """Return N x 5: x, y, w, h and score."""
    try:
        with path.open(encoding='utf-8', newline='') as file:
            rows = [[float(row[name]) for name in _COLUMNS] for row in csv.DictReader(file)]
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f'{path}: numbers in the columns {", ".join(_COLUMNS)} are needed: '
                         'evaluate it again, or remove the log') from error
    table = np.array(rows, np.float64).reshape(-1, len(_COLUMNS))
    if not np.isfinite(table).all():
        raise InputError(f'{path}: a box or score is not finite: evaluate it again, or remove '
                         'the log')
    return table
