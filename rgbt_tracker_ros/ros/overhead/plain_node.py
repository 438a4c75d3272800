# SPDX-License-Identifier: Apache-2.0
"""A node that pairs two image topics and does no work: what ROS in Python costs at the least.

It is what a tutorial shows: `message_filters` and `cv_bridge` where they are installed; otherwise
pairs by equal stamps and images by `numpy.ndarray`, which is less work still.
"""
from __future__ import annotations

from collections.abc import Callable
import sys
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray

from rgbt_tracker_ros.ros.executable import run

_QUEUE = 10
_SLOP_S = 0.02
_CAMERAS = ('rgb/image_raw', 'thermal/image_raw')


class PlainNode(Node):  # type: ignore[misc]
    """Node `rgbt_tracker`, as far as a listener to `~/detections` can tell.

    Attributes
    ----------
    finished
        Never done.

    """

    def __init__(self) -> None:
        super().__init__('rgbt_tracker')
        self.finished = Future()
        self._detections = self.create_publisher(Detection2DArray, '~/detections', 10)
        self._view, bridge = _viewer()
        synchronizer = self._synchronize(QoSProfile(
            depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
        # The listener reads it from the log.
        self.get_logger().info(f'made of {synchronizer} and {bridge}')

    def start(self) -> None:
        """Begin; all is set up already."""

    def close(self) -> None:
        """End; nothing is held."""

    def _synchronize(self, qos: QoSProfile) -> str:
        try:
            import message_filters
        except ImportError:
            self._waiting: dict[str, Any] = {}
            for topic in _CAMERAS:
                self.create_subscription(
                    Image, topic, lambda image, topic=topic: self._pair(topic, image), qos)
            return 'equal stamps'
        topics = [message_filters.Subscriber(self, Image, topic, qos_profile=qos)
                  for topic in _CAMERAS]
        self._filter = message_filters.ApproximateTimeSynchronizer(topics, _QUEUE, _SLOP_S)
        self._filter.registerCallback(self._answer)
        return 'message_filters'

    def _pair(self, topic: str, image: Image) -> None:
        self._waiting[topic] = image
        if len({(one.header.stamp.sec, one.header.stamp.nanosec)
                for one in self._waiting.values()}) == 1 and len(self._waiting) == len(_CAMERAS):
            self._answer(*(self._waiting.pop(name) for name in _CAMERAS))

    def _answer(self, rgb: Image, thermal: Image) -> None:
        for image in (rgb, thermal):
            self._view(image)
        self._detections.publish(Detection2DArray(
            header=rgb.header, detections=[Detection2D(header=rgb.header)]))


def _viewer() -> tuple[Callable[[Image], Any], str]:
    try:
        from cv_bridge import CvBridge
    # cv_bridge built for another NumPy fails with any kind of exception.
    except Exception:
        return _as_array, 'numpy'
    return CvBridge().imgmsg_to_cv2, 'cv_bridge'


def _as_array(image: Image) -> Any:
    wide = image.encoding.endswith('16')
    return np.frombuffer(image.data, np.uint16 if wide else np.uint8).reshape(
        image.height, image.width, -1)


def main() -> int:
    """Run the node and return its exit status."""
    return run('rgbt_tracker_ros.ros.overhead.plain_node', 'PlainNode')


if __name__ == '__main__':
    sys.exit(main())
