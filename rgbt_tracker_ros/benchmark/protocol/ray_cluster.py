# SPDX-License-Identifier: Apache-2.0
"""Tracks sequences on the machines of a Ray cluster."""
from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as List
import socket
from typing import Any

import cv2

from rgbt_tracker_ros.benchmark.datasets.sequence import Sequence
from rgbt_tracker_ros.benchmark.protocol.executors import Runs
from rgbt_tracker_ros.benchmark.protocol.job import Job
from rgbt_tracker_ros.benchmark.protocol.one_pass import SequenceRun, run_sequence
from rgbt_tracker_ros.errors import InputError

_ANSWER_S = 5.0


class Ray:
    """On the machines of a Ray cluster, which see the dataset and the model at the same paths.

    Parameters
    ----------
    address
        Of the cluster, `auto` for the one of this machine, `local` for one that is started here.
    workers
        Of a local cluster.

    """

    def __init__(self, address: str, workers: int = 1) -> None:
        self._address = address
        self._workers = workers

    def run(self, job: Job, sequences: List[Sequence],
            on_frames: Callable[[int], None]) -> Runs:
        """Yield the sequences as they are done; see `Executor.run`."""
        if not sequences:
            return
        ray = self._connected()
        try:
            # A machine that is lost costs a sequence a new start elsewhere, not the evaluation.
            task = ray.remote(num_cpus=1, max_retries=3)(_run_alone)
            shared = ray.put(job)
            waiting = {task.remote(shared, sequence): sequence
                       for sequence in sorted(sequences, key=len, reverse=True)}
            while waiting:
                done, _ = ray.wait(list(waiting), num_returns=1)
                sequence = waiting.pop(done[0])
                try:
                    run: SequenceRun = ray.get(done[0])
                except ray.exceptions.RayTaskError as error:
                    raise error.cause from error
                except ray.exceptions.RayError as error:
                    raise InputError(f'--ray {self._address}: {sequence.name} could not be '
                                     f'tracked ({" ".join(str(error).split())[:200]}): finished '
                                     'sequences are kept') from error
                on_frames(len(sequence))
                yield run
        finally:
            ray.shutdown()

    def _connected(self) -> Any:
        # Imported here, since it is optional and takes a second.
        try:
            import ray
        except ImportError as error:
            raise InputError('--ray needs Ray: pip install "rgbt_tracker_ros[ray]"') from error
        options: dict[str, Any] = {'log_to_driver': False}
        if self._address == 'local':
            options |= {'num_cpus': self._workers, 'include_dashboard': False}
        else:
            options['address'] = self._address
        try:
            _knock(self._address)
            ray.init(**options)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            raise InputError(f'--ray {self._address}: no cluster answers '
                             f'({" ".join(str(error).split())[:200]}): start one by ray start '
                             '--head, or give local') from error
        return ray


def _knock(address: str) -> None:
    """Raise OSError if nobody answers at host:port, for which Ray itself would wait minutes."""
    host, _, port = address.rpartition('/')[2].rpartition(':')
    if host and port.isdigit():
        socket.create_connection((host, int(port)), _ANSWER_S).close()


def _run_alone(job: Job, sequence: Sequence) -> SequenceRun:
    cv2.setNumThreads(1)
    return run_sequence(job, sequence)
