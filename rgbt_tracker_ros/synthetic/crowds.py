# SPDX-License-Identifier: Apache-2.0
"""Scripts of clips in which people cross the target, in clear view or when it is hard to see."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rgbt_tracker_ros.synthetic.scripts import SPEEDS
from rgbt_tracker_ros.synthetic.spec import THEMES, WORLD_WIDTH, Actor, ClipSpec, Event

_MARGIN = 0.25
_CROSSING_S = 0.6
"""Half the time for which a crossing lasts."""


def crowd_spec(
    rng: np.random.Generator, size: tuple[int, int] = (640, 480), duration: float = 8.0,
    crossings: int = 3, hardships: Sequence[str] = (), far: bool = False,
) -> ClipSpec:
    """Return a clip in which people much like the target pass closely before and behind it.

    Parameters
    ----------
    rng
        Source of randomness.
    size
        (width, height), pixels.
    duration
        Seconds.
    crossings
        How many people cross the target, at times spread over the clip.
    hardships
        Names of events that begin after the first fifth and last to the end.
    far
        The target is small.

    """
    tall = float(rng.uniform(0.24, 0.3) if far else rng.uniform(0.45, 0.65))
    depth = float(rng.uniform(0.38, 0.48) if far else rng.uniform(0.5, 0.7))
    heat = float(rng.uniform(150, 380))
    target = Actor('person', _walk(rng, duration, tall, depth), tall, heat,
                   int(rng.integers(1 << 30)))
    times = duration * (np.linspace(0, 1, crossings + 2)[1:-1]
                        + rng.uniform(-0.05, 0.05, crossings))
    others = tuple(_passer_by(rng, target, float(time)) for time in times)
    events = [Event('crossing', max(float(time) - _CROSSING_S, 0.0), float(time) + _CROSSING_S)
              for time in times]
    events += [Event(name, 0.2 * duration, duration, float(rng.uniform(0.75, 1.0)))
               for name in hardships]
    return ClipSpec((target, *others), tuple(events), size, duration,
                    theme=str(rng.choice(THEMES)), ambient=float(rng.uniform(2500, 9000)),
                    clutter=float(rng.uniform(0.5, 2.0)))


def _walk(rng: np.random.Generator, duration: float, tall: float, depth: float,
          ) -> tuple[tuple[float, float, float], ...]:
    """Return a path that turns back at the ends of the world, and sometimes before."""
    x, heading = float(rng.uniform(0.5, WORLD_WIDTH - 0.5)), float(rng.choice((-1.0, 1.0)))
    time, path = 0.0, [(0.0, x, depth)]
    while time < duration:
        leg = float(rng.uniform(1.5, 4.0))
        way = heading * _speed(tall, depth) * leg
        if not _MARGIN < x + way < WORLD_WIDTH - _MARGIN:
            heading, way = -heading, -way
        x = float(np.clip(x + way, _MARGIN, WORLD_WIDTH - _MARGIN))
        depth = float(np.clip(depth + rng.normal(0, 0.02), 0.35, 0.8))
        time += leg
        path.append((time, x, depth))
        heading = -heading if rng.random() < 0.2 else heading
    return tuple(path)


def _passer_by(rng: np.random.Generator, target: Actor, meeting: float) -> Actor:
    """Return a person who is where the target is, a step before or behind it, at `meeting`."""
    times, xs, ys = np.array(target.path).T
    x, y = (float(np.interp(meeting, times, line)) for line in (xs, ys))
    y += float(rng.choice((-1, 1)) * rng.uniform(0.01, 0.04))
    heading = float(np.sign(np.interp(meeting + 0.3, times, xs) -
                            np.interp(meeting - 0.3, times, xs))) or 1.0
    # Most come towards it; some overtake it.
    pace = -1.0 if rng.random() < 0.7 else 2.2
    way = heading * pace * _speed(target.size, y) * 5.0
    return Actor('person', ((meeting - 5.0, x - way, y), (meeting, x, y),
                            (meeting + 5.0, x + way, y)),
                 target.size * float(rng.uniform(0.93, 1.07)),
                 target.heat * float(rng.uniform(0.85, 1.15)), int(rng.integers(1 << 30)))


def _speed(tall: float, depth: float) -> float:
    """Return the usual walking speed, view widths per second."""
    return SPEEDS['person'] * tall * depth * 0.75
