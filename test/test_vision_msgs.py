# SPDX-License-Identifier: Apache-2.0
"""Our vision_msgs is the one every other node knows: same type hashes, and it crosses DDS."""
from __future__ import annotations

from collections.abc import Iterator
import time

from geometry_msgs.msg import PoseWithCovariance
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from vision_msgs import msg as vision_msgs

pytestmark = pytest.mark.ros

TYPE_HASHES = {
    'Point2D': 'eab0e83f44ab4de92ceaf76dd7d0e7638f2bdd1d16ffbe16c7a136c48e407247',
    'Pose2D': 'b0b5d1d7b4c20dd4fcde3ed1d4b289a919290572007d67a97043814db25d3648',
    'BoundingBox2D': '008eacbb0cf8f26e83795547bed013eec3675485ef386ec056d80eaaf1c1ce2f',
    'ObjectHypothesis': '51da43cec11c01957a64d1e05a24acd18aae7745ec30b74348ad5f6d634f7f90',
    'ObjectHypothesisWithPose': '41c12344c0396c48b81df12467c192d99b2a0eb1463c5c37194e4223251c80bc',
    'Detection2D': '0d12b69df5c593b3455b7346fac8205437a7d4bcb09b9e0e0b2dde787ded38ea',
    'Detection2DArray': '214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968',
}
"""Of vision_msgs 4.1.1, version 1 of the ROS interface hashing standard (RIHS01)."""


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    context = Context()
    rclpy.init(context=context, domain_id=141)
    node = rclpy.create_node('vision_msgs_test', context=context)
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)


def wait(node: Node, done, seconds: float = 10.0) -> None:
    """Spin until `done()`, at most so long."""
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()


@pytest.mark.parametrize('name', TYPE_HASHES)
def test_type_hash_announced_over_dds(node: Node, name: str) -> None:
    node.create_publisher(getattr(vision_msgs, name), name, 1)
    wait(node, lambda: node.get_publishers_info_by_topic(name))
    (endpoint,) = node.get_publishers_info_by_topic(name)
    assert endpoint.topic_type == f'vision_msgs/msg/{name}'
    assert endpoint.topic_type_hash.version == 1
    assert bytes(endpoint.topic_type_hash.value).hex() == TYPE_HASHES[name]


def detections() -> vision_msgs.Detection2DArray:
    """Return a message with a value in every kind of field."""
    hypothesis = vision_msgs.ObjectHypothesis(class_id='target, naïve', score=0.75)
    result = vision_msgs.ObjectHypothesisWithPose(
        hypothesis=hypothesis, pose=PoseWithCovariance())
    result.pose.covariance[35] = 2.5
    box = vision_msgs.BoundingBox2D(size_x=30.5, size_y=60.25)
    box.center.position.x, box.center.position.y, box.center.theta = 320.5, -2.0, 0.125
    message = vision_msgs.Detection2DArray()
    message.header.frame_id = 'rgb_optical'
    message.header.stamp.sec = 12
    message.detections = [
        vision_msgs.Detection2D(header=message.header, results=[result, result], bbox=box, id='7'),
        vision_msgs.Detection2D(),
    ]
    return message


@pytest.mark.parametrize('sent', [detections(), vision_msgs.Detection2DArray()],
                         ids=['full', 'empty'])
def test_message_arrives_as_it_was_sent(node: Node, sent: vision_msgs.Detection2DArray) -> None:
    received: list[vision_msgs.Detection2DArray] = []
    node.create_subscription(vision_msgs.Detection2DArray, 'detections', received.append, 1)
    publisher = node.create_publisher(vision_msgs.Detection2DArray, 'detections', 1)
    wait(node, publisher.get_subscription_count)
    publisher.publish(sent)
    wait(node, lambda: received)
    assert received == [sent]


def test_tuple_of_detections_is_accepted(node: Node) -> None:
    """The generated code takes lists and other sequences by different calls."""
    received: list[vision_msgs.Detection2DArray] = []
    node.create_subscription(vision_msgs.Detection2DArray, 'detections', received.append, 1)
    publisher = node.create_publisher(vision_msgs.Detection2DArray, 'detections', 1)
    wait(node, publisher.get_subscription_count)
    publisher.publish(vision_msgs.Detection2DArray(detections=(vision_msgs.Detection2D(id='a'),)))
    wait(node, lambda: received)
    assert [detection.id for detection in received[0].detections] == ['a']


@pytest.mark.parametrize(('field', 'value'), [('id', 3), ('bbox', 'wide'), ('results', [1])])
def test_wrong_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(AssertionError):
        vision_msgs.Detection2D(**{field: value}, check_fields=True)
