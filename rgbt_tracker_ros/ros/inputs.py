# SPDX-License-Identifier: Apache-2.0
"""The two image subscriptions: frames in, pairs out, and a word when nothing comes."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic, perf_counter
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from rgbt_tracker_ros.imaging.synchronizer import Pair
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.pairing import CAMERAS
from rgbt_tracker_ros.pipeline.timing import Stopwatch
from rgbt_tracker_ros.ros.pairing import make_pairing
from rgbt_tracker_ros.settings import Settings

SILENCE_S = 3.0
"""A camera that says nothing for so long is reported."""

_SENSOR_DATA = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


class ImageInputs:
    """Subscriptions of both cameras, open as long as the object is.

    Parameters
    ----------
    node
        Owner of the subscriptions.
    settings
        The groups `sync` and `image_transport` matter here.
    deliver
        Called in the executor's thread with each pair of messages, and a stopwatch that knows
        when it came.

    Raises
    ------
    InputError
        If `sync.policy` cannot be had.

    """

    def __init__(self, node: Node, settings: Settings,
                 deliver: Callable[[Pair[Any, Any], Stopwatch], None]) -> None:
        self._node = node
        self._settings = settings
        self._deliver = deliver
        self._pairing = make_pairing(settings.sync)
        self._heard = dict.fromkeys(CAMERAS, monotonic())
        self._reported: set[str] = set()
        self._unstamped: set[str] = set()
        self._stamps_doubted = False
        compressed = settings.image_transport == 'compressed'
        self._subscriptions = {
            camera: node.create_subscription(
                CompressedImage if compressed else Image,
                f'{camera}/image_raw{"/compressed" if compressed else ""}',
                partial(self._receive, camera), _SENSOR_DATA,
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
            for camera in CAMERAS}

    def close(self) -> None:
        """End the subscriptions."""
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)

    def poll(self, settings: Settings) -> None:
        """Hand on what is ready, under the newest settings; call this some times a second."""
        if settings is not self._settings:
            self._settings = settings
            self._pairing.configure(settings.sync)
        self._hand_on(perf_counter())

    def numbers(self) -> dict[str, Any]:
        """Return the synchroniser's counters."""
        return self._pairing.numbers()

    def silent(self) -> dict[str, str]:
        """Return, for each camera that is silent, what is known about its topic."""
        now = monotonic()
        return {camera: self._describe(camera, now - heard)
                for camera, heard in self._heard.items() if now - heard > SILENCE_S}

    def report_silence(self) -> None:
        """Warn once when a camera falls silent, and say so when it is back."""
        silent = self.silent()
        for camera, text in silent.items():
            if camera not in self._reported:
                self._node.get_logger().warning(text)
        for camera in self._reported - silent.keys():
            self._node.get_logger().info(f'{camera}: images come again')
        self._reported = set(silent)

    def report_stamps(self) -> None:
        """Warn once when the cameras' stamps look wrong."""
        doubt = self.numbers().get('stamps')
        if doubt and not self._stamps_doubted:
            self._node.get_logger().warning(doubt)
            self._stamps_doubted = True

    def _receive(self, camera: str, message: Any) -> None:
        begin = perf_counter()
        self._heard[camera] = monotonic()
        stamp = message.header.stamp
        if stamp.sec == 0 and stamp.nanosec == 0:
            if camera not in self._unstamped:
                self._unstamped.add(camera)
                self._node.get_logger().warning(
                    f'{self._subscriptions[camera].topic_name}: stamps are zero, the time of '
                    'arrival is used: let the driver set header.stamp')
            message.header.stamp = self._node.get_clock().now().to_msg()
        self._pairing.add(camera, message)
        self._hand_on(begin)

    def _hand_on(self, begin: float) -> None:
        """Deliver what is ready; `begin` is when the callback began, by `perf_counter`."""
        for pair in self._pairing.poll(monotonic()):
            self._deliver(pair, self._watch(pair, begin))

    def _watch(self, pair: Pair[Any, Any], begin: float) -> Stopwatch:
        """Return a stopwatch with the times from the stamp to the callback, and to here."""
        watch = Stopwatch(begin)
        image: Any = pair.thermal if pair.rgb is None else pair.rgb
        age = self._node.get_clock().now().nanoseconds * 1e-9 - seconds(image.header.stamp)
        watch.lap('sync_ms')
        watch.laps['receive_ms'] = 1000 * age - watch.laps['sync_ms']
        return watch

    def _describe(self, camera: str, silence: float) -> str:
        topic = self._subscriptions[camera].topic_name
        publishers = self._node.get_publishers_info_by_topic(topic)
        seen = ', '.join(
            f'{item.node_name} ({item.topic_type}, {item.qos_profile.reliability.name.lower()}, '
            f'{item.qos_profile.durability.name.lower()})' for item in publishers)
        return (f'{camera}: no image on {topic} for {silence:.0f} s; publishers: '
                f'{seen or "none: is the camera running, and the topic remapped?"}')
