# SPDX-License-Identifier: Apache-2.0
"""The third process: hears the detections and the statuses, and calls the parameter services."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from subprocess import Popen
from time import monotonic, perf_counter
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from std_msgs.msg import Bool
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.process_load import Load

_DEPTH = 100
_QUIET_S = 0.5
_PATIENCE_S = 60.0
_STOPPED_S = 10.0
_CALLS_PER_S = 10.0
_PARAMETER = 'target.smoothing'
_VALUES = (0.3, 0.31)


@dataclass
class Heard:
    """What was heard of one node, after its first second.

    Attributes
    ----------
    latency_ms
        From the stamp of each frame to the arrival of its detections, by stamp (seconds).
    status
        Parts `target` and `frames` of each status, by stamp.
    loads
        Load of the process at the beginning and at the end.
    answers_ms
        Times of the answers to calls of parameter services, by service.

    """

    latency_ms: dict[float, float] = field(default_factory=dict)
    status: dict[float, dict[str, str]] = field(default_factory=dict)
    loads: list[Load] = field(default_factory=list)
    answers_ms: dict[str, list[float]] = field(default_factory=dict)


class Listener(Node):  # type: ignore[misc]
    """Listens to the node `rgbt_tracker` until the player has finished.

    Parameters
    ----------
    context
        ROS context.
    process
        The node's; its load is read, and nothing more is expected when it ends.
    warm_up
        Seconds after the first detections that are left out.
    call_parameters
        Read and set a parameter of the node, ten times a second.

    Attributes
    ----------
    heard
        What was heard.
    finished
        Done when there is no more to hear.

    """

    def __init__(self, context: Context, process: Popen[str], warm_up: float,
                 call_parameters: bool = False) -> None:
        super().__init__('listener', context=context)
        self.heard = Heard()
        self.finished = Future()
        self._process = process
        self._warm_up = warm_up
        self._begin: float | None = None
        self._last = monotonic()
        self._played = False
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        for kind, topic, callback, qos in (
                (Detection2DArray, 'rgbt_tracker/detections', self._on_detections, _DEPTH),
                (DiagnosticArray, 'rgbt_tracker/status', self._on_status, _DEPTH),
                (Bool, 'player/finished', self._on_finished, latched)):
            self.create_subscription(kind, topic, callback, qos)
        self.create_timer(0.1, self._look)
        if call_parameters:
            self._calls = 0
            self._get = self.create_client(GetParameters, 'rgbt_tracker/get_parameters')
            self._set = self.create_client(SetParameters, 'rgbt_tracker/set_parameters')
            self.create_timer(1 / _CALLS_PER_S, self._call)

    def _on_detections(self, message: Detection2DArray) -> None:
        now = self.get_clock().now().nanoseconds * 1e-9
        stamp = seconds(message.header.stamp)
        self._last = monotonic()
        if not message.detections:
            return
        if self._begin is None:
            self._begin = stamp
        if not self._warm(stamp):
            return
        if not self.heard.loads:
            self._read_load()
        self.heard.latency_ms[stamp] = 1000 * (now - stamp)

    def _warm(self, stamp: float) -> bool:
        return self._begin is not None and stamp >= self._begin + self._warm_up

    def _on_status(self, message: DiagnosticArray) -> None:
        stamp, target = seconds(message.header.stamp), values_of(message, 'target')
        if target and self._warm(stamp):
            self.heard.status[stamp] = {**values_of(message, 'frames'), **target}

    def _on_finished(self, message: Bool) -> None:
        self._read_load()
        self._played = True

    def _read_load(self) -> None:
        load = Load.of(self._process.pid)
        if load is not None:
            self.heard.loads.append(load)

    def _look(self) -> None:
        silence = monotonic() - self._last
        allowed = _PATIENCE_S if self._begin is None else _STOPPED_S
        over = self._process.poll() is not None \
            or silence > (_QUIET_S if self._played else allowed)
        if over and not self.finished.done():
            self.finished.set_result(None)

    def _call(self) -> None:
        if not self.heard.loads or self._played:
            return
        self._calls += 1
        if self._calls % 2:
            self._send('get_parameters', self._get, GetParameters.Request(names=[_PARAMETER]))
        else:
            value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE,
                                   double_value=_VALUES[self._calls // 2 % 2])
            self._send('set_parameters', self._set, SetParameters.Request(
                parameters=[Parameter(name=_PARAMETER, value=value)]))

    def _send(self, service: str, client: Any, request: Any) -> None:
        if client.service_is_ready():
            client.call_async(request).add_done_callback(self._clocked(service, perf_counter()))

    def _clocked(self, service: str, begin: float) -> Callable[[Any], None]:
        def answered(future: Any) -> None:
            self.heard.answers_ms.setdefault(service, []).append(
                1000 * (perf_counter() - begin))
        return answered
