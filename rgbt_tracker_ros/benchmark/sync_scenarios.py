# SPDX-License-Identifier: Apache-2.0
"""Streams of stamps on which synchronisers are compared: what cameras, links and bags do to them.

Everything is simulated time, seconds, and depends on the seed alone.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np

Camera = Literal['rgb', 'thermal']

_EPOCH = 1000.0
"""First stamp."""

_LINK = {'rgb': 0.006, 'thermal': 0.003}
"""Time from a stamp to the frame's arrival on a plain link, of which up to a third varies."""


class Frame(NamedTuple):
    """One frame, in order of arrival.

    Attributes
    ----------
    arrival
        When it comes, on a clock that starts at 0 and never steps.
    camera
        Which camera took it.
    stamp
        What its header says.
    taken
        When it was really taken, on the clock of `arrival`.
    era
        Stamps of different eras (passes of a bag, settings of the clock) do not compare.

    """

    arrival: float
    camera: Camera
    stamp: float
    taken: float
    era: int


class Match(NamedTuple):
    """Frames that belong together."""

    rgb: Frame
    thermal: Frame


@dataclass(frozen=True, slots=True)
class Scenario:
    """A stream of both cameras.

    Attributes
    ----------
    name, text
        Short name, and what happens in words.
    frames
        All frames in order of arrival.
    period
        RGB period.
    mark
        When the fault is over (the bag loops, the shutter opens), None without one: recovering
        is counted from here.

    """

    name: str
    text: str
    frames: tuple[Frame, ...]
    period: float
    mark: float | None = None


@dataclass(frozen=True, slots=True)
class _Stream:
    """What one camera does."""

    rate: float = 30.0
    phase: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    drop: float = 0.0
    pause: tuple[float, float] = (0.0, 0.0)

    def frames(self, camera: Camera, seconds: float, rng: np.random.Generator,
               steps: tuple[tuple[float, float], ...]) -> Iterable[Frame]:
        """Yield the frames; `steps` are moments and what is added to the clock from then on."""
        for number in range(round(seconds * self.rate)):
            unrest, link, lost = rng.normal(), rng.uniform(2 / 3, 1), rng.random() < self.drop
            taken = self.phase + (number + float(np.clip(self.jitter * unrest, -0.4, 0.4))
                                  ) / self.rate
            if lost or self.pause[0] <= taken < self.pause[1]:
                continue
            era = sum(moment <= taken for moment, _ in steps)
            stamp = _EPOCH + taken + sum(step for _, step in steps[:era])
            yield Frame(taken + self.delay + _LINK[camera] * link, camera, stamp, taken, era)


def scenarios(seed: int = 0, seconds: float = 20.0) -> list[Scenario]:
    """Return all scenarios; faults happen at half of their length."""
    half = seconds / 2
    near, slow = _Stream(phase=0.004), _Stream(rate=9.0, phase=0.004)
    # A bag that loops: the recording's first half is played twice.
    loop, pause = ((half, -half),), (half - 0.7, half)
    plans: tuple[tuple[str, str, _Stream, _Stream, tuple[tuple[float, float], ...],
                       float | None], ...] = (
        ('trigger', '30/30 Hz, one trigger, equal stamps', _Stream(), _Stream(), (), None),
        ('30/30 Hz', 'equal rates, 4 ms apart', _Stream(), near, (), None),
        ('30/9 Hz', 'slower thermal camera', _Stream(), slow, (), None),
        ('thermal late', '30/30 Hz, thermal frames arrive 150 ms late',
         _Stream(), _Stream(phase=0.004, delay=0.15), (), None),
        ('jitter', '30/30 Hz, stamps with jitter of 15 % of the period (1 sigma)',
         _Stream(jitter=0.15), _Stream(phase=0.004, jitter=0.15), (), None),
        ('drops', '30/30 Hz, 10 % of the frames of each camera lost at random',
         _Stream(drop=0.1), _Stream(phase=0.004, drop=0.1), (), None),
        ('bag loop', f'30/9 Hz, stamps start again after {half:g} s', _Stream(), slow, loop, half),
        ('clock forward', '30/30 Hz, the clock of both steps 100 s forward', _Stream(), near,
         ((half, 100.0),), half),
        ('clock back', '30/30 Hz, the clock of both steps 0.5 s back', _Stream(), near,
         ((half, -0.5),), half),
        ('thermal pause', '30/30 Hz, no thermal frame for 0.7 s (shutter)', _Stream(),
         _Stream(phase=0.004, pause=pause), (), half),
        ('combined', '30/9 Hz, thermal 150 ms late, jitter, 10 % lost, pause, then the bag loops',
         _Stream(jitter=0.15, drop=0.1), _Stream(9.0, 0.004, 0.15, 0.15, 0.1, pause), loop, half),
    )
    result = []
    for number, (name, text, rgb, thermal, steps, mark) in enumerate(plans):
        rng = np.random.default_rng((seed, number))
        frames = sorted([*rgb.frames('rgb', seconds, rng, steps),
                         *thermal.frames('thermal', seconds, rng, steps)])
        result.append(Scenario(name, text, tuple(frames), 1 / rgb.rate, mark))
    return result


def best_matches(frames: Iterable[Frame], slop: float) -> list[Match]:
    """Return what a synchroniser that knew all frames would match.

    The two nearest frames of different cameras first, then the nearest of the others that cross
    no match so far; in order of stamps within each era.
    """
    matches: list[Match] = []
    for _, group in groupby(sorted(frames, key=lambda frame: frame.era),
                            key=lambda frame: frame.era):
        matches += _era_matches(list(group), slop)
    return matches


def _era_matches(frames: list[Frame], slop: float) -> list[Match]:
    rgb = [frame for frame in frames if frame.camera == 'rgb']
    thermal = [frame for frame in frames if frame.camera == 'thermal']
    near = sorted((Match(a, b) for a in rgb for b in thermal if abs(b.stamp - a.stamp) <= slop),
                  key=lambda match: abs(match.thermal.stamp - match.rgb.stamp))
    taken: list[Match] = []
    for match in near:
        if all((match.rgb.stamp < other.rgb.stamp and match.thermal.stamp < other.thermal.stamp)
               or (match.rgb.stamp > other.rgb.stamp
                   and match.thermal.stamp > other.thermal.stamp) for other in taken):
            taken.append(match)
    return sorted(taken)
