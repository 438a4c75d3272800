# SPDX-License-Identifier: Apache-2.0
"""Two cameras in a thread of their own; whatever goes out can be changed just before it does."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import heapq
from itertools import count
import threading
from time import monotonic, sleep, time_ns
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.ros.soak.history import Frame
from rgbt_tracker_ros.ros.soak.scene import SIZE, Scene

_DEPTH = 10
_HURRY_S = 0.5
"""Frames that are late by more than this are left out, as a camera on a busy machine does."""


@dataclass(slots=True)
class Shot:
    """A message about to be published.

    Attributes
    ----------
    camera
        `rgb` or `thermal`.
    tick
        Number of the frame.
    stamp
        Nanoseconds.
    message
        What to publish; None = nothing.
    delay
        Seconds until it is published.
    size
        Width and height that boxes must keep to, pixels.

    """

    camera: str
    tick: int
    stamp: int
    message: Image | None
    delay: float = 0.0
    size: tuple[int, int] = SIZE


Change = Callable[[Shot], None]
"""Alters a shot in place."""


class Cameras:
    """Publishes the scene at a steady rate on `rgb/image_raw` and `thermal/image_raw`.

    Parameters
    ----------
    node
        Owner of the publishers.
    scene
        What is shown.
    rate
        Frames per second.
    on_frame
        Called with each frame before it is published.

    Attributes
    ----------
    offset
        Nanoseconds added to all stamps.
    newest
        The newest frame.

    """

    def __init__(self, node: Node, scene: Scene, rate: float,
                 on_frame: Callable[[Frame], None]) -> None:
        self._node = node
        self._scene = scene
        self._period = 1.0 / rate
        self._on_frame = on_frame
        self._mode: tuple[Change | None, bool] = (None, False)
        self._publishers: dict[str, Any] = {}
        self._late: list[tuple[float, int, Shot]] = []
        self._numbers = count()
        self._ended = threading.Event()
        self.offset = 0
        self.newest: Frame | None = None
        self.plug_in()
        self._thread = threading.Thread(target=self._run, name='cameras', daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(5.0)

    def show(self, change: Change | None = None, *, healthy: bool = False) -> None:
        """Change all frames from now on, or none; `healthy` frames are judged in full."""
        self._mode = change, healthy

    @property
    def healthy(self) -> bool:
        """Return whether frames are judged in full."""
        return self._mode[1]

    def plug_in(self) -> None:
        """Make the publishers."""
        self._publishers = {
            camera: self._node.create_publisher(
                Image, f'{camera}/image_raw', QoSProfile(depth=_DEPTH))
            for camera in CAMERAS}

    def plug_out(self) -> None:
        """End the publishers, as a camera driver that dies."""
        publishers, self._publishers = self._publishers, {}
        sleep(2 * self._period)         # a frame may be on its way
        for publisher in publishers.values():
            self._node.destroy_publisher(publisher)

    def image(self, camera: str) -> Image:
        """Return the newest image of the scene; not to be changed."""
        return self._scene.message(camera, self.newest.tick if self.newest else 0)

    def _run(self) -> None:
        due = monotonic()
        for tick in count():
            if self._ended.is_set():
                return
            self._shoot(tick)
            due = max(due + self._period, monotonic() - _HURRY_S)
            self._wait(due)

    def _shoot(self, tick: int) -> None:
        change, healthy = self._mode
        stamp = time_ns() + self.offset
        shots = [Shot(camera, tick, stamp, self._scene.message(camera, tick))
                 for camera in CAMERAS]
        for shot in shots:
            if change is not None:
                change(shot)
        frame = Frame(
            tick=tick, at=monotonic(), stamps=tuple(shot.stamp for shot in shots),
            box=self._scene.box(tick), size=shots[0].size, healthy=healthy and change is None)
        self._on_frame(frame)
        self.newest = frame
        for shot in shots:
            if shot.delay > 0:
                heapq.heappush(self._late, (monotonic() + shot.delay, next(self._numbers), shot))
            else:
                self._publish(shot)

    def _wait(self, due: float) -> None:
        """Sleep until the next frame is due; publish what was delayed on the way."""
        while True:
            now = monotonic()
            while self._late and self._late[0][0] <= now:
                self._publish(heapq.heappop(self._late)[2])
            until = min(due, self._late[0][0]) if self._late else due
            if now >= due:
                return
            sleep(max(until - now, 0.0))

    def _publish(self, shot: Shot) -> None:
        publisher = self._publishers.get(shot.camera)
        if shot.message is None or publisher is None:
            return
        stamp = shot.message.header.stamp
        stamp.sec, stamp.nanosec = divmod(shot.stamp, 10**9)
        publisher.publish(shot.message)
