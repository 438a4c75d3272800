# SPDX-License-Identifier: Apache-2.0
"""Scripts of clips: the demonstration's, and varied random ones for training and tests."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rgbt_tracker_ros.synthetic.spec import (
    EVENTS,
    KINDS,
    THEMES,
    WORLD_WIDTH,
    Actor,
    ClipSpec,
    Event,
)

SPEEDS = {'person': 0.75, 'animal': 1.3, 'vehicle': 2.2, 'blob': 0.8}
"""Usual speed in own heights per second."""

_SIZES = {'person': (0.4, 0.85), 'animal': (0.25, 0.5), 'vehicle': (0.3, 0.6),
          'blob': (0.15, 0.45)}


def demo_spec(size: tuple[int, int] = (640, 480)) -> ClipSpec:
    """Return the 18 s clip of the demonstration: day, smoke, day, dark, day, with every event."""
    target = Actor('person', (
        (0.0, 0.48, 0.58), (2.0, 0.80, 0.64), (5.8, 1.42, 0.65), (6.6, 1.50, 0.60),
        (7.6, 1.38, 0.53), (12.6, 0.66, 0.54), (13.4, 0.62, 0.60), (14.2, 0.68, 0.66),
        (18.0, 1.30, 0.66)), size=0.60, heat=310, look=3)
    passer_by = Actor('person', (
        (0.0, 1.32, 0.73), (6.0, 0.25, 0.70), (12.0, 0.20, 0.70), (18.0, 0.60, 0.74)),
        size=0.60, heat=290, look=8)
    follower = Actor('person', (
        (0.0, 0.15, 0.46), (9.0, 1.62, 0.45), (18.0, 0.30, 0.46)), size=0.61, heat=320, look=5)
    late_comer = Actor('person', (
        (10.0, 1.75, 0.72), (18.0, 0.45, 0.76)), size=0.59, heat=300, look=11)
    waiting = Actor('person', ((0.0, 0.72, 0.40), (18.0, 0.74, 0.40)), size=0.60, heat=280, look=2)
    dog = Actor('animal', (
        (0.0, 1.42, 0.75), (6.0, 0.35, 0.72), (18.0, 0.2, 0.7)), size=0.27, heat=260, look=4)
    car = Actor('vehicle', (
        (0.5, -0.3, 0.33), (4.5, 2.5, 0.33), (9.5, 2.5, 0.33), (14.5, -0.4, 0.33)),
        size=0.50, heat=180, look=1)
    return ClipSpec(
        actors=(target, passer_by, follower, late_comer, waiting, dog, car), size=size,
        events=(
            Event('crossing', 1.9, 3.0),
            Event('glare', 3.3, 4.6, 0.8),
            Event('smoke', 4.9, 8.0),
            Event('occlusion', 8.6, 9.6),
            Event('shake', 10.1, 11.1),
            Event('freeze', 11.4, 12.1),
            Event('crossover', 12.4, 14.0),
            Event('dark', 14.2, 16.9)))


def random_spec(
    rng: np.random.Generator, size: tuple[int, int] = (640, 480), duration: float = 12.0,
    events: Sequence[str] | None = None,
) -> ClipSpec:
    """Return a varied clip for training: any theme, target kind, size, speed, hot or cold.

    Parameters
    ----------
    rng
        Source of randomness.
    size
        (width, height), pixels.
    duration
        Seconds.
    events
        Names of the events to include, set in random order; None = a random choice.

    """
    kind = str(rng.choice(KINDS, p=(0.5, 0.2, 0.15, 0.15)))
    target = _random_actor(rng, kind, duration, 0.9)
    others = int(rng.integers(0, 6))
    same = (kind if rng.random() < 0.6 else str(rng.choice(KINDS)) for _ in range(others))
    actors = (target, *(_random_actor(rng, other, duration, None) for other in same))
    if events is None:
        events = [name for name in EVENTS if name != 'crossing' and rng.random() < 0.35]
    return ClipSpec(
        actors=actors, events=_random_events(rng, events, duration), size=size, duration=duration,
        rgb_rate=float(rng.choice((15, 25, 30))), thermal_rate=float(rng.choice((9, 25, 30))),
        theme=str(rng.choice(THEMES)), ambient=float(rng.uniform(2500, 9000)),
        clutter=float(rng.uniform(0.5, 2.5)), sway=float(rng.uniform(0.0, 0.02)))


def _random_events(
    rng: np.random.Generator, names: Sequence[str], duration: float,
) -> tuple[Event, ...]:
    """Place the events one after another in random order; the first tenth stays clear."""
    order = [str(name) for name in rng.permutation(np.array(names, dtype=object))]
    begin, slot = 0.1 * duration, 0.9 * duration / max(len(order), 1)
    placed = []
    for index, name in enumerate(order):
        longest = 1.2 if name in ('occlusion', 'freeze') else 4.0
        length = min(slot * rng.uniform(0.5, 0.9), longest)
        start = begin + index * slot + rng.uniform(0, slot - length)
        strength = 1.0 if name in ('occlusion', 'freeze') else rng.uniform(0.6, 1.0)
        placed.append(Event(name, float(start), float(start + length), float(strength)))
    return tuple(placed)


def _random_actor(
    rng: np.random.Generator, kind: str, duration: float, hot: float | None,
) -> Actor:
    """Return a wandering actor; `hot` is the chance that it is warmer than its surroundings."""
    low, high = _SIZES[kind]
    size = float(rng.uniform(low, high))
    depth = float(rng.uniform(0.35, 0.8))
    x = float(rng.uniform(0.3, WORLD_WIDTH - 0.3))
    speed = SPEEDS[kind] * size * depth * 0.75 * float(rng.uniform(0.4, 1.5))
    heading = float(rng.choice((-1.0, 1.0)))
    time, path = 0.0, [(0.0, x, depth)]
    while time < duration:
        leg = float(rng.uniform(1.5, 5.0))
        if not 0.25 < x + heading * speed * leg < WORLD_WIDTH - 0.25:
            heading = -heading
        x = float(np.clip(x + heading * speed * leg, 0.2, WORLD_WIDTH - 0.2))
        depth = float(np.clip(depth + rng.normal(0, 0.05), 0.32, 0.85))
        time += leg
        path.append((time, x, depth))
        heading = -heading if rng.random() < 0.25 else heading
    sign = 1.0 if rng.random() < (hot if hot is not None else 0.8) else -0.6
    return Actor(kind, tuple(path), size, sign * float(rng.uniform(120, 420)),
                 int(rng.integers(1 << 30)))
