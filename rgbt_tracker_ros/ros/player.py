# SPDX-License-Identifier: Apache-2.0
"""Plays recorded RGB and thermal frames as two image topics, in real time."""
from __future__ import annotations

from collections.abc import Sequence
import queue
import threading
import time
from typing import Any

import cv2
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_msgs.msg import Bool, Header

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.ros.playlist import Faults, Recording, Show, open_clip, play
from rgbt_tracker_ros.synthetic.corruptions import Corruption, parse_corruptions

_AHEAD = 32
"""Frames read ahead, so that reading never delays publishing."""

_SETTLE_S = 0.5

_PARAMETERS: dict[str, tuple[Any, str]] = {
    'clip': ('', 'Folder with rgb/, thermal/, rgb_stamps.txt and thermal_stamps.txt.'),
    'rgb': ('', 'Video, folder or glob of RGB images; instead of clip.'),
    'thermal': ('', 'Video, folder or glob of thermal images; instead of clip.'),
    'rgb_rate': (0.0, 'RGB frames per second; 0 = as recorded, or 30.'),
    'thermal_rate': (0.0, 'Thermal frames per second; 0 = as recorded, or 30.'),
    'loop': (False, 'Start again at the end; stamps go on.'),
    'duration': (0.0, 'Seconds to play; 0 = to the end.'),
    'thermal_delay': (0.0, 'Thermal messages come so many seconds after their stamp.'),
    'thermal_stamp_offset': (0.0, 'Thermal stamps are wrong by so many seconds.'),
    'drop': (0.0, 'Share of frames, 0 to 1, that are not published.'),
    'seed': (0, 'Chooses the dropped frames, and what is random in corruptions.'),
    'corrupt': ([''], 'Corruptions NAME:LEVEL, as rgbt-tracker evaluate --corrupt has them.'),
    'sixteen_bit': (False, 'Publish 8-bit thermal images as 16-bit counts.'),
    'rgb_encoding': ('rgb8', 'Encoding of the RGB images: rgb8 or bgr8.'),
    'freeze': ([0.0], 'Start, end, start, end ... seconds in which thermal stands still.'),
    'wait': (30.0, 'Seconds to wait until each topic has a subscriber; 0 = do not wait.'),
    'frame_id': ('camera', 'frame_id of the images.'),
}


