# SPDX-License-Identifier: Apache-2.0
"""The demonstration's nodes as processes of their own: started, watched and always ended."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
import signal
import subprocess
from types import TracebackType
from typing import Any

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.ros.processes import start_node, stop_node

_GRACE_S = 5.0
"""What a node may take to end."""

_TAIL_LINES = 12


class NodeProcesses:
    """Starts nodes of this package, one process each.

    Use it as a context: at its end, however that comes about, none of them is left. They get no
    Ctrl-C of the terminal; it is the context that ends them.

    Parameters
    ----------
    logs
        Folder for what they print, `<executable>.log`.
    environment
        See `ros.processes.ros_environment`.

    """

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = {
            **environment, 'ROS_LOG_DIR': str(logs.resolve() / 'ros'), 'PYTHONUNBUFFERED': '1'}
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> NodeProcesses:
        """Make the folder of the logs."""
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End every process that still runs."""
        self.stop()

    def start(self, executable: str, parameters: Mapping[str, Any]) -> None:
        """Start a node with parameters."""
        # Between the start of a process and the note of it, Ctrl-C would leave it behind.
        with self._log(executable).open('w', encoding='utf-8') as log, _signals_delayed():
            self._running[executable] = start_node(
                executable, parameters, self._environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT)

    def ended(self, executable: str) -> bool:
        """Tell whether a node has ended well.

        Raises
        ------
        ModelError
            If it has ended with an error; holds the end of its log.

        """
        status = self._running[executable].poll()
        if status:
            raise self.failure(executable, f'ended with status {status}')
        return status == 0

    def failure(self, executable: str, what: str) -> ModelError:
        """Return an error that says what a node did, with the end of its log."""
        lines = self._log(executable).read_text(encoding='utf-8', errors='replace').splitlines()
        said = ' | '.join(line.strip() for line in lines[-_TAIL_LINES:] if line.strip())
        return ModelError(f'{executable} {what}: {said or "it said nothing"} '
                          f'(log: {self._log(executable)})')

    def stop(self) -> None:
        """End all processes, by force where they do not hear."""
        # A second Ctrl-C must not leave some of them behind.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            for process in self._running.values():
                stop_node(process, _GRACE_S)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _log(self, executable: str) -> Path:
        return self._logs / f'{executable}.log'


@contextmanager
def _signals_delayed() -> Iterator[None]:
    """Handle SIGINT and SIGTERM afterwards; a mask would be inherited by what is started."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda came, _: received.append(came))
              for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in received:
            signal.raise_signal(late)
