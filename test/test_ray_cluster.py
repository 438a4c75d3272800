# SPDX-License-Identifier: Apache-2.0
"""The path over a Ray cluster, with a stand-in for Ray, which is too large to be tested with."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
import pickle
import socket
import sys
from types import SimpleNamespace
from typing import Any

import miniature
from mock_model import write_bundle
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
from rgbt_tracker_ros.benchmark.protocol.executors import Serial
from rgbt_tracker_ros.benchmark.protocol.job import Job, make_job
from rgbt_tracker_ros.benchmark.protocol.ray_cluster import Ray
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.settings import Settings

NAMES = ('one', 'two', 'three')


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class StandIn:
    """Does in this process what Ray does in others: tasks get pickled copies of what they need."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.connected = False
        self.lost: set[str] = set()

    def init(self, **options: Any) -> None:
        if options.get('address') == 'auto':
            raise ConnectionError('Could not find any running Ray instance')
        self.options, self.connected = options, True

    def shutdown(self) -> None:
        self.connected = False

    def put(self, value: object) -> bytes:
        return pickle.dumps(value)

    def remote(self, **_: Any) -> Callable[[Any], Any]:
        return lambda function: SimpleNamespace(remote=lambda job, sequence: (
            function, job, pickle.dumps(sequence)))

    def wait(self, waiting: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return waiting[-num_returns:], waiting[:-num_returns]

    def get(self, reference: Any) -> Any:
        function, job, raw = reference
        sequence = pickle.loads(raw)
        if sequence.name in self.lost:
            raise RayError('The worker died\n unexpectedly')
        try:
            return pickle.loads(pickle.dumps(function(pickle.loads(job), sequence)))
        except ModelError as error:
            raise RayTaskError(error) from error


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    made = StandIn()
    monkeypatch.setitem(sys.modules, 'ray', made)
    return made


@pytest.fixture(scope='module')
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    return make_job(str(write_bundle(tmp_path_factory.mktemp('models') / 'mock')), Settings())


@pytest.fixture(scope='module')
def gtot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('gtot')
    for number, name in enumerate(NAMES):
        miniature.write_gtot(root / name, 5 + number)
    (root / 'SequencesName.txt').write_text('\n'.join(NAMES))
    return root


def test_boxes_are_those_of_this_process(ray: StandIn, job: Job, gtot: Path) -> None:
    sequences = load_dataset('gtot', gtot).sequences
    counted: list[int] = []
    here = {item.name: item.boxes for item in Serial().run(job, sequences, counted.append)}
    there = {item.name: item.boxes for item in Ray('local', 2).run(job, sequences, counted.append)}
    assert ray.options['num_cpus'] == 2
    assert not ray.connected
    assert sum(counted) == 2 * (5 + 6 + 7)
    assert set(there) == set(NAMES)
    for name in NAMES:
        np.testing.assert_array_equal(here[name], there[name])


def test_the_command_line_uses_the_cluster(
        ray: StandIn, job: Job, gtot: Path, tmp_path: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:
        address = f'127.0.0.1:{server.getsockname()[1]}'
        assert run(['evaluate', '--dataset', 'gtot', '--root', str(gtot), '--model', job.model,
                    '--output', str(tmp_path), '--ray', address]) == 0
    assert ray.options['address'] == address
    assert len(list((tmp_path / 'mock').glob('*.txt'))) == len(NAMES)


def test_a_lost_machine_is_told_and_the_connection_closed(
        ray: StandIn, job: Job, gtot: Path) -> None:
    ray.lost = {'two'}
    with pytest.raises(InputError, match=r'two could not be tracked \(The worker died'):
        list(Ray('local').run(job, load_dataset('gtot', gtot).sequences, _ignore))
    assert not ray.connected


def test_what_a_worker_lacks_is_told(ray: StandIn, job: Job, gtot: Path) -> None:
    with pytest.raises(ModelError, match="model 'nowhere' not found"):
        list(Ray('local').run(replace(job, model='nowhere'),
                              load_dataset('gtot', gtot).sequences, _ignore))


@pytest.mark.parametrize('address', ['auto', '127.0.0.1:1', 'ray://127.0.0.1:1'])
def test_a_cluster_that_does_not_answer_is_named(
        ray: StandIn, job: Job, gtot: Path, address: str) -> None:
    with pytest.raises(InputError, match=rf'--ray {address}: no cluster answers'):
        list(Ray(address).run(job, load_dataset('gtot', gtot).sequences, _ignore))


def test_ray_is_optional(job: Job, gtot: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(InputError, match='--ray needs Ray: pip install'):
        list(Ray('local').run(job, load_dataset('gtot', gtot).sequences, _ignore))


def test_nothing_to_do_needs_no_cluster(job: Job) -> None:
    assert list(Ray('local').run(job, [], _ignore)) == []


def _ignore(count: int) -> None:
    pass
