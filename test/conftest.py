# SPDX-License-Identifier: Apache-2.0
"""Property tests must give the same answer on every machine, however busy it is."""
from __future__ import annotations

from importlib.util import find_spec
import signal

from hypothesis import HealthCheck, settings

settings.register_profile('steady', deadline=None, derandomize=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('steady')

# A shell that runs the tests in the background has them ignore SIGINT, and so would every process
# that they start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# `launch` alone would be found in any case: it is also the name of our folder of launch files.
_NEEDED = {'test_launch_run.py': 'launch_ros', 'test_message_filters.py': 'message_filters',
           'test_sync_rivals.py': 'message_filters'}
collect_ignore = [test for test, package in _NEEDED.items() if not find_spec(package)]
