# SPDX-License-Identifier: Apache-2.0
"""What is written into a bag is, to ROS, what the node publishes."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bag_files import RGB, scene, write_bag
from diagnostic_msgs.msg import DiagnosticArray
from mock_model import write_bundle
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from ros_rig import Rig, TrackerRig
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from rgbt_tracker_ros.bags.types import typestore
from rgbt_tracker_ros.cli.main import run

pytestmark = pytest.mark.ros

FRAMES = 12
CLASSES = {'detections': Detection2DArray, 'status': DiagnosticArray,
           'annotated_image/compressed': CompressedImage}


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with model/, bag/ and what the command makes of it, result/."""
    path = tmp_path_factory.mktemp('clip')
    write_bundle(path / 'model')
    write_bag(path / 'bag', scene(FRAMES))
    assert run(['bag', str(path / 'bag'), '--output', str(path / 'result'), '--init',
                '40,100,32,32', '--model', str(path / 'model'), '--with-images']) == 0
    return path


def recorded(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield topic, type and data of each message."""
    with Reader(path) as bag:
        for connection, _, data in bag.messages():
            yield connection.topic, connection.msgtype, bytes(data)


def same(ours: Any, theirs: Any) -> bool:
    """Return whether a message of rosbags has every field of one of rclpy, with its value."""
    if hasattr(theirs, 'get_fields_and_field_types'):
        return all(same(getattr(ours, name), getattr(theirs, name))
                   for name in theirs.get_fields_and_field_types())
    if isinstance(theirs, bytes):
        return bool(theirs[0] == ours)
    if isinstance(ours, np.ndarray):
        return bool(np.array_equal(ours, theirs))
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def test_ros_reads_every_field(folder: Path) -> None:
    seen = dict.fromkeys(CLASSES, 0)
    for topic, kind, data in recorded(folder / 'result'):
        name = topic.removeprefix('/rgbt_tracker/')
        theirs = deserialize_message(data, CLASSES[name])
        assert same(typestore().deserialize_cdr(data, kind), theirs)
        assert deserialize_message(serialize_message(theirs), CLASSES[name]) == theirs
        seen[name] += 1
    assert seen == {'detections': FRAMES, 'status': FRAMES + 1,
                    'annotated_image/compressed': FRAMES}


def test_a_full_detection_is_read_with_its_values(folder: Path) -> None:
    *_, message = (deserialize_message(data, Detection2DArray)
                   for topic, _, data in recorded(folder / 'result')
                   if topic.endswith('/detections'))
    (detection,) = message.detections
    assert detection.header == message.header
    assert message.header.frame_id == 'rgb_optical'
    assert detection.id == '1'
    assert detection.results[0].hypothesis.class_id == 'target'
    assert 0.5 < detection.results[0].hypothesis.score <= 1.0
    assert detection.bbox.size_x == pytest.approx(32, abs=3)


def test_type_hashes_are_those_that_ros_announces(folder: Path) -> None:
    with Rig() as rig, Reader(folder / 'result') as bag:
        for number, connection in enumerate(bag.connections):
            topic = f'hash_{number}'
            kind = CLASSES[connection.topic.removeprefix('/rgbt_tracker/')]
            rig.node.create_publisher(kind, topic, 1)
            rig.until(lambda topic=topic: rig.node.get_publishers_info_by_topic(topic), topic)
            (endpoint,) = rig.node.get_publishers_info_by_topic(topic)
            announced = bytes(endpoint.topic_type_hash.value).hex()
            assert connection.digest == f'RIHS01_{announced}'
            assert endpoint.topic_type == connection.msgtype


def test_the_live_node_says_the_same_boxes(folder: Path) -> None:
    expected = {
        (message.header.stamp.sec, message.header.stamp.nanosec): message.detections
        for message in (deserialize_message(data, Detection2DArray)
                        for topic, _, data in recorded(folder / 'result')
                        if topic.endswith('/detections'))}
    with TrackerRig() as rig:
        reliable = {f'qos_overrides./{camera}/image_raw.subscription.reliability': 'reliable'
                    for camera in ('rgb', 'thermal')}
        rig.start('tracker_node', model__name=folder / 'model',
                  initial_box=[40.0, 100.0, 32.0, 32.0], **reliable)
        publishers = {camera: rig.publisher(Image, f'/{camera}/image_raw')
                      for camera in ('rgb', 'thermal')}
        rig.spin(1.0)
        for number, (topic, _, data) in enumerate(recorded(folder / 'bag')):
            publishers['rgb' if topic == RGB else 'thermal'].publish(data)
            if topic != RGB:
                rig.until(lambda count=number // 2 + 1: len(rig.detections) >= count,
                          f'detections of frame {number // 2}')
        live = {(message.header.stamp.sec, message.header.stamp.nanosec): message.detections
                for message in rig.detections}
    assert live.keys() == expected.keys()
    for stamp, (detection,) in live.items():
        (same_in_bag,) = expected[stamp]
        assert detection.bbox == same_in_bag.bbox
        # Sums of floats depend on where in memory the network's inputs begin.
        assert detection.results[0].hypothesis.score == pytest.approx(
            same_in_bag.results[0].hypothesis.score, abs=1e-5)
