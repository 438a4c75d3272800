# SPDX-License-Identifier: Apache-2.0
"""Where sequences are tracked: in this process, or in several of this machine.

Each gives the same boxes: a sequence is tracked by one tracker in one thread, from its beginning.
"""
from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from collections.abc import Sequence as List
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
import multiprocessing
import os
import signal
from threading import Thread
from typing import Any, Protocol

import cv2

from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence
from rgbt_tracker_ros.benchmark.protocol.job import Job
from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun, run_sequence
from rgbt_tracker_ros.errors import InputError

Runs = Generator[SequenceRun, None, None]


class Executor(Protocol):
    """Tracks sequences."""

    def run(self, job: Job, sequences: List[Sequence],
            on_frames: Callable[[int], None]) -> Runs:
        """Yield the sequences as they are done, in any order.

        `on_frames` is told how many more frames have been tracked.

        Raises
        ------
        ModelError
            If a worker cannot load the model.
        InputError
            If the workers cannot be started, or one dies.

        """
        ...


class Serial:
    """One after the other, in this process."""

    def run(self, job: Job, sequences: List[Sequence],
            on_frames: Callable[[int], None]) -> Runs:
        """Yield the sequences in their order."""
        for sequence in sequences:
            yield run_sequence(job, sequence, lambda: on_frames(1))


class Processes:
    """Several at once, each in a process of its own with one thread."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, job: Job, sequences: List[Sequence],
            on_frames: Callable[[int], None]) -> Runs:
        """Yield the sequences as they are done; see `Executor.run`."""
        if not sequences:
            return
        others = set(multiprocessing.active_children())
        # A fork would copy the threads' locks of ONNX Runtime and OpenCV, and hang.
        pool = ProcessPoolExecutor(min(self._workers, len(sequences)),
                                   multiprocessing.get_context('spawn'), _start_worker)
        try:
            # The longest first, so that no worker is left alone with it at the end.
            with _interrupts_held():
                lengths = {pool.submit(run_sequence, job, sequence): len(sequence)
                           for sequence in sorted(sequences, key=len, reverse=True)}
            for future in as_completed(lengths):
                run = future.result()
                on_frames(lengths[future])
                yield run
        except BrokenProcessPool as error:
            raise InputError('--workers: a worker died, perhaps for lack of memory: start again '
                             'with fewer; finished sequences are kept') from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait; processes started meanwhile never hear it, also while they import."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    # Ctrl-C reaches all processes of a terminal; the first one ends the others. (It is held back
    # in this one already; what this one starts should not hear it either.)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    """End this process when the one that started it is gone, even if it was killed."""
    with suppress(OSError):
        parent.join()
    os._exit(1)
