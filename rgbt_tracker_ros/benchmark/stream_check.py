# SPDX-License-Identifier: Apache-2.0
"""Examines a recording of two cameras: rates, gaps, stamps, and how well its frames pair."""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.imaging.synchronizer import Synchronizer
from rgbt_tracker_ros.imaging.time_offset import TimeOffset, estimate_offset
from rgbt_tracker_ros.imaging.view_changes import ViewChanges
from rgbt_tracker_ros.settings import SyncSettings

_WINDOW_S = 120.0
"""Newest part of a recording from which the offset is estimated."""

_GAP = 2.5
"""An interval over so many periods is a gap."""

_REPEATED = 0.1
"""Share of repeated images that is worth a word."""

_LAG_S = 0.1
"""Difference between the cameras' ways to the recorder that is worth a word."""


@dataclass(slots=True)
class _Camera:
    """What is noted of one camera."""

    stamps: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    encodings: set[str] = field(default_factory=set)
    sizes: set[str] = field(default_factory=set)
    zero_stamps: int = 0
    unreadable: int = 0
    repeated: int = 0
    newest: NDArray[Any] | None = None
    trace: ViewChanges = field(default_factory=lambda: ViewChanges(_WINDOW_S))


class StreamCheck:
    """Takes the frames of a recording in the order of their arrival, then reports."""

    def __init__(self) -> None:
        self._cameras = {name: _Camera() for name in CAMERAS}
        self._events: list[tuple[float, str, float]] = []

    def add(self, camera: str, arrival: float, stamp: float | None, image: NDArray[Any] | None,
            encoding: str = '') -> None:
        """Take a frame.

        Parameters
        ----------
        camera
            `rgb` or `thermal`.
        arrival
            When it was recorded, seconds.
        stamp
            What its header says, seconds; 0 = the driver has not set it, None = the recording has
            no stamps but those of `arrival`.
        image
            The pixels, None when they cannot be read.
        encoding
            What they are said to be.

        """
        seen = self._cameras[camera]
        if stamp == 0:
            seen.zero_stamps += 1
        elif stamp is not None:
            seen.lags.append(arrival - stamp)
        used = stamp or arrival
        seen.stamps.append(used)
        self._events.append((arrival, camera, used))
        if encoding:
            seen.encodings.add(encoding)
        if image is None:
            seen.unreadable += 1
            return
        seen.sizes.add(f'{image.shape[1]}x{image.shape[0]}')
        seen.repeated += seen.newest is not None and np.array_equal(seen.newest, image)
        seen.newest = image
        seen.trace.add(used, image)

    def report(self, settings: SyncSettings) -> dict[str, Any]:
        """Return the findings, ready for JSON.

        `notes` holds, in words, what is odd and its remedy; `offset` what the images say about
        `sync.thermal_offset`; `pairs` what the synchroniser makes of the frames with the offset
        in use and, if it is certain, with the one found.
        """
        used = settings.thermal_offset
        rgb, thermal = (self._cameras[name].trace for name in CAMERAS)
        found = estimate_offset(rgb, thermal, used)
        offsets = [used]
        if found.certain and found.seconds is not None:
            offsets.append(round(found.seconds, 3))
        cameras = {name: _facts(camera) for name, camera in self._cameras.items()}
        pairs = [self._pair(replace(settings, thermal_offset=value)) for value in offsets]
        return {'cameras': cameras, 'pairs': pairs,
                'offset': {'seconds': found.seconds, 'confidence': round(found.confidence, 3),
                           'certain': found.certain, 'words': found.words},
                'notes': _notes(cameras, pairs, found, settings)}

    def _pair(self, settings: SyncSettings) -> dict[str, Any]:
        synchronizer: Synchronizer[None, None] = Synchronizer(settings)
        dts = []
        for arrival, camera, stamp in self._events:
            add = synchronizer.add_rgb if camera == 'rgb' else synchronizer.add_thermal
            add(stamp, None)
            dts += [abs(pair.dt) for pair in synchronizer.poll(arrival) if pair.dt is not None]
        return {'thermal_offset': settings.thermal_offset, 'pairs': len(dts),
                'mean_dt_ms': _ms(np.mean(dts)) if dts else None,
                'max_dt_ms': _ms(max(dts)) if dts else None}


def _facts(camera: _Camera) -> dict[str, Any]:
    intervals = np.diff(camera.stamps)
    forward = intervals[intervals > 0]
    period = float(np.median(forward)) if len(forward) else 0.0
    steady = forward[forward < _GAP * period]
    facts: dict[str, Any] = {
        'frames': len(camera.stamps), 'encodings': sorted(camera.encodings),
        'sizes': sorted(camera.sizes), 'rate_hz': round(1 / period, 3) if period else None,
        'jitter_ms': _ms(np.std(steady)) if len(steady) else None,
        'gaps': int((forward >= _GAP * period).sum()) if period else 0,
        'longest_gap_s': round(float(forward.max()), 3) if len(forward) else None,
        'zero_stamps': camera.zero_stamps, 'backward_stamps': int((intervals <= 0).sum()),
        'repeated_images': int(camera.repeated), 'unreadable_images': camera.unreadable,
        'record_lag_ms': None}
    if camera.lags:
        facts['record_lag_ms'] = {'median': _ms(np.median(camera.lags)),
                                  'min': _ms(min(camera.lags)), 'max': _ms(max(camera.lags))}
    return facts


def _notes(cameras: dict[str, Any], pairs: list[dict[str, Any]], found: TimeOffset,
           settings: SyncSettings) -> list[str]:
    notes = []
    for name, facts in cameras.items():
        if not facts['frames']:
            notes.append(f'{name}: no images')
        if facts['zero_stamps']:
            notes.append(f'{name}: {facts["zero_stamps"]} stamps are zero, the time of arrival is '
                         'used: let the driver set header.stamp')
        if facts['backward_stamps']:
            notes.append(f'{name}: {facts["backward_stamps"]} stamps are not after the one before '
                         '(repeated frames, a clock set back, or two publishers on one topic)')
        if facts['unreadable_images']:
            notes.append(f'{name}: {facts["unreadable_images"]} images cannot be read')
        if facts['repeated_images'] > _REPEATED * facts['frames']:
            notes.append(f'{name}: {facts["repeated_images"]} images are the same as the one '
                         'before: the driver repeats frames, or the shutter was closed')
        if len(facts['sizes']) > 1 or len(facts['encodings']) > 1:
            notes.append(f'{name}: size or encoding changes on the way')
    lags = [facts['record_lag_ms'] for facts in cameras.values()]
    if all(lags) and not found.certain:
        lag = (lags[1]['median'] - lags[0]['median']) / 1000 - settings.thermal_offset
        if abs(lag) > _LAG_S:
            notes.append(f'thermal frames are recorded {abs(lag):.2f} s '
                         f'{"after" if lag > 0 else "before"} rgb frames of the same stamp: '
                         'unless that link is so slow, stamps are wrong')
    least = min(facts['frames'] for facts in cameras.values())
    if least and pairs[-1]['pairs'] < 0.8 * least:
        notes.append(f'only {pairs[-1]["pairs"]} of {least} possible pairs with sync.slop = '
                     f'{settings.slop:g} and sync.timeout = {settings.timeout:g}: a wrong offset, '
                     'a slop under half an RGB period, or a timeout under the thermal delay')
    return notes


def _ms(seconds: Any) -> float:
    return round(1000 * float(seconds), 3)
