# SPDX-License-Identifier: Apache-2.0
"""`backend: auto`: the quickest run time that gives the same boxes, measured on this machine."""
from __future__ import annotations

from collections.abc import Callable

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import Backend, Choice
from rgbt_tracker_ros.inference.bundle import ModelBundle
from rgbt_tracker_ros.inference.choice_cache import ChoiceCache, Remembered
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.inference.trial import compare, processor_ms
from rgbt_tracker_ros.settings import ModelSettings

REFERENCE = 'onnxruntime'

_GAIN = 1.1
"""What is not so many times as fast is not worth another run time."""

_QUICK_MS = 3.0
_AGREES = {'fp32': 0.999, 'fp16': 0.9}
"""Least mean IoU with the reference's boxes on made-up scenes: an error shows, rounding passes."""

Load = Callable[[str], Backend]
"""Makes the backend of a name, or raises ModelError."""


def choose(bundle: ModelBundle, settings: ModelSettings, monitor: Monitor, load: Load,
           rivals: tuple[str, ...]) -> Backend:
    """Return the quickest backend on the CPU, and remember it for the next start.

    Parameters
    ----------
    bundle, settings
        What to run, and how.
    monitor
        Told what is done; its `stop` ends the measurement.
    load
        Makes a backend.
    rivals
        Those that may take the reference's place, best first; all are installed.

    Raises
    ------
    ModelError
        If the reference cannot run the model.

    """
    if not rivals:
        return load(REFERENCE)
    cache = ChoiceCache(bundle, settings, (REFERENCE, f'{REFERENCE}-gpu', *rivals))
    remembered = cache.read()
    if remembered is not None and remembered.name in (REFERENCE, *rivals):
        try:
            return _because(load(remembered.name), remembered.reason)
        except ModelError as error:
            monitor.warn(f'{remembered.name}, which was chosen before, fails: {error}')
    reference = load(REFERENCE)
    if reference.choice.degraded:
        return reference    # a GPU failed: that is to be seen, and nothing to remember
    try:
        taken = processor_ms(reference, bundle)
        if taken < _QUICK_MS:
            return _because(reference, f'{taken:.1f} ms of one core: quick enough')
        monitor.progress(f'measuring which run time is the quickest ({", ".join(rivals)})', None)
        return _contest(reference, bundle, settings, monitor, load, rivals, cache)
    except BaseException:
        reference.close()
        raise


def _contest(reference: Backend, bundle: ModelBundle, settings: ModelSettings, monitor: Monitor,
             load: Load, rivals: tuple[str, ...], cache: ChoiceCache) -> Backend:
    """Let the rivals run beside the reference; close all but the best."""
    best, gain, sure = reference, _GAIN, True
    told: list[str] = []
    for name in rivals:
        if monitor.stop():
            return best
        rival: Backend | None = None
        try:
            rival = load(name)
            trial = compare(reference, rival, bundle, monitor.stop)
        except ModelError as error:
            told.append(f'{name} fails ({error})')
            sure = False    # it may be mended, or have been out of memory
            _close(rival)
            continue
        except BaseException:
            _close(rival)
            raise
        if trial is None:
            _close(rival)
            return best
        times = f'{trial.other_ms:.1f} ms, {REFERENCE} {trial.reference_ms:.1f} ms'
        if trial.overlap < _AGREES[settings.precision]:
            told.append(f'{name} gives other boxes (IoU {trial.overlap:.3f})')
        elif trial.speed_up < gain:
            told.append(f'{name} is not quicker ({times})')
        else:
            told.append(f'{name} is {trial.speed_up:.2f} times as fast ({times})')
            if best is not reference:
                best.close()
            best, gain, rival = rival, trial.speed_up, None
        _close(rival)
    if best is not reference:
        reference.close()
    reason = '; '.join(told)
    if sure:
        cache.write(Remembered(best.name, reason))
    return _because(best, reason)


def _because(backend: Backend, reason: str) -> Backend:
    if not backend.choice.degraded:
        backend.choice = Choice(f'chosen by auto: {reason}')
    return backend


def _close(backend: Backend | None) -> None:
    if backend is not None:
        backend.close()
