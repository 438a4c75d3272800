# SPDX-License-Identifier: Apache-2.0
"""Cameras and a listener around tracker nodes that run as processes of their own."""
from __future__ import annotations

from collections.abc import Callable
import os
from time import monotonic
from types import TracebackType
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import SetParametersAtomically
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray

from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.ros.diagnostics import values_of
from rgbt_tracker_ros.ros.image_message import image_message
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.ros.processes import ros_environment, start_node, stop_node

# Fast DDS reads its profile once in a process: it must be known before the first test begins.
os.environ.update({key: value for key, value in ros_environment().items()
                   if key.endswith('PROFILES_FILE') or key.startswith('ROS_AUTO')})

PATIENCE = 20.0
PERIOD = 1 / 30
SIDE = 32
WIDTH, HEIGHT = 320, 240


class Scene:
    """A bright, warm square on a dark, cool ground, with sensor noise."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def rgb(self, x: float | None, y: float = 100, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Any:
        image = self._random.integers(20, 60, (size[1], size[0], 3), np.uint8)
        return self._with(image, x, y, 235)

    def thermal(self, x: float | None, y: float = 100,
                size: tuple[int, int] = (WIDTH, HEIGHT)) -> Any:
        image = self._random.integers(7000, 7200, (size[1], size[0])).astype(np.uint16)
        return self._with(image, x, y, 7900)

    @staticmethod
    def _with(image: Any, x: float | None, y: float, level: int) -> Any:
        if x is not None:
            image[round(y):round(y) + SIDE, round(x):round(x) + SIDE] = level
        return image


class Rig:
    """A ROS network of its own with two cameras, a listener and any number of our processes."""

    _count = 0

    def __init__(self) -> None:
        Rig._count += 1
        self.environment = ros_environment(1 + (os.getpid() + 13 * Rig._count) % 100)
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[],
                   domain_id=int(self.environment['ROS_DOMAIN_ID']))
        self.node = rclpy.create_node('rig', context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.scene = Scene()
        self.stamp = 1000.0
        self.processes: list[Any] = []
        self.received: dict[str, list[Any]] = {}
        self._publishers: dict[str, Any] = {}

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for process in self.processes:
            stop_node(process)
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self.context)

    # Processes ---------------------------------------------------------------------------------

    def start(self, executable: str, namespace: str = '', **parameters: Any) -> Any:
        names = {name.replace('__', '.'): value for name, value in parameters.items()}
        process = start_node(executable, names, self.environment,
                             {'__ns': namespace} if namespace else None)
        self.processes.append(process)
        return process

    # Listening ---------------------------------------------------------------------------------

    def listen(self, kind: type, topic: str, qos: Any = 100) -> list[Any]:
        messages: list[Any] = []
        self.received[topic] = messages
        self.node.create_subscription(kind, topic, messages.append, qos)
        return messages

    def until(self, ready: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
        """Spin until `ready()` is true and return what it returned."""
        end = monotonic() + patience
        while not (value := ready()):
            assert monotonic() < end, f'no {what} within {patience} s'
            self.executor.spin_once(timeout_sec=0.02)
        return value

    def spin(self, duration: float) -> None:
        end = monotonic() + duration
        while monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)

    def publisher(self, kind: type, topic: str) -> Any:
        """Return a publisher that has a subscriber."""
        if topic not in self._publishers:
            self._publishers[topic] = self.node.create_publisher(kind, topic, 10)
        publisher = self._publishers[topic]
        if not publisher.get_subscription_count():
            self.until(publisher.get_subscription_count, f'subscriber of {topic}')
            self.spin(0.2)      # the other side learns a moment later of the match
        return publisher

    def call(self, kind: type, service: str, request: Any) -> Any:
        client = self.node.create_client(kind, service)
        self.until(client.service_is_ready, f'service {service}')
        future = client.call_async(request)
        self.until(future.done, f'response of {service}')
        self.node.destroy_client(client)
        return future.result()


class TrackerRig(Rig):
    """A rig around one tracker node in a namespace."""

    def __init__(self, namespace: str = '') -> None:
        super().__init__()
        self.space = namespace
        self.name = f'{namespace}/rgbt_tracker'
        self.detections = self.listen(Detection2DArray, f'{self.name}/detections')
        self.statuses = self.listen(DiagnosticArray, f'{self.name}/status')

    def header(self) -> Header:
        return Header(stamp=stamp_message(self.stamp), frame_id='camera_optical')

    def show(self, x: float | None, y: float = 100, *, rgb: Any = 'scene', thermal: Any = 'scene',
             size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
        """Publish the next frame of both cameras, with the target at x, y; None leaves one out."""
        self.stamp += PERIOD
        if isinstance(rgb, str):
            rgb = image_message(self.scene.rgb(x, y, size), 'rgb8', self.header())
        if isinstance(thermal, str):
            thermal = image_message(self.scene.thermal(x, y, size), 'mono16', self.header())
        for camera, message in (('rgb', rgb), ('thermal', thermal)):
            if message is not None:
                self.publisher(Image, f'{self.space}/{camera}/image_raw').publish(message)

    def connect(self) -> None:
        """Show frames without a target until the node answers to one."""
        end = monotonic() + PATIENCE
        before = len(self.statuses)
        while not any(values_of(message, 'target') for message in self.statuses[before:]):
            assert monotonic() < end, f'{self.name} answers to no frame within {PATIENCE} s'
            self.show(None)
            self.spin(0.1)
        self.spin(0.3)

    def status(self, x: float | None, y: float = 100, **images: Any) -> dict[str, str]:
        """Show a frame and return what the node says about the target in it."""
        self.show(x, y, **images)
        return self.next_status()

    def next_status(self) -> dict[str, str]:
        """Return what the node says about the target in the newest frame."""
        return values_of(self.next_message(self.statuses), 'target')

    def next_message(self, messages: list[Any]) -> Any:
        """Return the message about the newest frame."""
        stamp = stamp_message(self.stamp)

        def found() -> Any:
            return next((item for item in reversed(messages) if item.header.stamp == stamp
                         and (item not in self.statuses or values_of(item, 'target'))), None)
        return self.until(found, f'message about the frame at {self.stamp:.3f}')

    def detection(self) -> Detection2DArray:
        """Return the detections of the newest frame."""
        return self.next_message(self.detections)

    def init_box(self, x: float, y: float = 100, w: float = SIDE, h: float = SIDE,
                 stamp: float = 0.0, theta: float = 0.0) -> dict[str, str]:
        """Ask to track a box; return the answer."""
        message = Detection2D()
        message.header.stamp = stamp_message(stamp) if stamp else Time()
        message.bbox.center.position.x, message.bbox.center.position.y = x + w / 2, y + h / 2
        message.bbox.center.theta = theta
        message.bbox.size_x, message.bbox.size_y = float(w), float(h)
        before = len(self.statuses)
        self.publisher(Detection2D, f'{self.name}/init_box').publish(message)
        return self.answer(before)

    def answer(self, before: int) -> dict[str, str]:
        """Return the first answer to a request after so many statuses."""
        return self.until(
            lambda: next((values for message in self.statuses[before:]
                          if (values := values_of(message, 'request'))), None), 'answer')

    def follow(self, start: float, frames: int = 5) -> dict[str, str]:
        """Start on a target at `start` and follow it; return the last status."""
        self.status(start)
        assert self.init_box(start)['accepted'] == 'True'
        return [self.status(start + 2 * number) for number in range(1, frames + 1)][-1]

    def set_parameters(self, **values: Any) -> Any:
        """Set parameters atomically; return the result."""
        request = SetParametersAtomically.Request(parameters=[
            _message(name.replace('__', '.'), value) for name, value in values.items()])
        return self.call(SetParametersAtomically,
                         f'{self.name}/set_parameters_atomically', request).result


def _message(name: str, value: Any) -> ParameterMessage:
    return Parameter(name, value=value).to_parameter_msg()


def center(detections: Detection2DArray) -> tuple[float, float]:
    position = detections.detections[0].bbox.center.position
    return position.x, position.y


def at(message: Any) -> float:
    return seconds(message.header.stamp)
