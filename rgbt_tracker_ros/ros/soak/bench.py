# SPDX-License-Identifier: Apache-2.0
"""The tracker under test with everything around it: cameras, ears, and hands for its services."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
import shutil
import subprocess
import threading
from time import monotonic, sleep
from types import TracebackType
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParametersAtomically
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import LoggingSeverity
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger
from vision_msgs.msg import Detection2D

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.inference.model_path import resolve
from rgbt_tracker_ros.ros.messages import stamp_message
from rgbt_tracker_ros.ros.processes import start_node, stop_node
from rgbt_tracker_ros.ros.soak.cameras import Cameras
from rgbt_tracker_ros.ros.soak.ears import TRACKER, Ears, Reply
from rgbt_tracker_ros.ros.soak.judge import Judge
from rgbt_tracker_ros.ros.soak.scene import Scene

PATIENCE_S = 10.0
_START_S = 60.0
_LOOK_S = 0.01

CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4


class NoAnswerError(ModelError):
    """The node did not do in time what was asked of it."""


class Bench:
    """Use it as a context; the processes of it end with it.

    Parameters
    ----------
    environment
        Of the processes; this process must already live in the same.
    folder
        For logs and for the model that is spoilt and mended.
    model
        Name or folder of the model.
    rate
        Frames per second of each camera.
    seed
        Of the scene.

    Attributes
    ----------
    environment, folder
        As given.
    node
        This process's node.
    judge, cameras, ears
        What is shown, heard and thought of it.
    model
        Folder of the model the tracker loads, a copy.
    tracker
        The process under test.

    """

    def __init__(self, environment: Mapping[str, str], folder: Path, model: str, rate: float,
                 seed: int) -> None:
        self.environment, self.folder = environment, folder
        self.model = folder / 'model'
        shutil.rmtree(self.model, ignore_errors=True)
        shutil.copytree(resolve(model), self.model)
        scene = Scene(seed)
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[])
        self.node = rclpy.create_node('soak', context=self._context)
        # It subscribes with an impossible QoS on purpose.
        self.node.get_logger().set_level(LoggingSeverity.ERROR)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._spinner = threading.Thread(target=self._spin, name='ears', daemon=True)
        self.judge = Judge(monotonic())
        self.cameras = Cameras(self.node, scene, rate, self.judge.shown)
        self.ears = Ears(self.node, self.judge)
        self._requests = self.node.create_publisher(Detection2D, f'{TRACKER}/init_box', 10)
        self._clients: dict[str, Any] = {}
        self.tracker = self._start_tracker()

    def __enter__(self) -> Bench:
        """Begin to listen and to show."""
        self._spinner.start()
        self.cameras.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End everything."""
        stop_node(self.tracker)
        self.cameras.stop()
        self._executor.shutdown()
        self._spinner.join(5.0)
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    # The tracker -------------------------------------------------------------------------------

    def revive(self) -> None:
        """Start the tracker anew after it died."""
        self.tracker = self._start_tracker()

    @property
    def log(self) -> Path:
        """Return the tracker's log."""
        return self.folder / 'tracker.log'

    def start_process(self, executable: str, log: str, parameters: Mapping[str, Any],
                      remappings: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start one of our executables with a log of its own."""
        with (self.folder / log).open('a', encoding='utf-8') as file:
            return start_node(executable, parameters, self.environment, remappings,
                              stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT)

    def _start_tracker(self) -> subprocess.Popen[str]:
        return self.start_process('soak.tracker', 'tracker.log', {'model.name': self.model})

    # Requests ----------------------------------------------------------------------------------

    def until(self, ready: Callable[[], Any], what: str, patience: float = PATIENCE_S) -> Any:
        """Wait until `ready()` is true and return what it returned.

        Raises
        ------
        NoAnswerError
            If it takes longer than `patience` seconds.
        ModelError
            If the tracker ends.

        """
        end = monotonic() + patience
        while not (value := ready()):
            if self.tracker.poll() is not None:
                raise ModelError(f'the tracker ended with status {self.tracker.returncode}')
            if monotonic() > end:
                raise NoAnswerError(f'no {what} within {patience:g} s')
            sleep(_LOOK_S)
        return value

    def rest(self, duration: float) -> None:
        """Let time pass; raise ModelError if the tracker ends."""
        end = monotonic() + duration
        self.until(lambda: monotonic() >= end, 'end of a rest', duration + PATIENCE_S)

    def expect(self, fulfilled: object, text: str) -> None:
        """Note a violation unless something is true."""
        if not fulfilled:
            self.judge.violation(monotonic(), text)

    def client(self, kind: type, name: str) -> Any:
        """Return the client of one of the tracker's services, ready for calls."""
        if name not in self._clients:
            self._clients[name] = self.node.create_client(kind, f'{TRACKER}/{name}')
        client = self._clients[name]
        self.until(client.service_is_ready, f'service {name}')
        return client

    def call(self, kind: type, name: str, request: Any, patience: float = PATIENCE_S) -> Any:
        """Call one of the tracker's services and return the response."""
        client = self.client(kind, name)
        future = client.call_async(request)
        try:
            self.until(future.done, f'response of {name}', patience)
        finally:
            client.remove_pending_request(future)
        return future.result()

    def change_state(self, transition: int, patience: float = 3 * PATIENCE_S) -> bool:
        """Ask for a lifecycle transition; return whether it succeeded."""
        request = ChangeState.Request()
        request.transition.id = transition
        return bool(self.call(ChangeState, 'change_state', request, patience).success)

    def set_parameters(self, values: Mapping[str, Any]) -> tuple[bool, str]:
        """Set parameters as one; return whether they were taken and why not."""
        request = SetParametersAtomically.Request(parameters=[
            Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
        result = self.call(SetParametersAtomically, 'set_parameters_atomically', request).result
        return result.successful, result.reason

    def reset(self) -> None:
        """Drop the target."""
        response = self.call(Trigger, 'reset', Trigger.Request())
        self.expect(response.success, f'reset was refused: {response.message}')

    def enable(self, wanted: bool) -> None:
        """Pause or resume."""
        response = self.call(SetBool, 'enable', SetBool.Request(data=wanted))
        self.expect(response.success, f'enable was refused: {response.message}')

    def ask(self, box: Box, stamp: int, theta: float = 0.0) -> Reply:
        """Ask to track a box in the frame of a stamp (ns); return the answer."""
        self.until(self._requests.get_subscription_count, 'subscriber of init_box')
        since = monotonic()
        self._request(box, stamp, theta)
        reply: Reply = self.until(
            lambda: self.ears.reply('init_box', since), 'answer to init_box', 3.0)
        return reply

    def request_target(self) -> None:
        """Ask for the true box in the newest frame; wait for nothing."""
        frame = self.cameras.newest
        if frame is not None:
            self._request(frame.box, frame.stamps[0])

    def _request(self, box: Box, stamp: int, theta: float = 0.0) -> None:
        message = Detection2D()
        message.header.stamp = stamp_message(stamp / 1e9)
        position = message.bbox.center.position
        position.x, position.y = box.x + box.w / 2, box.y + box.h / 2
        message.bbox.size_x, message.bbox.size_y = float(box.w), float(box.h)
        message.bbox.center.theta = theta
        self._requests.publish(message)

    def start_target(self, patience: float = PATIENCE_S) -> None:
        """Start on the true box, once frames are tracked.

        Raises
        ------
        NoAnswerError
            If the node does not take it in time.

        """
        end, reply = monotonic() + patience, None
        while monotonic() < end:
            frame = self.cameras.newest
            try:
                if frame is not None:
                    reply = self.ask(frame.box, frame.stamps[0])
                    if reply.accepted:
                        return
            except NoAnswerError:
                continue        # the request came before the node had matched its publisher
            self.rest(0.2)
        raise NoAnswerError(f'the target was not taken: {reply.reason if reply else "no answer"}')

    def await_start(self) -> None:
        """Wait for the tracker's first answers and start on the target."""
        self.until(lambda: self.judge.history.modes, 'answer to a frame', _START_S)
        self.start_target()

    def _spin(self) -> None:
        while self._context.ok():
            try:
                self._executor.spin()
            except ExternalShutdownException:
                return
            except Exception as error:      # rclpy itself fails on some entities just destroyed
                self.node.get_logger().error(f'{type(error).__name__}: {error}')
