# SPDX-License-Identifier: Apache-2.0
"""The two image subscriptions: frames in, pairs out, and a word when nothing comes."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic, perf_counter
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.health import Health
from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.imaging.synchronizer import Pair
from rgbt_tracker_ros.pipeline.condition import CameraView
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.moment import Moment
from rgbt_tracker_ros.pipeline.timing import Stopwatch
from rgbt_tracker_ros.ros.camera_watch import CameraWatch
from rgbt_tracker_ros.ros.pairing import make_pairing
from rgbt_tracker_ros.ros.quality_events import UNWATCHED_SUBSCRIPTION
from rgbt_tracker_ros.settings import Settings

_DEPTH = 5


class ImageInputs:
    """Subscriptions of both cameras, open as long as the object is.

    Parameters
    ----------
    node
        Owner of the subscriptions.
    settings
        Returns the newest settings; the groups `sync` and `image_transport` matter here.
    deliver
        Called in the executor's thread with each pair of messages, and a stopwatch that knows
        when it came.

    Raises
    ------
    InputError
        If `sync.policy` cannot be had, or an override of the quality of service is none.

    """

    def __init__(self, node: Node, settings: Callable[[], Settings],
                 deliver: Callable[[Pair[Any, Any], Stopwatch], None]) -> None:
        self._node = node
        self._newest = settings
        self._settings = settings()
        self._deliver = deliver
        self._pairing = make_pairing(self._settings.sync)
        self._stamps_doubted: set[str] = set()
        self._subscriptions: list[Subscription] = []
        self._watches: dict[str, CameraWatch] = {}
        try:
            for camera in CAMERAS:
                subscription = self._subscribe(camera)
                self._subscriptions.append(subscription)
                self._watches[camera] = CameraWatch(node, camera, subscription)
        except Exception:
            self.close()
            raise

    def _subscribe(self, camera: str) -> Subscription:
        compressed = self._settings.image_transport == 'compressed'
        topic = f'{camera}/image_raw{"/compressed" if compressed else ""}'
        try:
            # A profile for each: rclpy writes the overrides into the one that it is given.
            return self._node.create_subscription(
                CompressedImage if compressed else Image, topic, partial(self._receive, camera),
                QoSProfile(depth=_DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT),
                event_callbacks=UNWATCHED_SUBSCRIPTION,
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
        except Exception as error:
            raise InputError(
                f'cannot subscribe to {self._node.resolve_topic_name(topic)}: {error} '
                '(qos_overrides.<topic>.subscription takes reliability: reliable or best_effort, '
                'history: keep_last or keep_all, depth: a number; restart the node to change '
                'it)') from error

    def close(self) -> None:
        """End the subscriptions."""
        while self._subscriptions:
            self._node.destroy_subscription(self._subscriptions.pop())

    def poll(self) -> None:
        """Hand on what waits for nothing any more; call this some times a second."""
        self._configure()
        self._hand_on(perf_counter())

    def numbers(self) -> dict[str, Any]:
        """Return the synchroniser's counters."""
        return self._pairing.numbers()

    def views(self, now: Moment, health: Mapping[str, Health]) -> dict[str, CameraView]:
        """Return what is known about each camera."""
        return {camera: watch.view(now, health.get(camera))
                for camera, watch in self._watches.items()}

    def report_silence(self) -> None:
        """Warn once when a camera falls silent, and say so when it is back."""
        for watch in self._watches.values():
            watch.report()

    def report_stamps(self) -> None:
        """Warn when the cameras' stamps look wrong, once for each way to find out."""
        for source, words in self._pairing.doubts().items():
            if source not in self._stamps_doubted:
                self._node.get_logger().warning(words)
                self._stamps_doubted.add(source)

    def _configure(self) -> None:
        settings = self._newest()
        if settings is not self._settings:
            self._settings = settings
            self._pairing.configure(settings.sync)

    def _receive(self, camera: str, message: Any) -> None:
        begin = perf_counter()
        self._configure()
        self._watches[camera].note(message)
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
