# SPDX-License-Identifier: Apache-2.0
"""How far a build is, from what TensorRT 10 and later tell of its phases."""
from __future__ import annotations

from threading import Lock
from typing import Any

from rgbt_tracker_ros.inference.engines.tools import Progress, Stop

_STEP = 0.01


class Phases:
    """Shares of nested phases: a phase has steps, and a step may be a phase of its own."""

    def __init__(self) -> None:
        self._steps: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._parents: dict[str, str | None] = {}

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """Note that a phase of so many steps begins."""
        self._parents[name], self._steps[name], self._done[name] = parent, max(steps, 1), 0

    def complete(self, name: str, step: int) -> None:
        """Note that a step is done, numbered from 0."""
        self._done[name] = step + 1

    def finish(self, name: str) -> None:
        """Note that a phase is over."""
        for phases in (self._parents, self._steps, self._done):
            phases.pop(name, None)

    def share(self, name: str | None = None) -> float:
        """Return which share of a phase (of the outermost one) is done, 0..1."""
        inner = max((self.share(child) for child, parent in self._parents.items()
                     if parent == name), default=0.0)
        if name is None:
            return inner
        return min((self._done[name] + inner) / self._steps[name], 1.0)


def monitor(library: Any, progress: Progress, stop: Stop) -> Any:
    """Return an IProgressMonitor; None where this TensorRT has none.

    It tells `progress` how far the build is, and ends the build when `stop` says so.
    """
    if not hasattr(library, 'IProgressMonitor'):
        return None
    phases, lock = Phases(), Lock()
    told = -1.0

    def tell(phase: str) -> None:
        """Tell each hundredth once: some phases have a step for each of thousands of layers."""
        nonlocal told
        # Between the end of a phase and that of the step it was, less seems done.
        share = max(phases.share(), told)
        if share >= told + _STEP:
            told = share
            progress(phase, share)

    class Monitor(library.IProgressMonitor):  # type: ignore[misc]
        """Called by TensorRT, from several threads."""

        def __init__(self) -> None:
            library.IProgressMonitor.__init__(self)

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with lock:
                phases.start(phase_name, parent_phase, num_steps)
                tell(phase_name)

        def step_complete(self, phase_name: str, step: int) -> bool:
            with lock:
                phases.complete(phase_name, step)
                tell(phase_name)
                return not stop()

        def phase_finish(self, phase_name: str) -> None:
            with lock:
                phases.finish(phase_name)

    return Monitor()
