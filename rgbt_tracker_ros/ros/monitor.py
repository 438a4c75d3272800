# SPDX-License-Identifier: Apache-2.0
"""Watches a tracker from any process: its newest status, its faults and its fused images."""
from __future__ import annotations

from dataclasses import dataclass
import threading
from types import TracebackType

import cv2
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from numpy.typing import NDArray
import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.pipeline.conversion import rgb_image
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.diagnostics import fault_of, values_of

_JPEG_QUALITY = 90
_DEPTH = 30


@dataclass(frozen=True, slots=True)
class Glance:
    """The newest status.

    Attributes
    ----------
    frames
        Statuses about frames so far.
    first_stamp, stamp
        Stamps of the first and the newest of these frames, seconds.
    target, counters
        Values of those parts of the status, as text.

    """

    frames: int
    first_stamp: float
    stamp: float
    target: dict[str, str]
    counters: dict[str, str]


class Monitor:
    """Subscribes to what the node `rgbt_tracker` says, in a thread.

    Use it as a context. The environment (`ROS_*`, `FASTDDS_*`) must be set before.

    Parameters
    ----------
    domain_id
        ROS domain of the tracker.

    """

    def __init__(self, domain_id: int) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain_id)
        self._node = rclpy.create_node('monitor', context=self._context)
        qos = QoSProfile(depth=_DEPTH)
        for kind, topic, callback in (
                (DiagnosticArray, 'rgbt_tracker/status', self._on_status),
                (Image, 'rgbt_tracker/fused_image', self._on_fused),
                (DiagnosticArray, '/diagnostics', self._on_diagnostics)):
            self._node.create_subscription(kind, topic, callback, qos)
        self._glance: Glance | None = None
        self._fault = ''
        self._fused: dict[str, bytes] = {}
        self._regions: dict[str, Box] = {}
        self._thread = threading.Thread(target=self._spin, name='monitor', daemon=True)

    def __enter__(self) -> Monitor:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End listening; what was heard stays."""
        rclpy.shutdown(context=self._context)
        self._thread.join(5.0)

    @property
    def glance(self) -> Glance | None:
        """Return the newest status, None before the first."""
        return self._glance

    @property
    def fault(self) -> str:
        """Return why the tracker cannot work, empty while it can."""
        return self._fault

    def fused(self, stamp: str) -> tuple[NDArray[np.uint8], Box] | None:
        """Return the fused image of a frame and the region it shows, None when there was none.

        Parameters
        ----------
        stamp
            Seconds with six decimals, as the recorder writes them.

        """
        if stamp not in self._fused or stamp not in self._regions:
            return None
        image = cv2.imdecode(np.frombuffer(self._fused[stamp], np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), self._regions[stamp]

    def _spin(self) -> None:
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self._node)
        try:
            executor.spin()
        except ExternalShutdownException:
            pass
        finally:
            self._node.destroy_node()

    def _on_status(self, message: DiagnosticArray) -> None:
        target = values_of(message, 'target')
        if not target:
            return
        stamp = seconds(message.header.stamp)
        before = self._glance
        self._glance = Glance(
            frames=before.frames + 1 if before else 1,
            first_stamp=before.first_stamp if before else stamp, stamp=stamp, target=target,
            counters=values_of(message, 'frames'))
        if 'fused_region' in target:
            self._regions[_key(stamp)] = Box.parse(target['fused_region'])

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        fault = fault_of(message, 'rgbt_tracker')
        if fault is not None:
            self._fault = fault

    def _on_fused(self, message: Image) -> None:
        # Kept as JPEG: half a minute of crops is 7 MB instead of 170.
        image = cv2.cvtColor(rgb_image(message), cv2.COLOR_RGB2BGR)
        done, data = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
        if done:
            self._fused[_key(seconds(message.header.stamp))] = data.tobytes()


def _key(stamp: float) -> str:
    return f'{stamp:.6f}'
