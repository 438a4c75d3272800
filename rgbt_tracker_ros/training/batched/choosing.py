# SPDX-License-Identifier: Apache-2.0
"""Which moments of which targets the samples of a batch are made of."""
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rgbt_tracker_ros.training.batched.cutting import Numbers
from rgbt_tracker_ros.training.batched.tables import Tables


class Chosen(NamedTuple):
    """Numbers of N targets, and of their moments in template, dynamic template and search."""

    targets: Numbers
    first: Numbers
    between: Numbers
    last: Numbers


class Chooser:
    """Chooses moments of the same target, as `sources.MomentSource` or around meetings.

    Parameters
    ----------
    tables
        Of the bank.
    gaps
        Of each pool, the largest number of moments between template and search.
    meetings
        Share of samples, of pools in which targets meet, whose template and search lie before
        and after (or after and before) a moment in which the target's box overlaps a rival's.

    """

    def __init__(self, tables: Tables, gaps: Numbers, meetings: float = 0.0) -> None:
        self._tables, self._gaps, self._share = tables, gaps, meetings
        self._meetings = np.flatnonzero(_meets(tables))
        self._owners = np.repeat(np.arange(len(tables['targets'])), tables['targets']['count'])
        # Targets of a pool, and moments of a target, follow each other.
        pools = np.repeat(np.arange(len(gaps)), tables['pools']['count'])
        at = pools[self._owners[self._meetings]]
        self._start = np.searchsorted(at, np.arange(len(gaps)))
        self._count = np.searchsorted(at, np.arange(len(gaps)), 'right') - self._start

    def choose(self, pools: Numbers, rng: np.random.Generator) -> Chosen:
        """Choose a target, and its moments, of each of these pools."""
        owners, gaps = self._tables['pools'][pools], self._gaps[pools]
        targets = owners['start'] + rng.integers(owners['count'])
        spans = self._tables['targets'][targets]
        first = rng.integers(spans['count'])
        last = rng.integers(
            np.maximum(first - gaps, 0), np.minimum(first + gaps + 1, spans['count']))
        first, last = first + spans['start'], last + spans['start']
        if self._share:
            rows = np.flatnonzero(
                (rng.random(len(pools)) < self._share) & (self._count[pools] > 0))
            targets[rows], first[rows], last[rows] = self._around(pools[rows], gaps[rows], rng)
        between = rng.integers(np.minimum(first, last), np.maximum(first, last) + 1)
        return Chosen(targets, first, between, last)

    def _around(
        self, pools: Numbers, gaps: Numbers, rng: np.random.Generator,
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Return targets and two moments of each, with a meeting at or between them."""
        meeting = self._meetings[self._start[pools] + rng.integers(self._count[pools])]
        targets = self._owners[meeting]
        spans = self._tables['targets'][targets]
        final = spans['start'] + spans['count'] - 1
        before = meeting - rng.integers(np.minimum(meeting - spans['start'], gaps) + 1)
        after = meeting + rng.integers(
            np.minimum(final - meeting, gaps - (meeting - before)) + 1)
        backwards = rng.random(len(pools)) < 0.5
        return (targets, np.where(backwards, after, before),
                np.where(backwards, before, after))


def _meets(tables: Tables) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell in which moments the target's box overlaps that of a rival."""
    moments = tables['moments']
    owners = np.repeat(np.arange(len(moments)), moments['count'])
    one, other = moments['box'][owners], tables['rivals']['box']
    low = np.maximum(one[:, :2], other[:, :2])
    high = np.minimum(one[:, :2] + one[:, 2:], other[:, :2] + other[:, 2:])
    meets = np.zeros(len(moments), bool)
    meets[owners[(high > low).all(1)]] = True
    return meets
