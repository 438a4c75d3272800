# SPDX-License-Identifier: Apache-2.0
"""Run the commands of the set-up one by one: what runs is shown all along, all output is kept."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
import shutil
import subprocess
import sys
from threading import Thread
import time

TERMINAL_PERIOD = 0.2
FILE_PERIOD = 10.0


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


class Steps:
    """Runs commands and tells about them.

    Parameters
    ----------
    logs
        Folder that gets the full output of every step.
    stream
        Where progress goes: one line a step, rewritten in place on a terminal, else repeated.

    """

    def __init__(self, logs: Path, stream=sys.stdout) -> None:
        self._logs = logs
        self._stream = stream
        self._live = stream.isatty()
        self._begin = time.monotonic()

    def say(self, text: str) -> None:
        """Write one line."""
        self._stream.write(f'[{time.monotonic() - self._begin:4.0f} s] {text}\n')
        self._stream.flush()

    def run(
        self, title: str, command: Sequence[str | Path], *, env: Mapping[str, str] | None = None,
        remedy: str = '',
    ) -> None:
        """Run a command.

        Parameters
        ----------
        title
            What it is for, shown; also names the log file.
        command, env
            As for `subprocess.Popen`.
        remedy
            What to do should it fail, added to the message.

        Raises
        ------
        SetupError
            When the command fails; holds its last lines and the place of the log.

        """
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f'{title.replace(" ", "-")}.log'
        with log.open('w', encoding='utf-8', errors='replace') as sink:
            process = subprocess.Popen(
                [str(part) for part in command], env=None if env is None else dict(env),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
            tail = _Tail(process.stdout, sink)
            try:
                self._watch(title, process, tail)
            except BaseException:
                process.terminate()
                raise
            finally:
                process.wait()
                tail.join()
        if process.returncode:
            raise SetupError('\n'.join([
                *tail.lines, f'{title} failed with status {process.returncode}; log: {log}',
                *([remedy] if remedy else [])]))
        self.say(f'{title}: done')

    def _watch(self, title: str, process: subprocess.Popen[str], tail: _Tail) -> None:
        period = TERMINAL_PERIOD if self._live else FILE_PERIOD
        if not self._live:
            self.say(f'{title} ...')
        while True:
            try:
                process.wait(timeout=period)
                break
            except subprocess.TimeoutExpired:
                self._show(f'{title}: {tail.last}')
        if self._live:
            self._stream.write('\r\033[K')

    def _show(self, text: str) -> None:
        if not self._live:
            self.say(text)
            return
        line = f'[{time.monotonic() - self._begin:4.0f} s] {text}'
        self._stream.write('\r\033[K' + line[:shutil.get_terminal_size().columns - 1])
        self._stream.flush()


class _Tail(Thread):
    """Copies a process's output to a file and remembers the end of it."""

    def __init__(self, source, sink, keep: int = 15) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self._source, self._sink, self._keep = source, sink, keep
        self.start()

    @property
    def last(self) -> str:
        """Return the newest line."""
        return self.lines[-1].strip() if self.lines else ''

    def run(self) -> None:
        """Copy until the output ends."""
        for line in self._source:
            self._sink.write(line)
            if line.strip() and not line.startswith('WARNING: '):
                self.lines = [*self.lines, line.rstrip()][-self._keep:]
