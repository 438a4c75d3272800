# SPDX-License-Identifier: Apache-2.0
"""Tracking goes on when a GPU, its driver or an engine fails: another run time stands in."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference.backend import (
    Array,
    Backend,
    Choice,
    SearchMaps,
    TemplateTensors,
)
from rgbt_tracker_ros.inference.engines.tools import BuildStoppedError
from rgbt_tracker_ros.inference.monitor import Monitor

T = TypeVar('T')
Make = Callable[[], Backend]

_KEY = 'template'


def with_fallback(name: str, make: Make, make_other: Make, monitor: Monitor) -> Backend:
    """Return the backend that `make` makes, or another one while that cannot run.

    Parameters
    ----------
    name
        What `make` makes, as in `tensorrt`.
    make, make_other
        Load the model. The other is loaded only when it is needed.
    monitor
        Warned when another stands in, now or later.

    Raises
    ------
    ModelError
        If the other cannot be loaded either.

    """
    try:
        backend = make()
    except BuildStoppedError:
        raise
    # Each run time has exceptions of its own, and each version its surprises.
    except Exception as error:
        other = make_other()
        other.choice = _stand_in(name, other, error, monitor)
        return other
    return FallbackBackend(backend, make_other, monitor)


class FallbackBackend:
    """Runs on one backend until that fails where another does not; from then on on the other.

    A failed GPU stays failed for the whole process. What templates were made from is kept, so
    that the other can make them anew: the target is not lost.

    Parameters
    ----------
    backend
        Runs as long as it can.
    make_other
        Loads the model into another one.
    monitor
        Warned when the other takes over.

    """

    def __init__(self, backend: Backend, make_other: Make, monitor: Monitor) -> None:
        self.name, self.choice = backend.name, backend.choice
        self._first = self._used = backend
        self._make_other = make_other
        self._other: Backend | None = None
        self._monitor = monitor

    def template(self, rgb: Array, thermal: Array) -> TemplateTensors:
        """Turn a normalised template crop (1 x C x Z x Z each) into template tensors."""
        template = _Template(rgb, thermal)
        self._tried(template.tensors)
        return {_KEY: template}

    def search(self, templates: Sequence[TemplateTensors], rgb: Array, thermal: Array, *,
               fused: bool = False) -> SearchMaps:
        """Match a normalised search crop (1 x C x X x X each) against the template slots."""
        def match(backend: Backend) -> SearchMaps:
            tensors = [template[_KEY].tensors(backend) for template in templates]
            return backend.search(tensors, rgb, thermal, fused=fused).checked()

        return self._tried(match)

    def close(self) -> None:
        """Free both; a run time that has failed may resist."""
        if self._other is not None:
            self._other.close()
        with suppress(*(() if self._used is self._first else (Exception,))):
            self._first.close()

    def _tried(self, work: Callable[[Backend], T]) -> T:
        """Do something on the backend in use; where only that fails, on the other."""
        try:
            return work(self._used)
        except Exception as error:
            if self._used is self._other:
                raise
            try:
                if self._other is None:
                    self._other = self._make_other()
                result = work(self._other)
            except ModelError:
                # Nothing is better: the images are to blame, or there is no other.
                raise error from None
            self._used = self._other
            self.choice = _stand_in(self.name, self._other, error, self._monitor)
            self.name = self._other.name
            return result


class _Template:
    """A template crop, and the tensors that one backend has made of it."""

    def __init__(self, rgb: Array, thermal: Array) -> None:
        self._crops = rgb.copy(), thermal.copy()
        self._maker: Backend | None = None
        self._tensors: TemplateTensors = {}

    def tensors(self, backend: Backend) -> TemplateTensors:
        """Return the tensors for this backend."""
        if self._maker is not backend:
            self._tensors = backend.template(*self._crops)
            self._maker = backend
        return self._tensors


def _stand_in(name: str, other: Backend, error: Exception, monitor: Monitor) -> Choice:
    """Return why another runs, and warn of it."""
    words = str(error) if isinstance(error, ModelError) else f'{type(error).__name__}: {error}'
    reason = f'asked {name}, runs {other.name}: {words}'
    monitor.warn(reason)
    return Choice(reason, degraded=True)
