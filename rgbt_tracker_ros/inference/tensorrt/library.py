# SPDX-License-Identifier: Apache-2.0
"""The Python modules of TensorRT, and what they say when something fails."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
import logging
from typing import Any, TypeVar

from rgbt_tracker_ros.errors import one_line
from rgbt_tracker_ros.inference.engines.tools import EngineError

TENSORRT, RTX = 'tensorrt', 'tensorrt_rtx'
MODULES = (TENSORRT, RTX)
"""Modules that bring TensorRT, the preferred one first."""

REMEDY = ('on a Jetson: sudo apt install tensorrt python3-libnvinfer (a virtual environment needs '
          '--system-site-packages); elsewhere: pip install tensorrt')

_Result = TypeVar('_Result')
_logger = logging.getLogger(__name__)


def installed_module() -> str:
    """Return the module to use; raise EngineError where there is none."""
    for module in MODULES:
        if find_spec(module) is not None:
            return module
    raise EngineError(f'TensorRT is not installed: {REMEDY}')


def imported(module: str) -> Any:
    """Import TensorRT; call `find_gpu` before, except to build by TensorRT-RTX.

    Raises
    ------
    EngineError
        If it cannot be imported, or is older than 8.5.

    """
    try:
        library = import_module(module)
    # Whatever a library that does not fit raises.
    except Exception as error:
        raise EngineError(f'{module} cannot be imported ({one_line(error)}): {REMEDY}') from error
    if not hasattr(library.ICudaEngine, 'num_io_tensors'):
        raise EngineError(f'TensorRT {library.__version__} is too old: 8.5 (JetPack 5.1) is the '
                          'first that fits')
    return library


class ErrorLog:
    """Keeps the last errors that TensorRT reports: its functions only return None or False."""

    def __init__(self, library: Any) -> None:
        self._errors: deque[str] = deque(maxlen=3)
        severities = library.ILogger
        failures = (severities.INTERNAL_ERROR, severities.ERROR)
        errors = self._errors

        class Logger(library.ILogger):  # type: ignore[misc]
            """Called by TensorRT from any of its threads; must not raise."""

            def __init__(self) -> None:
                library.ILogger.__init__(self)

            def log(self, severity: Any, msg: str) -> None:
                if severity in failures:
                    errors.append(' '.join(msg.split()))
                elif severity == severities.WARNING:
                    _logger.debug('%s', msg)

        self.logger = Logger()

    def require(self, what: str, make: Callable[[], _Result | None], remedy: str = '') -> _Result:
        """Return what `make` returns; raise EngineError for an exception, None or False."""
        self._errors.clear()
        try:
            result = make()
        except EngineError:
            raise
        # The bindings turn C++ exceptions into several types.
        except Exception as error:
            raise self.error(f'{what} ({one_line(error)})', remedy) from error
        if result is None or result is False:
            raise self.error(what, remedy)
        return result

    def error(self, what: str, remedy: str = '') -> EngineError:
        """Return an error that tells what failed, what TensorRT said of it, and the remedy."""
        return EngineError(': '.join(part for part in (what, *self._errors, remedy) if part))


@cache
def error_log(library: Any) -> ErrorLog:
    """Return the error log of a TensorRT.

    There is one for the life of the process: TensorRT goes on using the first logger it was given.
    """
    return ErrorLog(library)
