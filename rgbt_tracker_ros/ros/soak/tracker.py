# SPDX-License-Identifier: Apache-2.0
"""Executable of the soak test: the real tracker node over a backend that fails on demand."""
from __future__ import annotations

from collections.abc import Sequence
import sys

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.factory import load_backend
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.ros.executable import run
from rgbt_tracker_ros.ros.lifecycle import TrackerNode
from rgbt_tracker_ros.ros.soak.faulty_backend import FaultyBackend
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker

FAULT = 'soak.backend_fault'
"""Parameter that names what goes wrong in the backend, see `FaultyBackend`."""


class SoakTrackerNode(TrackerNode):
    """Node `rgbt_tracker` with one parameter more."""

    def __init__(self) -> None:
        super().__init__(self._load_faulty)
        self._backend: FaultyBackend | None = None
        self.declare_parameter(FAULT, '')
        self.add_on_set_parameters_callback(self._on_fault)

    def _load_faulty(self, name: str, backend: str, settings: Settings,
                     monitor: Monitor) -> Tracker:
        bundle = load_bundle(name)
        self._backend = FaultyBackend(load_backend(bundle, settings.model, monitor))
        return Tracker(bundle, self._backend, settings)

    def _on_fault(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            if parameter.name == FAULT and self._backend is not None:
                self._backend.fault = parameter.value
        return SetParametersResult(successful=True)


if __name__ == '__main__':
    sys.exit(run('rgbt_tracker_ros.ros.soak.tracker', 'SoakTrackerNode'))
