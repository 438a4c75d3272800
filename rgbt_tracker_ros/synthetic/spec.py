# SPDX-License-Identifier: Apache-2.0
"""What a generated clip shows: its size and rates, who walks where, and which events happen.

Times are seconds of the clip. Places are (x, y): x in view widths from the left end of the world
(the camera pans over a world WORLD_WIDTH views wide), y the depth on the ground from 0 (horizon)
to 1 (lower edge of the world). A thing's size shrinks with its depth y as perspective demands.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from rgbt_tracker_ros.errors import InputError

WORLD_WIDTH = 2.2
KINDS = ('person', 'animal', 'vehicle', 'blob')
THEMES = ('street', 'park', 'yard')
EVENTS = ('smoke', 'dark', 'glare', 'shake', 'freeze', 'crossover', 'occlusion', 'crossing')
"""Kinds of event: smoke and dark blind RGB, glare dazzles it, shake moves the camera, freeze
repeats one thermal frame, crossover takes the thermal contrast away, occlusion hides the target
behind a wall, crossing marks where a distractor passes (the actors' paths make it happen)."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens between `start` and `end` seconds; strength in 0..1."""

    name: str
    start: float
    end: float
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in EVENTS:
            raise InputError(f'event {self.name!r} is not one of {", ".join(EVENTS)}')
        if not 0 <= self.start < self.end or not 0 <= self.strength <= 1:
            raise InputError(
                f'event {self}: 0 <= start < end and 0 <= strength <= 1 are needed')

    def envelope(self, time: float, ramp: float = 0.35) -> float:
        """Return the strength at `time`: it rises and falls over `ramp` seconds."""
        edge = min(time - self.start, self.end - time) / ramp
        smooth = min(max(edge, 0.0), 1.0)
        return self.strength * smooth * smooth * (3 - 2 * smooth)


@dataclass(frozen=True, slots=True)
class Actor:
    """A moving thing.

    Attributes
    ----------
    kind
        One of KINDS.
    path
        Waypoints (time, x, y), times ascending; before and after them it stands still.
    size
        Height in view heights at depth y = 1.
    heat
        Thermal counts over the ambient; negative = colder than what is around.
    look
        Seed of clothes, build and gait; two actors with the same look are twins.

    """

    kind: str
    path: tuple[tuple[float, float, float], ...]
    size: float = 0.6
    heat: float = 300.0
    look: int = 0

    def __post_init__(self) -> None:
        times = [point[0] for point in self.path]
        if self.kind not in KINDS:
            raise InputError(f'actor kind {self.kind!r} is not one of {", ".join(KINDS)}')
        finite = all(isfinite(value) for point in self.path for value in point)
        if not times or not finite or sorted(times) != times or not 0 < self.size < inf:
            raise InputError(f'actor {self}: waypoints with ascending times and size > 0 needed')
        if min(y for _, _, y in self.path) <= 0:
            raise InputError(f'actor {self}: its depths y must be over 0, which is the horizon')


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """One clip; `demo_spec` and `random_spec` make them.

    Attributes
    ----------
    size
        (width, height) of both cameras, pixels.
    duration
        Seconds.
    rgb_rate, thermal_rate
        Frames per second.
    jitter
        Standard deviation of the stamps about their even spacing, seconds.
    theme
        One of THEMES.
    actors
        The first is the target.
    events
        In any order; they may overlap.
    ambient
        Thermal counts of the surroundings.
    clutter
        Contrast of the thermal background, 1 = that of an overcast day.
    sway
        Size of the camera's unrest, in view heights.

    """

    actors: tuple[Actor, ...]
    events: tuple[Event, ...] = ()
    size: tuple[int, int] = (640, 480)
    duration: float = 18.0
    rgb_rate: float = 30.0
    thermal_rate: float = 25.0
    jitter: float = 0.001
    theme: str = 'street'
    ambient: float = 3000.0
    clutter: float = 1.0
    sway: float = 0.008

    def __post_init__(self) -> None:
        if not self.actors:
            raise InputError('a clip needs at least one actor, its target: actors is empty')
        if self.theme not in THEMES:
            raise InputError(f'theme {self.theme!r} is not one of {", ".join(THEMES)}')
        if min(self.size) < 64 or max(self.size) > 4096:
            raise InputError(f'size {self.size} of a clip must be 64 to 4096 pixels a side')
        for name in ('duration', 'rgb_rate', 'thermal_rate', 'jitter', 'clutter', 'sway'):
            value, least = getattr(self, name), 0.0 if name in ('jitter', 'sway') else 1e-3
            if not least <= value < inf:
                raise InputError(f'{name} = {value:g} of a clip must be {least:g} or more')

    def active(self, time: float) -> str:
        """Return the names of the events at `time`, joined by `+`, or `clear`."""
        names = [event.name for event in self.events if event.start <= time < event.end]
        return '+'.join(dict.fromkeys(names)) or 'clear'

    def strength(self, name: str, time: float) -> float:
        """Return the strength 0..1 of the events called `name` at `time`."""
        return max((event.envelope(time) for event in self.events if event.name == name),
                   default=0.0)

    def named(self, name: str) -> Sequence[Event]:
        """Return the events called `name`."""
        return [event for event in self.events if event.name == name]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ClipSpec:
        """Make a spec from what `dataclasses.asdict` and JSON made of one."""
        rest = {key: value for key, value in values.items()
                if key not in ('actors', 'events', 'size')}
        actors = tuple(
            Actor(**{**item, 'path': tuple(tuple(point) for point in item['path'])})
            for item in values['actors'])
        events = tuple(Event(**item) for item in values['events'])
        return cls(actors=actors, events=events, size=tuple(values['size']), **rest)
