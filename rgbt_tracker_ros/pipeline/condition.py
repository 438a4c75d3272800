# SPDX-License-Identifier: Apache-2.0
"""The condition of a tracker as `/diagnostics` says it: names, levels, words and remedies.

Each part is OK, WARN (works, but not as well as it could) or ERROR (does not work), and its words
say what to do.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rgbt_tracker_ros.imaging.health import CameraState, Health
from rgbt_tracker_ros.inference.backend import AS_ASKED, Choice
from rgbt_tracker_ros.pipeline.memory import Memory
from rgbt_tracker_ros.pipeline.report import Level, Part

HANG_S = 3.0
"""A frame that takes longer than this means that the network hangs."""

_OLDEST_S = 10.0
_FUTURE_S = 0.5
"""Images of which the stamps are farther than this from the node's clock are doubted."""

_FEWEST = 5
"""Frames needed in an interval before their shares are judged."""

_PAIRED_SHARE = 0.5
_REPLACED_SHARE = 0.2
_FREE_SHARE = 0.05

_REMEDIES = {
    CameraState.FROZEN: 'a thermal shutter passes; raise health.frozen for videos that repeat '
                        'frames, else restart the camera',
    CameraState.BLANK: 'look at the lens, the light and health.blank',
    CameraState.SATURATED: 'lower the exposure or the gain',
    CameraState.UNFIT: 'set its encoding, or what the message names',
    CameraState.STALE: 'look at its cable and driver'}
"""What to do about a camera that is not used."""


@dataclass(frozen=True, slots=True)
class CameraView:
    """What is known about one camera.

    Attributes
    ----------
    topic
        Full name of the topic.
    rate
        Images per second.
    age
        Age of the newest image by its stamp, seconds; None when unknown.
    silence
        Why no image comes, in words; empty while they come.
    health
        What its newest image is good for; None before one.

    """

    topic: str
    rate: float = 0.0
    age: float | None = None
    silence: str = ''
    health: Health | None = None


@dataclass(frozen=True, slots=True)
class SyncView:
    """The synchroniser in the last interval.

    Attributes
    ----------
    numbers
        Its counters.
    slop
        The setting `sync.slop`, seconds.
    pairs, expected
        Pairs made in the interval, and those that the slower camera allows.

    """

    numbers: Mapping[str, Any]
    slop: float
    pairs: int = 0
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class NetworkView:
    """The network in the last interval.

    Attributes
    ----------
    backend
        Its name; empty when no model is loaded.
    p50_ms, p95_ms
        Times of the newest frames; None before the first.
    frames, replaced, failures
        Frames handled, replaced by newer ones before they were, and failed, in the interval.
    last_failure
        The newest failure.
    busy
        Seconds for which the present frame has been worked on.
    choice
        Why that backend runs it.

    """

    backend: str
    p50_ms: float | None = None
    p95_ms: float | None = None
    frames: int = 0
    replaced: int = 0
    failures: int = 0
    last_failure: str = ''
    busy: float = 0.0
    choice: Choice = AS_ASKED


def node_part(state: str, fault: str, task: str, clock: str, others: Sequence[Part],
              facts: Mapping[str, Any]) -> Part:
    """Return the node as a whole.

    Parameters
    ----------
    state
        Lifecycle state.
    fault
        Why the last transition failed.
    task
        What a transition is at.
    clock
        What is wrong with the clock.
    others
        The other parts: what is wrong with them is said here, too.
    facts
        What else is known.

    """
    level, words = Level.OK, [state]
    if fault:
        level, words = Level.ERROR, [f'{state}: {fault}']
    elif task:
        level, words = Level.WARN, [f'{state}: {task}']
    troubles = [part.message for part in others
                if part.level is not Level.OK and part.message != task]
    if clock:
        troubles.insert(0, clock)
    if troubles:
        level = max(level, Level.WARN)
    return Part('node', level, '; '.join([*words, *troubles]), {'state': state, **facts})


def clock_in_words(simulated: bool, now: float) -> str:
    """Return what is wrong with a node's clock; empty when nothing is."""
    if simulated and now <= 0:
        return ('use_sim_time is true, but no time comes on /clock: start the simulator, or the '
                'bag with --clock')
    return ''


