# SPDX-License-Identifier: Apache-2.0
"""What all tests share: steady property tests, signals, and a node for those that need one."""
from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
import signal
from typing import Any

from hypothesis import HealthCheck, settings
import pytest

# Property tests must give the same answer on every machine, however busy it is.
settings.register_profile('steady', deadline=None, derandomize=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('steady')

# A shell that runs the tests in the background has them ignore SIGINT, and so would every process
# that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# `launch` alone would be found in any case: it is also the name of our folder of launch files.
_NEEDED = {'test_launch_run.py': 'launch_ros', 'test_message_filters.py': 'message_filters',
           'test_rtx_build.py': 'tensorrt_rtx', 'test_scan_oracle.py': 'mamba_ssm',
           'test_scan_triton.py': 'triton', 'test_sync_rivals.py': 'message_filters',
           'test_tensorrt_rtx.py': 'tensorrt_rtx'}
collect_ignore = [test for test, package in _NEEDED.items() if not find_spec(package)]


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests of nodes in one process: two nodes at a time disturb each other."""
    for item in items:
        group = 'ros' if item.get_closest_marker('ros') else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope='module')
def running_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield a `live_node.Live` with a mock model, one for each file of tests."""
    from live_node import running

    with running(tmp_path_factory.mktemp('models')) as node:
        yield node


@pytest.fixture
def live(running_node: Any) -> Iterator[Any]:
    """Yield it following a target with default settings."""
    from live_node import following

    with following(running_node) as node:
        yield node


@pytest.fixture(scope='module')
def one_thread() -> Iterator[None]:
    """Keep many small steps of PyTorch from waiting for threads that have no turn."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
