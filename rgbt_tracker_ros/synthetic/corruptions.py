# SPDX-License-Identifier: Apache-2.0
"""Corruptions of a recording of two cameras: what robustness is measured with.

One implementation for `evaluate --corrupt`, for the player node and, by the image faults that all
share, for training. What happens in a frame depends on the seed, the sequence's name and the
frame's number only. The first frame stays as it is, since the target is pointed at in it; only
misalignment, a matter of calibration, is there from the beginning.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import cos, pi
from types import MappingProxyType

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.synthetic import faults, patterns, streams
from rgbt_tracker_ros.synthetic.patterns import Film
from rgbt_tracker_ros.synthetic.streams import Frame, Frames
from rgbt_tracker_ros.synthetic.textures import Image

DRIFT_PERIOD = 120
"""Frames in which the gain of a thermal camera drifts away and comes back."""

Apply = Callable[[str, float, Film, Frames], Iterator[Frame | None]]
"""Takes camera, level, film and the camera's frames; gives as many."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of corruption.

    Attributes
    ----------
    text
        What happens.
    unit
        Of the level: `%`, `frames`, `px` or `deg`.
    levels
        The usual ones, rising.
    highest
        Largest level; the smallest is 0, which changes nothing.
    cameras
        Which ones it changes.
    apply
        Does it.

    """

    text: str
    unit: str
    levels: tuple[float, ...]
    highest: float
    cameras: tuple[str, ...]
    apply: Apply


@dataclass(frozen=True, slots=True)
class Corruption:
    """One corruption at one level.

    Attributes
    ----------
    name
        A key of KINDS.
    level
        How bad, in the unit of its kind.

    Raises
    ------
    InputError
        If there is no such corruption, or not at that level.

    """

    name: str
    level: float

    def __post_init__(self) -> None:
        """Check name and level."""
        if self.name not in KINDS:
            raise InputError(f'corruption {self.name!r} is unknown: give all, or NAME or '
                             f'NAME:LEVEL of {", ".join(KINDS)}')
        kind = self.kind
        whole = kind.unit != 'frames' or float(self.level).is_integer()
        if not (0 <= self.level <= kind.highest and whole):
            raise InputError(f'corruption {self}: give a level from 0 to {kind.highest:g} '
                             f'{kind.unit}{"" if whole else ", a whole number"}')

    def __str__(self) -> str:
        """Return NAME:LEVEL, as `parse_corruptions` takes it."""
        return f'{self.name}:{self.level:g}'

    @property
    def kind(self) -> Kind:
        """Return its sort."""
        return KINDS[self.name]

    def stream(self, camera: str, frames: Frames, film: Film) -> Iterator[Frame | None]:
        """Yield a camera's frames, `rgb` or `thermal`, with the corruption; None: it is missing.

        Raises
        ------
        InputError
            If the corruption needs to know the recording's length and nobody does.

        """
        if camera not in self.kind.cameras:
            return iter(frames)
        return self.kind.apply(camera, self.level, film, frames)


def parse_corruptions(text: str) -> list[Corruption]:
    """Return the corruptions of NAME:LEVEL, of NAME (its usual levels) or of `all`.

    Raises
    ------
    InputError
        If there is no such corruption, or not at that level.

    """
    name, colon, level = text.strip().partition(':')
    if not colon and (name == 'all' or name in KINDS):
        return [Corruption(each, usual) for each in (KINDS if name == 'all' else (name,))
                for usual in KINDS[each].levels]
    try:
        value = float(level) if colon else 0.0
    except ValueError:
        raise InputError(f'corruption {text}: {level!r} is no number: give NAME:LEVEL') from None
    return [Corruption(name, value)]


def _gone(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    return streams.missing(frames, patterns.gap(level, film))


def _switching(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    return streams.missing(frames, patterns.switched(camera, level, film))


def _scattered(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    return streams.missing(frames, patterns.scattered(camera, level, film))


def _frozen(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    return streams.held(frames, patterns.gap(level, film))


def _late(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    return streams.delayed(frames, round(level))


def _shifted(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    matrix = patterns.shift(level, film)
    return streams.marred(frames, lambda image, _: faults.warp(image, matrix))


def _turned(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    return streams.marred(frames, lambda image, _: faults.warp(
        image, patterns.turn(level, film, image.shape[1], image.shape[0])))


def _scene(fault: faults.Fault) -> Apply:
    """Let a fault of the scene befall both cameras, at the same place in all frames."""
    def apply(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
        return streams.marred(frames, lambda image, _: fault(
            image, level / 100, film.random('scene')), first=1)
    return apply


def _darkness(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    # The night stays the same, the noise of the sensor does not.
    return streams.marred(frames, lambda image, number: faults.darkness(
        image, level / 100, film.random('scene'), film.random('noise', number)), first=1)


def _drifting(camera: str, level: float, film: Film, frames: Frames) -> Iterator[Frame | None]:
    def drift(image: Image, number: int) -> Image:
        away = (1 - cos(2 * pi * number / DRIFT_PERIOD)) / 2
        return faults.gain_drift(image, level / 100 * away, film.random('drift'))
    return streams.marred(frames, drift, first=1)


def _share(text: str, cameras: tuple[str, ...], apply: Apply) -> Kind:
    return Kind(text, '%', (30.0, 60.0, 90.0), 100.0, cameras, apply)


def _strength(text: str, cameras: tuple[str, ...], apply: Apply) -> Kind:
    return Kind(text, '%', (40.0, 70.0, 100.0), 100.0, cameras, apply)


_RGB, _THERMAL = CAMERAS[:1], CAMERAS[1:]
KINDS = MappingProxyType({
    'rgb-missing': _share('no RGB image for one long time', _RGB, _gone),
    'thermal-missing': _share('no thermal image for one long time', _THERMAL, _gone),
    'switched-missing': _share('no image of one camera, then of the other', CAMERAS, _switching),
    'random-missing': _share('one image of the two is missing, at random', CAMERAS, _scattered),
    'rgb-frozen': _share('the RGB image stands still for one long time', _RGB, _frozen),
    'thermal-frozen': _share('the thermal image stands still for one long time', _THERMAL,
                             _frozen),
    'rgb-late': Kind('RGB images are late', 'frames', (2.0, 5.0, 10.0), 1000.0, _RGB, _late),
    'thermal-late': Kind('thermal images are late', 'frames', (2.0, 5.0, 10.0), 1000.0, _THERMAL,
                         _late),
    'thermal-shifted': Kind('thermal images are displaced', 'px', (4.0, 8.0, 16.0), 1000.0,
                            _THERMAL, _shifted),
    'thermal-turned': Kind('thermal images are turned about their middle', 'deg',
                           (1.0, 3.0, 6.0), 180.0, _THERMAL, _turned),
    'smoke': _strength('smoke that thermal sees through', CAMERAS, _scene(faults.smoke)),
    'darkness': _strength('night that thermal does not notice', CAMERAS, _darkness),
    'glare': _strength('a blinding lamp', CAMERAS, _scene(faults.glare)),
    'thermal-drift': _strength('gain, offset and gamma of the thermal camera wander', _THERMAL,
                               _drifting),
})
"""All corruptions by the names they have on the command line."""
