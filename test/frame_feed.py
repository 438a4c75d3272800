# SPDX-License-Identifier: Apache-2.0
"""Frames of two cameras that arrive at a synchroniser, in a time of their own."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from rgbt_tracker_ros.imaging.synchronizer import Pair, Synchronizer
from rgbt_tracker_ros.settings import Settings, SyncSettings

START = 100.0


class Event(NamedTuple):
    """A frame that arrives."""

    arrival: float
    camera: str
    stamp: float


class Output(NamedTuple):
    """A pair that goes out, and when."""

    time: float
    pair: Pair[float, float]


def sync_settings(**values: Any) -> SyncSettings:
    """Return settings of the group `sync`, the others at their defaults."""
    return Settings.from_flat({f'sync.{name}': value for name, value in values.items()}).sync


def camera(name: str, rate: float, seconds: float = 4.0, phase: float = 0.0, delay: float = 0.0,
           begin: float = START, arrival: float = 0.0) -> list[Event]:
    """Return frames of a steady camera; the first one's arrival is `arrival` plus the delay."""
    return [Event(arrival + phase + i / rate + delay, name, begin + phase + i / rate)
            for i in range(round(seconds * rate))]


def feed(synchronizer: Synchronizer[float, float], events: Iterable[Event],
         flush: float = 3.0) -> list[Output]:
    """Let frames arrive and the clock tick at 20 Hz; each frame's stamp stands for its image."""
    events = sorted(events)
    ticks = [Event(i * 0.05, 'tick', 0.0)
             for i in range(int(20 * (events[-1].arrival + flush)) + 1)]
    outputs = []
    for event in sorted([*events, *ticks]):
        if event.camera == 'rgb':
            synchronizer.add_rgb(event.stamp, event.stamp)
        elif event.camera == 'thermal':
            synchronizer.add_thermal(event.stamp, event.stamp)
        outputs += [Output(event.arrival, pair) for pair in synchronizer.poll(event.arrival)]
    return outputs


def run(events: Iterable[Event], **values: Any,
        ) -> tuple[list[Output], Synchronizer[float, float]]:
    """Let frames arrive at a new synchroniser with these settings."""
    synchronizer: Synchronizer[float, float] = Synchronizer(sync_settings(**values))
    return feed(synchronizer, events), synchronizer
