# SPDX-License-Identifier: Apache-2.0
"""Bags of tiny scenes, in every storage, distribution and compression that users record in."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from scenes import images

RGB, THERMAL = '/camera/color/image_raw', '/boson/image_raw'
BEGIN = 1_700_000_000 * 10**9
"""Stamp of the first frame, nanoseconds; it is recorded a little later."""

LATENCY = 5_000_000
PERIOD = 33_333_333
IMAGE, COMPRESSED = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage'
DETECTION, INFO = 'vision_msgs/msg/Detection2D', 'sensor_msgs/msg/CameraInfo'
MESSAGES = Path(__file__).resolve().parents[1] / 'rgbt_tracker_ros' / 'bags' / 'vision_msgs'


class Entry(NamedTuple):
    """A message to be recorded."""

    time: int
    topic: str
    type: str
    message: Any


def store(distribution: str = 'jazzy') -> Any:
    """Return the definitions of a distribution, those of vision_msgs among them."""
    made = get_typestore(Stores[f'ROS2_{distribution.upper()}'])
    types: dict[str, Any] = {}
    for file in (MESSAGES / 'msg').glob('*.msg'):
        types.update(get_types_from_msg(file.read_text(), f'vision_msgs/msg/{file.stem}'))
    made.register(types)
    return made


TYPES = store()


def make(name: str, *values: Any) -> Any:
    """Return a message with its fields in order."""
    return TYPES.types[name](*values)


def header(stamp: int, frame: str) -> Any:
    """Return a header; the stamp is in nanoseconds."""
    return make('std_msgs/msg/Header',
                make('builtin_interfaces/msg/Time', *divmod(stamp, 10**9)), frame)


def image(stamp: int, pixels: np.ndarray, encoding: str, frame: str = 'rgb_optical') -> Any:
    """Return a raw image."""
    raw = np.ascontiguousarray(pixels)
    return make(IMAGE, header(stamp, frame), pixels.shape[0], pixels.shape[1], encoding, 0,
                raw.strides[0], raw.view(np.uint8).reshape(-1))


def compressed(stamp: int, pixels: np.ndarray, suffix: str, frame: str = 'rgb_optical') -> Any:
    """Return a JPEG or PNG image."""
    _, data = cv2.imencode(suffix, pixels)
    return make(COMPRESSED, header(stamp, frame), suffix[1:], data.reshape(-1))


def init_box(stamp: int, x: float, y: float, w: float, h: float) -> Any:
    """Return a request to start."""
    point = make('vision_msgs/msg/Point2D', x + w / 2, y + h / 2)
    return make(DETECTION, header(stamp, ''), [], make(
        'vision_msgs/msg/BoundingBox2D', make('vision_msgs/msg/Pose2D', point, 0.0), w, h), '')


def camera_info(stamp: int, focal: float = 300.0) -> Any:
    """Return the calibration of a camera of 320 x 240 pixels without distortion."""
    matrix = np.array([focal, 0, 160, 0, focal, 120, 0, 0, 1], float)
    return make(INFO, header(stamp, 'rgb_optical'), 240, 320, 'plumb_bob', np.zeros(5), matrix,
                np.eye(3).reshape(-1), np.insert(matrix, [3, 6, 9], 0.0), 0, 0,
                make('sensor_msgs/msg/RegionOfInterest', 0, 0, 0, 0, False))


def scene(count: int = 24, *, packed: bool = False, thermal: bool = True) -> Iterator[Entry]:
    """Yield a square that moves 3 pixels a frame; RGB is bgr8 (or JPEG), thermal 16-bit."""
    for number in range(count):
        color, heat = images(40 + 3 * number, number=number)
        counts = heat.astype(np.uint16) * 20 + 22000
        stamp = BEGIN + number * PERIOD
        rgb = RGB + '/compressed' if packed else RGB
        heat_topic = THERMAL + '/compressed' if packed else THERMAL
        yield Entry(stamp + LATENCY, rgb, COMPRESSED if packed else IMAGE,
                    compressed(stamp, color, '.png') if packed else image(stamp, color, 'bgr8'))
        if thermal:
            yield Entry(stamp + LATENCY + 1000, heat_topic, COMPRESSED if packed else IMAGE,
                        compressed(stamp, counts, '.png', 'boson') if packed
                        else image(stamp, counts, 'mono16', 'boson'))


def write_bag(path: Path, entries: Iterable[Entry], *, storage: str = 'mcap',
              distribution: str = 'jazzy', version: Any = 9,
              mode: CompressionMode = CompressionMode.NONE) -> Path:
    """Write a bag and return its folder."""
    types = store(distribution)
    writer = Writer(path, version=version, storage_plugin=StoragePlugin[storage.upper()])
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        topics: dict[str, Any] = {}
        for entry in entries:
            if entry.topic not in topics:
                topics[entry.topic] = writer.add_connection(
                    entry.topic, entry.type, typestore=types)
            writer.write(topics[entry.topic], entry.time,
                         types.serialize_cdr(entry.message, entry.type))
    return path