def camera_part(camera: str, view: CameraView | None) -> Part:
    """Return a camera; `view` None = nobody listens to it."""
    name = f'{camera} camera'
    if view is None:
        return Part(name, Level.OK, f'{camera}: not subscribed', {})
    values = {
        'topic': view.topic, 'rate_hz': view.rate,
        'age_s': '' if view.age is None else view.age,
        'health': '' if view.health is None else view.health.state.value}
    level, words = Level.OK, f'{camera}: {view.rate:.1f} images/s'
    stamps = _stamps_in_words(camera, view.age)
    if view.silence:
        level, words = Level.WARN, view.silence
    elif view.health is not None and not view.health.usable:
        remedy = _REMEDIES.get(view.health.state)
        level = Level.WARN
        words = f'{view.health.reason}: {remedy}' if remedy else view.health.reason
    elif stamps:
        level, words = Level.WARN, stamps
    return Part(name, level, words, values, view.topic)


def _stamps_in_words(camera: str, age: float | None) -> str:
    if age is None or -_FUTURE_S <= age <= _OLDEST_S:
        return ''
    words = f'{age:.3g} s behind' if age > 0 else f'{-age:.3g} s ahead of'
    return (f"{camera}: stamps are {words} the node's clock: set both machines' clocks (NTP, "
            'PTP), or play a bag with --clock and use_sim_time')


def sync_part(view: SyncView | None) -> Part:
    """Return the synchroniser; `view` None = there is none now."""
    if view is None:
        return Part('sync', Level.OK, 'nothing to put in pairs', {})
    level, words = Level.OK, f'{view.pairs} pairs'
    doubt = str(view.numbers.get('stamps', ''))
    if doubt:
        level, words = Level.WARN, doubt
    elif view.expected >= _FEWEST and view.pairs < _PAIRED_SHARE * view.expected:
        level, words = Level.WARN, (
            f'{view.pairs} pairs where {view.expected:.0f} could be: the stamps of the cameras '
            f'differ by more than sync.slop = {view.slop:g} s: raise it, or set '
            'sync.thermal_offset')
    return Part('sync', level, words, view.numbers)


def backend_part(view: NetworkView, task: str = '') -> Part:
    """Return the network and what runs it; `task` is what is done to make them ready."""
    values: dict[str, Any] = {'backend': view.backend, 'choice': view.choice.reason,
                              'last_error': view.last_failure}
    if task:
        return Part('backend', Level.WARN, task, values)
    if not view.backend:
        return Part('backend', Level.OK, 'no model is loaded', values)
    values.update(replaced_frames=view.replaced, failed_frames=view.failures)
    level, words = Level.OK, f'{view.backend}: no frame was tracked yet'
    if view.p50_ms is not None and view.p95_ms is not None:
        values.update(p50_ms=view.p50_ms, p95_ms=view.p95_ms)
        words = f'{view.backend}: {view.p50_ms:.1f} ms, 95 % under {view.p95_ms:.1f} ms'
    if view.busy > HANG_S:
        level, words = Level.ERROR, (
            f'the network has not answered for {view.busy:.0f} s: clean up and configure the '
            'node, or restart it')
    elif view.failures:
        level = Level.ERROR if view.failures >= view.frames else Level.WARN
        words = f'{view.failures} frames failed: {view.last_failure}'
    elif view.replaced >= _FEWEST and view.replaced > _REPLACED_SHARE * view.frames:
        level, words = Level.WARN, (
            f'{words}: slower than the cameras, {view.replaced} frames were left out: use a '
            'smaller model, a faster backend, or a lower camera rate')
    if view.choice.degraded:
        level, words = max(level, Level.WARN), f'{view.choice.reason}; {words}'
    return Part('backend', level, words, values)


def memory_part(memory: Memory) -> Part:
    """Return the memory of the process and the machine."""
    values = {'rss_mb': memory.used}
    level, words = Level.OK, f'{memory.used:.0f} MB'
    if memory.free is not None and memory.total:
        values['free_mb'] = memory.free
        if memory.free < _FREE_SHARE * memory.total:
            level, words = Level.WARN, (
                f'{memory.free:.0f} MB of {memory.total:.0f} MB are free on this machine, this '
                f'node holds {memory.used:.0f} MB: end other programs, or use a smaller model')
    return Part('memory', level, words, values)
