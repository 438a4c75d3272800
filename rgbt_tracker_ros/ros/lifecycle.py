# SPDX-License-Identifier: Apache-2.0
"""The tracker as a lifecycle node: what exists in which state, and its services."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
import weakref

from rclpy.clock import Clock, ClockType
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from rgbt_tracker_ros.inference.background import in_background
from rgbt_tracker_ros.inference.monitor import Monitor
from rgbt_tracker_ros.pipeline.memory import give_back
from rgbt_tracker_ros.pipeline.pipeline import Pipeline
from rgbt_tracker_ros.pipeline.requests import ResetRequest
from rgbt_tracker_ros.ros.activity import Activity
from rgbt_tracker_ros.ros.executable import told_to_end
from rgbt_tracker_ros.ros.outputs import Outputs
from rgbt_tracker_ros.ros.parameters import SettingsParameters
from rgbt_tracker_ros.ros.safe_lifecycle import SUCCESS, SafeLifecycleNode
from rgbt_tracker_ros.ros.self_report import SelfReport
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker
from rgbt_tracker_ros.tracking.warm_up import warm_up

Load = Callable[[str, str, Settings, Monitor], Tracker]
"""Makes a tracker from a model's name, a backend's name and the settings, while it is watched."""

_NOT_ACTIVE = 'the node is not active: configure and activate it'

_LOG_S = 5.0
"""While a model is loaded or its engine built, the log says so this often, seconds."""


class TrackerNode(SafeLifecycleNode):
    """Node `rgbt_tracker`.

    - unconfigured: parameters and `/diagnostics` only.
    - inactive (configured): the model is loaded; publishers and services exist.
    - active: subscribed to the cameras; frames are tracked in a thread of their own.
    - finalized (shut down): `/diagnostics` only, until the process is told to end.

    Parameters
    ----------
    load
        Makes the tracker; it is called in a thread of its own.
    options
        More for rclpy's node, such as `context`.

    Attributes
    ----------
    finished
        Never done: this node runs until it is told to end.

    """

    def __init__(self, load: Load = Tracker.from_model, **options: Any) -> None:
        super().__init__('rgbt_tracker', **options)
        self._load = load
        self.finished = Future()
        self._settings = SettingsParameters(self)
        self._report = SelfReport(self)
        self._loaded: tuple[Pipeline, Outputs] | None = None
        self._activity: Activity | None = None
        self._to_free: list[Callable[[], Any]] = []
        steady = Clock(clock_type=ClockType.STEADY_TIME)     # goes on while simulated time stops
        self.create_timer(0.1, self._poll, clock=steady)
        self.create_timer(1.0, self._report_self, clock=steady)

    def start(self) -> None:
        """Configure and activate, unless `autostart` is false."""
        if self._settings.settings.autostart and not told_to_end() \
                and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    # Transitions -----------------------------------------------------------------------------

    def configure(self) -> None:
        """Load the model; create publishers and services."""
        settings = self._settings.checked()
        self._settings.hold(True)
        name = settings.model.name
        self.get_logger().info(f'loading the model {name}')
        self._log_at, self._at = _LOG_S, f'loading the model {name}'
        tracker = in_background(
            partial(_make_tracker, self._load, settings, self._monitor()), self._tell_loading,
            self._wanted)
        self._to_free.append(tracker.close)
        outputs = Outputs(self)
        self._to_free.append(outputs.close)
        for kind, topic, callback in ((Trigger, '~/reset', self._on_reset),
                                      (SetBool, '~/enable', self._on_enable)):
            service = self.create_service(kind, topic, callback)
            self._to_free.append(partial(self.destroy_service, service))
        self._loaded = Pipeline(tracker, settings, outputs.answer_request), outputs
        self._report.ready(tracker)
        why = tracker.backend.choice.reason
        self.get_logger().info(f'{tracker.bundle.name} is loaded, on {tracker.backend.name}'
                               f'{why and f" ({why})"}')

    def activate(self) -> None:
        """Subscribe to the cameras and begin."""
        assert self._loaded is not None
        self._activity = Activity(self, self._settings, *self._loaded)

    def deactivate(self) -> None:
        """End the subscriptions and forget the target; the model stays loaded."""
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.close()

    def clean_up(self) -> None:
        """Free the model, publishers and services, also when one of them resists."""
        self._loaded = None
        self._report.unload()
        self._settings.hold(False)
        try:
            while self._to_free:
                self._to_free.pop()()
        finally:
            if self._to_free:
                self.clean_up()
        give_back()

    def _wanted(self) -> bool:
        return bool(self.context.ok()) and not told_to_end()

    def _monitor(self) -> Monitor:
        """Return what the load speaks through; it must not keep the node alive, see below."""
        node = weakref.ref(self)

        def progress(text: str, share: float | None) -> None:
            if (known := node()) is not None:
                known._at = text if share is None else f'{text}, {100 * share:.0f} %'

        def warn(text: str) -> None:
            if (known := node()) is not None:
                known.get_logger().warning(text)

        def stop() -> bool:
            known = node()
            return known is None or not known._wanted()

        return Monitor(progress, warn, stop)

    def _tell_loading(self, elapsed: float) -> None:
        """Say each second that the node is not dead: an engine can take minutes to build."""
        words = f'building ({self._at}) for {elapsed:.0f} s'
        self._report.task = words
        self._report_self()
        self._report.task = ''
        if elapsed >= self._log_at:
            self._log_at += _LOG_S
            self.get_logger().info(f'{words}; an engine is built only once')

    # Services and timers ---------------------------------------------------------------------

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._activity is not None
        response.message = _NOT_ACTIVE
        if self._activity is not None:
            target = self._activity.target_id
            response.message = f'target {target} is dropped' if target else 'there was no target'
            self._activity.request(ResetRequest('reset'))
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        response.success = self._activity is not None
        response.message = _NOT_ACTIVE
        if self._activity is not None:
            self._activity.enable(request.data)
            response.message = 'tracking' if request.data else 'paused: the target is kept'
        return response

    def _poll(self) -> None:
        if self._activity is not None:
            self._activity.poll()

    def _report_self(self) -> None:
        self._report.publish(self.state, self.fault, self._activity)


def _make_tracker(load: Load, settings: Settings, monitor: Monitor) -> Tracker:
    """Load the model and make it quick.

    It runs in a thread of its own, which must not keep the node alive: the process may end first.
    """
    tracker = load(settings.model.name, settings.model.backend, settings, monitor)
    try:
        warm_up(tracker)
    except BaseException:
        tracker.close()
        raise
    return tracker