class PlayerNode(Node):  # type: ignore[misc]
    """Node `player`: publishes `rgb/image_raw`, `thermal/image_raw` and, latched, `~/finished`.

    Attributes
    ----------
    finished
        Done, with the exit status, when everything was played.

    """

    def __init__(self) -> None:
        super().__init__('player')
        self.finished = Future()
        for name, (value, text) in _PARAMETERS.items():
            self.declare_parameter(name, value, ParameterDescriptor(
                description=text, read_only=True, dynamic_typing=True))
        self._faults = Faults(
            drop=self._number('drop', 0, 1), seed=int(self._number('seed', 0, 2**31)),
            thermal_delay=self._number('thermal_delay', 0, 60),
            thermal_stamp_offset=self._number('thermal_stamp_offset', -60, 60),
            freeze=_intervals(self._value('freeze')), sixteen_bit=bool(self._value('sixteen_bit')),
            corruptions=_corruptions(self._value('corrupt')))
        self._rgb_encoding = _encoding(self._value('rgb_encoding'))
        self._recordings = self._open()
        self._topics = {
            recording.kind: self.create_publisher(Image, f'{recording.kind}/image_raw', 10)
            for recording in self._recordings}
        self._finished_topic = self.create_publisher(
            Bool, '~/finished', QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self._ahead: queue.Queue[tuple[Show, Image] | Exception | None] = queue.Queue(_AHEAD)
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=target, daemon=True)
                         for target in (self._read, self._play)]

    def start(self) -> None:
        """Begin to read ahead and to play."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop playing."""
        self._closing.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(2.0)

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _number(self, name: str, low: float, high: float) -> float:
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) \
                or not low <= value <= high:
            raise InputError(f'parameter {name} = {value!r} is no number from {low} to {high}')
        return float(value)

    def _open(self) -> list[Recording]:
        clip = self._value('clip')
        if clip:
            return open_clip(clip)
        rates = {kind: self._number(f'{kind}_rate', 0, 1000) for kind in ('rgb', 'thermal')}
        recordings = [Recording.open(kind, self._value(kind), rates[kind])
                      for kind in ('rgb', 'thermal') if self._value(kind)]
        if not recordings:
            raise InputError('nothing to play: set the parameter clip, or rgb and thermal')
        return recordings

    def _read(self) -> None:
        """Turn frames into messages, ahead of time."""
        duration = self._number('duration', 0, 1e6) or float('inf')
        try:
            for show in play(self._recordings, self._faults, bool(self._value('loop'))):
                if show.due > duration or self._closing.is_set():
                    break
                self._put((show, self._message(show)))
        except Exception as error:
            self._put(error)
        self._put(None)

    def _message(self, show: Show) -> Image:
        header = Header(frame_id=str(self._value('frame_id')))
        if show.kind == 'thermal':
            return image_message(show.pixels, f'mono{8 * show.pixels.itemsize}', header)
        pixels = show.pixels if self._rgb_encoding == 'rgb8' \
            else cv2.cvtColor(show.pixels, cv2.COLOR_RGB2BGR)
        return image_message(pixels, self._rgb_encoding, header)

    def _put(self, item: tuple[Show, Image] | Exception | None) -> None:
        while not self._closing.is_set():
            try:
                return self._ahead.put(item, timeout=0.1)
            except queue.Full:
                continue

    def _play(self) -> None:
        status = 0
        try:
            self._wait_for_subscribers()
            self._publish_all()
        except Exception as error:
            if self._closing.is_set():
                return
            status = 2 if isinstance(error, InputError) else 1
            self.get_logger().error(f'playing stopped: {error}')
        if not self._closing.is_set():
            self._finished_topic.publish(Bool(data=status == 0))
            self._finished_topic.wait_for_all_acked(Duration(seconds=2))
            self.finished.set_result(status)

    def _wait_for_subscribers(self) -> None:
        patience = self._number('wait', 0, 3600)
        until = time.monotonic() + patience
        while patience and not self._closing.is_set() and not all(
                topic.get_subscription_count() for topic in self._topics.values()):
            if time.monotonic() > until:
                alone = [topic.topic_name for topic in self._topics.values()
                         if not topic.get_subscription_count()]
                raise InputError(f'{", ".join(alone)} has no subscriber after {patience:g} s: '
                                 'start the tracker, or set the parameter wait to 0')
            time.sleep(0.02)
        # The other side needs a moment more to know of the match; best-effort frames sent before
        # are lost.
        self._closing.wait(_SETTLE_S if patience else 0.0)

    def _publish_all(self) -> None:
        counts = dict.fromkeys(self._topics, 0)
        latest = 0.0
        first: float | None = None
        while not self._closing.is_set():
            item = self._ahead.get()
            if item is None:
                break
            if isinstance(item, Exception):
                raise item
            show, message = item
            if first is None:
                first = time.monotonic()
                stamp = seconds(self.get_clock().now().to_msg())
            delay = first + show.due - time.monotonic()
            if delay > 0 and self._closing.wait(delay):
                return
            latest = max(latest, -delay)
            message.header.stamp = stamp_message(stamp + show.stamp)
            self._topics[show.kind].publish(message)
            counts[show.kind] += 1
        self.get_logger().info(
            f'played {", ".join(f"{number} {kind}" for kind, number in counts.items())} frames, '
            f'at most {1000 * latest:.0f} ms late')


def _encoding(value: Any) -> str:
    if value not in ('rgb8', 'bgr8'):
        raise InputError(f'parameter rgb_encoding = {value!r} is neither rgb8 nor bgr8')
    return str(value)


def _corruptions(values: Sequence[str]) -> tuple[Corruption, ...]:
    try:
        found = [parse_corruptions(text) for text in values if text]  # no empty default list
    except InputError as error:
        raise InputError(f'parameter corrupt: {error}') from error
    if any(len(each) > 1 for each in found):
        raise InputError(f'parameter corrupt = {list(values)} must hold NAME:LEVEL, each with '
                         'its level')
    return tuple(each[0] for each in found)


def _intervals(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    if len(values) == 1 and values[0] == 0:                   # ROS knows no empty default list
        return ()
    if len(values) % 2 or any(start >= end for start, end in zip(values[::2], values[1::2],
                                                                 strict=True)):
        raise InputError(f'parameter freeze = {list(values)} must hold pairs of start, end')
    return tuple(zip(map(float, values[::2]), map(float, values[1::2]), strict=True))
