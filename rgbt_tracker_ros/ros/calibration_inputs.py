# SPDX-License-Identifier: Apache-2.0
"""The subscriptions of both cameras' calibrations, only while they are wanted."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.camera_model import Calibration
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.pipeline.calibration import calibration, shows_rectified

_STREAM = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
_LATCHED = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE,
                      durability=DurabilityPolicy.TRANSIENT_LOCAL)


class CalibrationInputs:
    """Subscribes to `rgb/camera_info` and `thermal/camera_info`.

    A best-effort subscription hears every publisher that goes on publishing; one that published
    once, for all who come later (transient local), is asked for that message as soon as it is
    seen.

    Parameters
    ----------
    node
        Owner of the subscriptions.
    deliver
        Called in the executor's thread with camera and calibration, whenever it is a new one.

    """

    def __init__(self, node: Node, deliver: Callable[[str, Calibration], None]) -> None:
        self._node = node
        self._deliver = deliver
        self._known: dict[str, Calibration] = {}
        self._latched: set[str] = set()
        self._streams = {camera: self._subscribe(camera, _STREAM) for camera in CAMERAS}
        self._subscriptions = list(self._streams.values())

    def close(self) -> None:
        """End the subscriptions."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def poll(self) -> None:
        """Look for publishers that have said it all; call this some times a second."""
        for camera, stream in self._streams.items():
            if camera in self._known or camera in self._latched:
                continue
            publishers = self._node.get_publishers_info_by_topic(stream.topic_name)
            if any(item.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
                   and item.qos_profile.reliability == ReliabilityPolicy.RELIABLE
                   for item in publishers):
                self._latched.add(camera)
                self._subscriptions.append(self._subscribe(camera, _LATCHED))

    def _subscribe(self, camera: str, qos: QoSProfile) -> Subscription:
        return self._node.create_subscription(
            CameraInfo, f'{camera}/camera_info', partial(self._receive, camera), qos)

    def _receive(self, camera: str, message: CameraInfo) -> None:
        images = self._node.resolve_topic_name(f'{camera}/image_raw')
        try:
            found = calibration(message, shows_rectified(images))
        except InputError as error:
            self._node.get_logger().warning(f'{camera}: {error}', throttle_duration_sec=5.0)
            return
        if found != self._known.get(camera):
            self._known[camera] = found
            self._deliver(camera, found)
