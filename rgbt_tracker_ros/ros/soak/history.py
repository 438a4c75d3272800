# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a soak test; times are seconds of the monotonic clock."""
from __future__ import annotations

from dataclasses import dataclass, field

from rgbt_tracker_ros.imaging.box import Box


@dataclass(frozen=True, slots=True)
class Frame:
    """A moment that both cameras showed, or were kept from showing.

    Attributes
    ----------
    tick
        Its number.
    at
        When it was published.
    stamps
        Of the RGB and of the thermal image, nanoseconds.
    box
        The true box, pixels of the RGB image.
    size
        Width and height of the RGB image.
    healthy
        Nothing was changed, and no fault was about: exactly one good answer is due.

    """

    tick: int
    at: float
    stamps: tuple[int, ...]
    box: Box
    size: tuple[int, int]
    healthy: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What the node said about the target in a frame (`~/status`)."""

    state: str
    mode: str
    box: Box | None
    error: str
    dropped: int


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be, in words, with the fault after which it was seen."""

    at: float
    fault: str
    text: str


@dataclass(slots=True)
class Event:
    """A fault that was injected.

    Attributes
    ----------
    kind, name
        The fault, without and with its variant.
    begin, end
        From when to when it lasted.
    recovery
        Seconds from its end to the first good answer about a later frame; None = not in time.

    """

    kind: str
    name: str
    begin: float
    end: float = 0.0
    recovery: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The tracker's process at a moment: memory and CPU time used so far."""

    at: float
    memory_mib: float
    threads: int
    cpu_s: float
    healthy: bool


@dataclass(slots=True)
class History:
    """Everything there is to report."""

    begin: float
    end: float = 0.0
    frames: int = 0
    healthy: int = 0
    answered: int = 0
    dropped: int = 0
    latencies: list[tuple[float, float]] = field(default_factory=list)
    modes: list[tuple[float, str, str]] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    interrupted: bool = False
