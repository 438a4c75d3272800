# SPDX-License-Identifier: Apache-2.0
"""The node at work: everything that exists only while it is active."""
from __future__ import annotations

from collections.abc import Mapping
import traceback
from typing import Any, NamedTuple

from rclpy.node import Node
from vision_msgs.msg import Detection2D, Detection2DArray

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.health import Health
from rgbt_tracker_ros.imaging.registration import Registered
from rgbt_tracker_ros.imaging.synchronizer import Pair
from rgbt_tracker_ros.pipeline.condition import CameraView
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.messages import best_detection, detection_box
from rgbt_tracker_ros.pipeline.moment import Moment
from rgbt_tracker_ros.pipeline.pipeline import Pipeline
from rgbt_tracker_ros.pipeline.requests import Answer, Request, StartRequest
from rgbt_tracker_ros.pipeline.tally import Tally
from rgbt_tracker_ros.pipeline.timing import Stopwatch
from rgbt_tracker_ros.ros.calibration_inputs import CalibrationInputs
from rgbt_tracker_ros.ros.inputs import ImageInputs
from rgbt_tracker_ros.ros.outputs import Outputs
from rgbt_tracker_ros.ros.parameters import SettingsParameters
from rgbt_tracker_ros.ros.worker import Worker
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.result import TrackResult

_THROTTLE_S = 5.0


class _Frame(NamedTuple):
    """A pair on its way to the worker."""

    pair: Pair[Any, Any]
    watch: Stopwatch


class Activity:
    """Subscriptions in the executor's thread, tracking and publishing in a worker's.

    Parameters
    ----------
    node
        The node.
    parameters
        Its settings; the newest are taken for each frame.
    pipeline, outputs
        What was made when the node was configured.

    Attributes
    ----------
    tally
        What became of the frames.

    """

    def __init__(self, node: Node, parameters: SettingsParameters, pipeline: Pipeline,
                 outputs: Outputs) -> None:
        self._node = node
        self._parameters = parameters
        self._pipeline = pipeline
        self._outputs = outputs
        self._numbers: dict[str, Any] = {}
        self._health: Mapping[str, Health] = {}
        self.tally = Tally()
        pipeline.reset()
        self._inputs: ImageInputs | None = self._subscribe()
        self._calibrations: CalibrationInputs | None = None
        self._registration = ''
        self._topics = [
            node.create_subscription(Detection2D, '~/init_box', self._on_init_box, 10),
            node.create_subscription(Detection2DArray, 'detections_in', self._on_detections, 10)]
        self._worker: Worker[_Frame] = Worker(self._handle, self._on_fault)

    def _subscribe(self) -> ImageInputs:
        return ImageInputs(self._node, lambda: self.settings, self._deliver)

    def close(self) -> None:
        """End the subscriptions and the thread; forget target and frames.

        Raises
        ------
        ModelError
            If the network does not return.

        """
        self.enable(False)
        while self._topics:
            self._node.destroy_subscription(self._topics.pop())
        self._worker.stop()
        # The frames kept are 60 MB; callbacks refer to this object in circles, so it lives on
        # until Python's collector comes by.
        self._pipeline.reset()

    @property
    def enabled(self) -> bool:
        """Return whether frames are taken in."""
        return self._inputs is not None

    def enable(self, wanted: bool) -> None:
        """Take frames in, or leave the cameras alone; the target is kept."""
        if self._inputs is not None and not wanted:
            self._inputs.close()
            self._inputs = None
            self._poll_calibrations()
        elif self._inputs is None and wanted:
            self._inputs = self._subscribe()

    def poll(self) -> None:
        """Let frames go on that wait for nothing any more; look after silent cameras."""
        if self._inputs is not None:
            self._inputs.poll()
            self._inputs.report_silence()
            self._inputs.report_stamps()
        self._poll_calibrations()

    def _poll_calibrations(self) -> None:
        """Listen to calibrations only while they are wanted."""
        wanted = self.enabled and self.settings.registration.source == 'camera_info'
        if self._calibrations is None:
            if wanted:
                self._calibrations = CalibrationInputs(self._node, self._pipeline.calibrate)
        elif wanted:
            self._calibrations.poll()
        else:
            self._calibrations.close()
            self._calibrations = None

    def request(self, request: Request) -> None:
        """Have a request handled between two frames."""
        self._pipeline.inbox.put(request)
        self._worker.wake()

    def numbers(self) -> dict[str, Any]:
        """Return the newest counters; for any thread."""
        return {**self._numbers, 'dropped_frames': self._worker.dropped}

    @property
    def settings(self) -> Settings:
        """Return the newest settings."""
        return self._parameters.settings

    @property
    def target_id(self) -> str:
        """Return the name of the target; empty when there is none."""
        return self._pipeline.target_id

    def cameras(self, now: Moment) -> dict[str, CameraView]:
        """Return what is known about each camera; empty while nobody listens to them."""
        return {} if self._inputs is None else self._inputs.views(now, self._health)

    def _deliver(self, pair: Pair[Any, Any], watch: Stopwatch) -> None:
        assert self._inputs is not None
        self._numbers = self._inputs.numbers()
        self._worker.put(_Frame(pair, watch))

    def _on_init_box(self, message: Detection2D) -> None:
        self._start('init_box', message, seconds(message.header.stamp))

    def _on_detections(self, message: Detection2DArray) -> None:
        detection = best_detection(message)
        if detection is not None and not self._pipeline.target_id:
            self._start('detections_in', detection, seconds(message.header.stamp), only_idle=True)

    def _start(self, source: str, detection: Detection2D, stamp: float,
               only_idle: bool = False) -> None:
        try:
            box = detection_box(detection)
        except InputError as error:
            self._outputs.answer_request(Answer(source, False, str(error)))
            return
        self.request(StartRequest(source, box, stamp, only_idle))

    # In the worker's thread ------------------------------------------------------------------

    def _handle(self, frame: _Frame | None) -> None:
        settings = self.settings
        watch = Stopwatch() if frame is None else frame.watch
        if frame is None:
            outcome = self._pipeline.process_requests(settings)
        else:
            watch.lap('wait_ms')
            self.tally.begin()
            outcome = self._pipeline.process(
                frame.pair, settings, self._outputs.fused_wanted, watch)
        if outcome is None:
            return
        self._outputs.publish_detections(outcome)
        watch.lap('publish_ms')
        if frame is not None:
            outcome = self._pipeline.rated(outcome)
            self._health = outcome.health
            self._note(outcome.result)
        self._outputs.publish_more(outcome, self.numbers(), watch)
        self._say_once(outcome.registration)
        if outcome.error:
            self._node.get_logger().warning(outcome.error, throttle_duration_sec=_THROTTLE_S)

    def _say_once(self, registered: Registered) -> None:
        if registered.text in ('', self._registration):
            return
        self._registration = registered.text
        # Two calls: rclpy lets no line of code log at two severities.
        if registered.trouble:
            self._node.get_logger().warning(registered.text)
        else:
            self._node.get_logger().info(f'registration: {registered.text}')

    def _note(self, result: TrackResult | None) -> None:
        if result is None:
            self.tally.end()
        else:
            self.tally.end(result.backend_ms, '' if result.score else result.note)

    def _on_fault(self, error: Exception) -> None:
        """Report what nobody foresaw; the next frame is handled as ever."""
        self.tally.end(failure=f'{type(error).__name__}: {error}')
        if not self._node.context.ok():
            return
        self._node.get_logger().error(
            ''.join(traceback.format_exception(error)), throttle_duration_sec=_THROTTLE_S)
        self._outputs.report_fault(f'{type(error).__name__}: {error}')
