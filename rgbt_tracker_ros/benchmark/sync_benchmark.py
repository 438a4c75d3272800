# SPDX-License-Identifier: Apache-2.0
"""Plays the same stamps to several synchronisers and counts what they make of them."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import thread_time
from typing import Any, Protocol

from rgbt_tracker_ros.benchmark.sync_scenarios import Frame, Match, Scenario, best_matches
from rgbt_tracker_ros.imaging.synchronizer import Synchronizer
from rgbt_tracker_ros.settings import SyncSettings

_TICK_S = 0.05
"""How often the node looks after frames that wait for nothing any more."""


class Candidate(Protocol):
    """A synchroniser under test."""

    def prepare(self, frame: Frame) -> Any:
        """Return the message that carries a frame; its time is not measured."""
        ...

    def add(self, frame: Frame, message: Any) -> None:
        """Take a frame."""
        ...

    def poll(self, now: float) -> Iterator[tuple[Frame | None, Frame | None]]:
        """Yield what is ready."""
        ...


class Nearest:
    """Our own synchroniser."""

    def __init__(self, settings: SyncSettings) -> None:
        self._synchronizer: Synchronizer[Frame, Frame] = Synchronizer(settings)

    def prepare(self, frame: Frame) -> None:
        """Do nothing: it takes the frame itself."""

    def add(self, frame: Frame, message: None) -> None:
        """Take a frame."""
        add = self._synchronizer.add_rgb if frame.camera == 'rgb' \
            else self._synchronizer.add_thermal
        add(frame.stamp, frame)

    def poll(self, now: float) -> Iterator[tuple[Frame | None, Frame | None]]:
        """Yield what is ready."""
        for pair in self._synchronizer.poll(now):
            yield pair.rgb, pair.thermal


@dataclass(frozen=True, slots=True)
class Figures:
    """What a synchroniser made of a scenario.

    Attributes
    ----------
    pairs
        Frames put together that were taken within the slop of each other.
    nearest
        Those of them that knowing all frames beforehand would not better.
    wrong
        Frames put together that were not, such as one from before a bag's loop with one of now.
    alone
        Outputs with one camera.
    mean_dt_ms, max_dt_ms
        Of the absolute time differences in the pairs; None without pairs.
    out_of_order
        Outputs whose RGB (or only) frame was taken before that of an earlier output.
    first_ms
        From when the first match was complete to the first pair; None without pairs.
    after_mark
        Pairs after the fault was over; None where there is no fault to recover from.
    recovery_ms
        From when the first match after the fault was complete to the first pair of frames of that
        time; None without one.
    mean_wait_frames, max_wait_frames
        From when a pair's later frame came to the pair, in RGB periods.
    us_per_frame
        Processor time per incoming frame, microseconds.

    """

    pairs: int
    nearest: int
    wrong: int
    alone: int
    mean_dt_ms: float | None
    max_dt_ms: float | None
    out_of_order: int
    first_ms: float | None
    after_mark: int | None
    recovery_ms: float | None
    mean_wait_frames: float | None
    max_wait_frames: float | None
    us_per_frame: float


@dataclass(frozen=True, slots=True)
class _Output:
    time: float
    rgb: Frame | None
    thermal: Frame | None


def compare(makers: Mapping[str, Callable[[SyncSettings], Candidate]], settings: SyncSettings,
            cases: Iterable[Scenario]) -> list[dict[str, Any]]:
    """Return, ready for JSON, what each synchroniser makes of each scenario.

    Parameters
    ----------
    makers
        Makes each synchroniser from the settings, by its name.
    settings
        The same for all of them.
    cases
        The scenarios.

    """
    rows = []
    for case in cases:
        best = best_matches(case.frames, settings.slop)
        dts = [abs(match.thermal.stamp - match.rgb.stamp) for match in best]
        rows.append({
            'scenario': case.name, 'text': case.text, 'frames': len(case.frames),
            'possible': {'pairs': len(best), 'mean_dt_ms': _ms(_mean(dts)),
                         'max_dt_ms': _ms(max(dts, default=None)),
                         'after_mark': _after(case, [match.rgb for match in best])},
            'synchronizers': {name: asdict(run(case, make(settings), best, settings.slop))
                              for name, make in makers.items()}})
    return rows


def run(case: Scenario, candidate: Candidate, best: Sequence[Match], slop: float) -> Figures:
    """Play a scenario to a synchroniser.

    Parameters
    ----------
    case
        The scenario.
    candidate
        The synchroniser.
    best
        What it could find at best: `best_matches`.
    slop
        Frames that were taken further apart than this are wrong to put together, seconds.

    """
    outputs: list[_Output] = []
    messages = [candidate.prepare(frame) for frame in case.frames]
    spent, tick = 0.0, 0.0
    for frame, message in zip(case.frames, messages, strict=True):
        while tick < frame.arrival:
            outputs += [_Output(tick, *pair) for pair in candidate.poll(tick)]
            tick += _TICK_S
        begin = thread_time()
        candidate.add(frame, message)
        ready = list(candidate.poll(frame.arrival))
        spent += thread_time() - begin
        outputs += [_Output(frame.arrival, *pair) for pair in ready]
    for _ in range(round(2 / _TICK_S)):
        outputs += [_Output(tick, *pair) for pair in candidate.poll(tick)]
        tick += _TICK_S
    return _figures(case, outputs, best, slop, 1e6 * spent / len(case.frames))


def _figures(case: Scenario, outputs: list[_Output], best: Sequence[Match], slop: float,
             us_per_frame: float) -> Figures:
    pairs, wrong = [], 0
    for output in outputs:
        if output.rgb is not None and output.thermal is not None:
            if abs(output.thermal.taken - output.rgb.taken) <= slop:
                pairs.append((output.time, output.rgb, output.thermal))
            else:
                wrong += 1
    dts = [abs(thermal.stamp - rgb.stamp) for _, rgb, thermal in pairs]
    waits = [(time - max(rgb.arrival, thermal.arrival)) / case.period
             for time, rgb, thermal in pairs]
    masters = [output.rgb or output.thermal for output in outputs]
    taken = [frame.taken for frame in masters if frame is not None]
    newest, out_of_order = float('-inf'), 0
    for moment in taken:
        out_of_order += moment < newest
        newest = max(newest, moment)
    complete = [max(match.rgb.arrival, match.thermal.arrival)
                for match in best]
    again = [time for match, time in zip(best, complete, strict=True)
             if case.mark is not None and match.rgb.taken >= case.mark]
    recovered = [time for time, rgb, _ in pairs if case.mark is not None
                 and rgb.taken >= case.mark]
    return Figures(
        pairs=len(pairs), nearest=len({(rgb, thermal) for _, rgb, thermal in pairs} & {*best}),
        wrong=wrong, alone=len(outputs) - len(pairs) - wrong,
        mean_dt_ms=_ms(_mean(dts)), max_dt_ms=_ms(max(dts, default=None)),
        out_of_order=out_of_order,
        first_ms=_ms(pairs[0][0] - min(complete)) if pairs and best else None,
        after_mark=_after(case, [rgb for _, rgb, _ in pairs]),
        recovery_ms=_ms(recovered[0] - min(again)) if recovered and again else None,
        mean_wait_frames=_rounded(_mean(waits)),
        max_wait_frames=_rounded(max(waits, default=None)),
        us_per_frame=round(us_per_frame, 1))


def _after(case: Scenario, rgb: Iterable[Frame]) -> int | None:
    return None if case.mark is None else sum(frame.taken >= case.mark for frame in rgb)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(1000 * seconds, 3)
