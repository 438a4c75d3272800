# SPDX-License-Identifier: Apache-2.0
"""Looks after one camera's topic: rate and age of its images, and why none comes."""
from __future__ import annotations

from time import monotonic
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from rgbt_tracker_ros.imaging.health import Health
from rgbt_tracker_ros.pipeline.condition import CameraView
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.input_watch import InputWatch
from rgbt_tracker_ros.pipeline.moment import Moment
from rgbt_tracker_ros.pipeline.publishers import Publisher, elsewhere, full_name, why_silent

_IMAGES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')

_LOOK_S = 1.0
"""The graph of nodes is looked at this often while a camera is silent."""


def moment(node: Node) -> Moment:
    """Return the present moment."""
    return Moment(node.get_clock().now().nanoseconds * 1e-9, monotonic())


class CameraWatch:
    """Watches the subscription of one camera.

    Parameters
    ----------
    node
        Its node.
    camera
        `rgb` or `thermal`.
    subscription
        The subscription.

    """

    def __init__(self, node: Node, camera: str, subscription: Subscription) -> None:
        self._node = node
        self._camera = camera
        self._topic: str = subscription.topic_name
        self._kind = f'sensor_msgs/msg/{subscription.msg_type.__name__}'
        self._reliability: str = subscription.qos_profile.reliability.name.lower()
        self._watch = InputWatch(moment(node))
        self._looked = 0.0
        self._why = self._elsewhere = ''
        self._told = ''
        self._unstamped = False

    def note(self, message: Any) -> None:
        """Note an image; one without a stamp gets that of its arrival."""
        stamp = message.header.stamp
        now = moment(self._node)
        if stamp.sec == 0 and stamp.nanosec == 0:
            if not self._unstamped:
                self._unstamped = True
                self._node.get_logger().warning(
                    f'{self._topic}: stamps are zero, the time of arrival is used: let the '
                    'driver set header.stamp')
            message.header.stamp = self._node.get_clock().now().to_msg()
        self._watch.note(seconds(message.header.stamp), now)

    def report(self) -> None:
        """Warn once when the camera falls silent or the reason changes, and when it is back."""
        now = moment(self._node)
        if self._watch.silent(now):
            self._look(now)
            if self._why != self._told:
                self._node.get_logger().warning(self._silence(now))
        elif self._told:
            self._why = ''
            self._node.get_logger().info(f'{self._camera}: images come again')
        self._told = self._why

    def view(self, now: Moment, health: Health | None) -> CameraView:
        """Return what is known, with the health of the newest image."""
        silent = self._watch.silent(now)
        if silent:
            self._look(now)
        return CameraView(self._topic, self._watch.rate(now), self._watch.age(now),
                          self._silence(now) if silent else '', health)

    def _silence(self, now: Moment) -> str:
        return (f'{self._camera}: no image on {self._topic} for {self._watch.silence(now):.0f} s: '
                f'{self._why}{self._elsewhere}')

    def _look(self, now: Moment) -> None:
        """Ask the graph of nodes why."""
        if self._why and now.steady - self._looked < _LOOK_S:
            return
        self._looked = now.steady
        publishers = [
            Publisher(full_name(item.node_namespace, item.node_name), item.topic_type,
                      item.qos_profile.reliability.name.lower())
            for item in self._node.get_publishers_info_by_topic(self._topic)]
        self._why = why_silent(self._topic, self._kind, self._reliability, publishers)
        self._elsewhere = '' if publishers else elsewhere(self._image_topics())

    def _image_topics(self) -> list[str]:
        """Return the topics with images that others publish."""
        own = self._node.get_fully_qualified_name() + '/'
        return [name for name, kinds in self._node.get_topic_names_and_types()
                if not name.startswith(own) and name != self._topic
                and any(kind in _IMAGES for kind in kinds) and self._node.count_publishers(name)]
