# SPDX-License-Identifier: Apache-2.0
"""Faults of clocks and bags: stamps that are wrong, missing, or jump."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rgbt_tracker_ros.ros.soak.bench import Bench
from rgbt_tracker_ros.ros.soak.camera_faults import BOTH, befalls
from rgbt_tracker_ros.ros.soak.cameras import Shot
from rgbt_tracker_ros.ros.soak.schedule import Plan

_SECOND = 10**9


def bad_stamps(restamp: Callable[[int, np.random.Generator], int]
               ) -> Callable[[Bench, Plan], None]:
    """Return a fault in which stamps are wrong; `restamp` gets the right one, nanoseconds."""
    def run(bench: Bench, plan: Plan) -> None:
        rng = np.random.default_rng(plan.seed)
        def change(shot: Shot) -> None:
            if befalls(plan, shot):
                shot.stamp = restamp(shot.stamp, rng)
        bench.cameras.show(change)
        bench.rest(plan.seconds)
    return run


def equal_stamps(bench: Bench, plan: Plan) -> None:
    """Give all images one stamp."""
    stamps: dict[str, int] = {}
    def change(shot: Shot) -> None:
        if befalls(plan, shot):
            shot.stamp = stamps.setdefault(shot.camera, shot.stamp)
    bench.cameras.show(change)
    bench.rest(plan.seconds)


def jitter(stamp: int, rng: np.random.Generator) -> int:
    """Return a stamp up to a tenth of a second off, so that many go backward."""
    return stamp + int(rng.uniform(-0.1, 0.1) * _SECOND)


def future(stamp: int, rng: np.random.Generator) -> int:
    """Return a stamp an hour ahead."""
    return stamp + 3600 * _SECOND


def past(stamp: int, rng: np.random.Generator) -> int:
    """Return a stamp of last year."""
    return stamp - 365 * 86400 * _SECOND


def random_stamps(stamp: int, rng: np.random.Generator) -> int:
    """Return any stamp."""
    return int(rng.integers(1, 2**31 - 1)) * _SECOND


def zero_stamps(bench: Bench, plan: Plan) -> None:
    """Set no stamps at all; the node then takes the time of arrival."""
    bench.judge.unstamped = True
    def change(shot: Shot) -> None:
        if befalls(plan, shot):
            shot.stamp = 0
    bench.cameras.show(change)
    bench.rest(plan.seconds)
    bench.cameras.show()
    bench.rest(1.0)
    bench.judge.unstamped = False


def bag_loop(bench: Bench, plan: Plan) -> None:
    """Let all stamps jump back for good, as when a bag begins anew."""
    back = np.random.default_rng(plan.seed).uniform(2.0, 60.0)
    bench.cameras.offset -= int(back * _SECOND)
    bench.rest(plan.seconds / 2)


def bag_skip(bench: Bench, plan: Plan) -> None:
    """Let all stamps jump ahead for good, as when a bag is played from a later place."""
    ahead = np.random.default_rng(plan.seed).uniform(2.0, 60.0)
    bench.cameras.offset += int(ahead * _SECOND)
    bench.rest(plan.seconds / 2)


FAULTS: dict[str, tuple[Callable[[Bench, Plan], None], tuple[str, ...]]] = {
    'equal stamps': (equal_stamps, (BOTH,)),
    'stamps jitter': (bad_stamps(jitter), (BOTH,)),
    'zero stamps': (zero_stamps, (BOTH,)),
    'future stamps': (bad_stamps(future), (BOTH,)),
    'past stamps': (bad_stamps(past), ('rgb',)),
    'random stamps': (bad_stamps(random_stamps), (BOTH,)),
    'bag loop': (bag_loop, ()),
    'bag skip': (bag_skip, ()),
}
"""What happens, and its variants: the camera it befalls."""
