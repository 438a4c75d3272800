# SPDX-License-Identifier: Apache-2.0
"""Puts RGB and thermal frames in pairs by their stamps, and goes on with one camera alone.

How frames are matched
----------------------
Put all frames of both cameras on one time line. Two neighbours of different cameras match when
their distance is at most `sync.slop` and neither is nearer to its other neighbour (the smallest
distance wins, then the next smallest). So every frame is used at most once, partners are the
nearest there are, and neither RGB nor thermal ever goes back in time.

When a pair goes out
--------------------
As soon as nothing that may still come can be nearer: the cameras' measured periods tell how soon
that could be. With equal rates and a time difference under about half a period that is the moment
the second frame arrives; otherwise it is when the next frame arrives, or after `sync.timeout`.

What happens to a frame without a partner
-----------------------------------------
RGB is the master: boxes are in its pixels, and its frames set the pace.

- A thermal camera that is silent, or whose partners do not come within `sync.timeout`, is not
  waited for: RGB frames go on alone, without delay once the silence is known. The same holds when
  frames of both cameras come but none matched for `sync.timeout` (stamps too far apart). Silence
  of a camera slower than 10 Hz begins later, after 2.5 of its periods: it is slow, not silent.
- Between two thermal frames of a slower camera (9 Hz beside 30 Hz), `sync.unpaired` decides. The
  default `drop` leaves these RGB frames out: every result then rests on both cameras, which is
  what a tracker in darkness or smoke needs; in between it would see nothing and could lose its
  target. `alone` passes them on for results at the full RGB rate.
- Thermal frames go on alone only while the RGB camera is silent.

Stamps that go back by more than `sync.jump` (a bag that loops, a restarted camera) start both
queues anew; what the other camera still sends from before the jump is left out. Smaller steps
back are refused until three frames in a row show that the clock was set back; repeated and unset
stamps are refused. All of it is counted.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
import math
from typing import Any, Generic, TypeVar

from rgbt_tracker_ros.imaging.frame_stream import Frame, FrameStream
from rgbt_tracker_ros.imaging.nearest_match import Verdict, judge
from rgbt_tracker_ros.imaging.sync_counters import SyncCounters
from rgbt_tracker_ros.settings import SyncSettings

Rgb = TypeVar('Rgb')
Thermal = TypeVar('Thermal')

_STATISTICS = 100
"""Newest pairs over which time differences are summed up."""

_PERIODS, _SLOWEST_S = 2.5, 3.0
"""A slow camera is silent only after so many of its periods, at most so many seconds."""


@dataclass(frozen=True, slots=True)
class Pair(Generic[Rgb, Thermal]):
    """Frames of one moment.

    Attributes
    ----------
    rgb, thermal
        What was given to `add_rgb` and `add_thermal`; one of them is None when it goes alone.
    stamp
        Seconds on the RGB clock: the RGB stamp, or the thermal one plus offset when it is alone.
    dt
        Thermal (plus offset) minus RGB stamp, seconds; None when one is alone.

    """

    rgb: Rgb | None
    thermal: Thermal | None
    stamp: float
    dt: float | None


class Synchronizer(Generic[Rgb, Thermal]):
    """Matches the frames of an RGB and a thermal camera; see the module's text.

    Call `add_rgb` or `add_thermal` for each frame, then iterate over `poll`; also poll some times
    per `sync.timeout` when nothing comes. Everything is one thread's: the caller serialises. The
    state is whole at each output, so an exception where it is used harms nothing.

    Parameters
    ----------
    settings
        Thresholds; may be exchanged at any time by `configure`.

    """

    def __init__(self, settings: SyncSettings) -> None:
        self._settings = settings
        self._counters = SyncCounters()
        self._dts: deque[float] = deque(maxlen=_STATISTICS)
        self.reset()

    def reset(self) -> None:
        """Forget all frames and stamps; the counters stay."""
        self._rgb: FrameStream[Rgb] = FrameStream()
        self._thermal: FrameStream[Thermal] = FrameStream()
        self._newest_output = -math.inf
        self._now: float | None = None
        self._paired_at = 0.0
        self._thermal_lag = 0.0
        self._jumped: tuple[FrameStream[Any], float] | None = None

    def configure(self, settings: SyncSettings) -> None:
        """Use other settings from now on; a new offset also moves the frames that wait."""
        self._thermal.shift(settings.thermal_offset - self._settings.thermal_offset)
        self._settings = settings

    @property
    def counters(self) -> SyncCounters:
        """Return a copy of the counters."""
        return replace(self._counters)

    @property
    def mean_dt(self) -> float | None:
        """Return the mean thermal minus RGB stamp of the newest pairs, seconds.

        Its negative, added to `sync.thermal_offset`, brings the cameras together.
        """
        return sum(self._dts) / len(self._dts) if self._dts else None

    @property
    def max_dt(self) -> float | None:
        """Return the largest time difference in the newest pairs, seconds."""
        return max(map(abs, self._dts)) if self._dts else None

    def add_rgb(self, stamp: float, item: Rgb) -> bool:
        """Take an RGB frame with its stamp in seconds; return whether it can be used."""
        return self._add(self._rgb, self._thermal, stamp, item, 0.0)

    def add_thermal(self, stamp: float, item: Thermal) -> bool:
        """Take a thermal frame with its stamp in seconds; return whether it can be used."""
        return self._add(self._thermal, self._rgb, stamp, item, self._settings.thermal_offset)

    def poll(self, now: float) -> Iterator[Pair[Rgb, Thermal]]:
        """Yield what is ready, in order of stamps.

        Parameters
        ----------
        now
            Seconds on any clock that moves on while frames come; it need not be that of stamps.

        """
        self._observe(now)
        while (pair := self._next(now)) is not None:
            yield pair

    def _add(self, stream: FrameStream[Any], other: FrameStream[Any], stamp: float, item: Any,
             offset: float) -> bool:
        if not math.isfinite(stamp) or stamp <= 0:
            self._counters.bad_stamps += 1
            return False
        stamp += offset
        if stream.last is not None and stamp < stream.last - self._settings.jump:
            self._jump(stream, other, stamp)
        if self._from_before_jump(stream, stamp):
            self._counters.late += 1
            return False
        if stream.last is not None and stamp <= stream.last:
            if stamp == stream.last:
                self._counters.duplicates += 1
                return False
            if not stream.set_back(stamp):
                self._counters.backward += 1
                return False
            self._discard(stream)
            self._discard(other)
            self._restart()
        stream.note(stamp)
        if stream is self._thermal:
            self._thermal_lag = 0.0 if other.last is None else other.last - stamp
        if stamp <= self._newest_output:
            self._counters.late += 1
            return False
        if len(stream.frames) > self._settings.queue:
            stream.frames.popleft()
            self._counters.dropped += 1
        stream.append(stamp, item)
        return True

    def _jump(self, stream: FrameStream[Any], other: FrameStream[Any], stamp: float) -> None:
        """Start anew after a stamp that went back far."""
        self._discard(stream)
        # When the other camera is there already, it jumped first: its frames since then are good.
        joins = other.last is not None and abs(stamp - other.last) <= self._settings.jump
        if not joins:
            self._discard(other)
            self._jumped = None if self._now is None else (stream, self._now)
        if not joins or self._newest_output > stamp + self._settings.jump:
            self._restart()

    def _restart(self) -> None:
        self._counters.jumps += 1
        self._newest_output = -math.inf

    def _discard(self, stream: FrameStream[Any]) -> None:
        waiting = stream.clear()
        if stream is self._rgb:
            self._counters.unpaired_rgb += waiting
        else:
            self._counters.unpaired_thermal += waiting

    def _from_before_jump(self, stream: FrameStream[Any], stamp: float) -> bool:
        if self._jumped is None or self._now is None:
            return False
        leader, when = self._jumped
        if stream is leader or leader.last is None:
            return False
        if stamp - leader.last > self._settings.jump and self._now - when < self._settings.timeout:
            return True
        self._jumped = None
        return False

    def _observe(self, now: float) -> None:
        rgb, thermal = self._rgb, self._thermal
        went_back = self._now is not None and now < self._now
        anew = self._now is None or went_back
        if anew:
            self._paired_at = now
            self._jumped = None
        elif (rgb.unseen or thermal.unseen) \
                and now - max(rgb.arrived, thermal.arrived) >= self._settings.timeout:
            anew = True  # After a pause of both, the other camera gets its time to come back, too.
        self._now = now
        rgb.observe(now, anew=anew, clock_went_back=went_back)
        thermal.observe(now, anew=anew, clock_went_back=went_back)

    def _silent(self, stream: FrameStream[Any], now: float) -> bool:
        return now - stream.arrived >= self._patience(stream)

    def _patience(self, stream: FrameStream[Any]) -> float:
        return max(self._settings.timeout, min(_PERIODS * stream.period, _SLOWEST_S))

    def _thermal_hopeless(self, now: float) -> bool:
        """Return whether no thermal frame is worth waiting for."""
        return self._silent(self._thermal, now) or \
            self._thermal_lag > max(self._settings.jump, self._settings.timeout)

    def _next(self, now: float) -> Pair[Rgb, Thermal] | None:
        """Take the next output out of the queues, or return None when it has to wait."""
        rgb, thermal = self._rgb, self._thermal
        rgb_silent = self._silent(rgb, now)
        thermal_hopeless = self._thermal_hopeless(now)
        while rgb.frames or thermal.frames:
            overdue = rgb.waited(now) >= self._settings.timeout \
                or len(rgb.frames) > self._settings.queue
            next_rgb = math.inf if overdue or rgb_silent else rgb.earliest_next()
            next_thermal = math.inf if overdue or thermal_hopeless else thermal.earliest_next()
            rgb_first = bool(rgb.frames) and (
                not thermal.frames or rgb.frames[0].stamp <= thermal.frames[0].stamp)
            # What is foreseen may be wrong: it counts only where waiting would delay an output.
            verdict = judge(
                (rgb, thermal) if rgb_first else (thermal, rgb),
                (next_rgb, next_thermal) if rgb_first else (next_thermal, next_rgb),
                self._settings.slop,
                foresee=rgb_first and self._settings.unpaired == 'alone')
            if verdict is Verdict.WAIT:
                return None
            if verdict is Verdict.PAIR:
                return self._pair(rgb.frames.popleft(), thermal.frames.popleft(), now)
            if rgb_first:
                alone = overdue or thermal_hopeless or self._settings.unpaired == 'alone' \
                    or now - self._paired_at >= self._patience(thermal)
                output = self._rgb_alone(rgb.frames.popleft(), alone)
            else:
                output = self._thermal_alone(thermal.frames.popleft(), rgb_silent)
            if output is not None:
                return output
        return None

    def _pair(self, rgb: Frame[Rgb], thermal: Frame[Thermal], now: float) -> Pair[Rgb, Thermal]:
        dt = thermal.stamp - rgb.stamp
        self._counters.pairs += 1
        self._dts.append(dt)
        self._newest_output = rgb.stamp
        self._paired_at = now
        return Pair(rgb.item, thermal.item, rgb.stamp, dt)

    def _rgb_alone(self, frame: Frame[Rgb], wanted: bool) -> Pair[Rgb, Thermal] | None:
        if not wanted:
            self._counters.unpaired_rgb += 1
            return None
        self._counters.rgb_only += 1
        self._newest_output = frame.stamp
        return Pair(frame.item, None, frame.stamp, None)

    def _thermal_alone(self, frame: Frame[Thermal], wanted: bool) -> Pair[Rgb, Thermal] | None:
        if not wanted or frame.stamp <= self._newest_output:
            self._counters.unpaired_thermal += 1
            return None
        self._counters.thermal_only += 1
        self._newest_output = frame.stamp
        return Pair(None, frame.item, frame.stamp, None)
