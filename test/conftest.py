# SPDX-License-Identifier: Apache-2.0
"""Property tests must give the same answer on every machine, however busy it is."""
from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile('steady', deadline=None, derandomize=True,
                          suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('steady')
