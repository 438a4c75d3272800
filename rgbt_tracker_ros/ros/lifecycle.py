# SPDX-License-Identifier: Apache-2.0
"""The tracker as a lifecycle node: what exists in which state, and its services."""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future
from std_srvs.srv import SetBool, Trigger

from rgbt_tracker_ros.pipeline.pipeline import Pipeline
from rgbt_tracker_ros.pipeline.requests import ResetRequest
from rgbt_tracker_ros.ros.activity import Activity
from rgbt_tracker_ros.ros.outputs import Outputs
from rgbt_tracker_ros.ros.parameters import SettingsParameters
from rgbt_tracker_ros.ros.self_report import SelfReport
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.tracker import Tracker
from rgbt_tracker_ros.tracking.warm_up import warm_up

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE

_NOT_ACTIVE = 'the node is not active: configure and activate it'


class TrackerNode(LifecycleNode):  # type: ignore[misc]
    """Node `rgbt_tracker`.

    - unconfigured: parameters and `/diagnostics` only.
    - inactive (configured): the model is loaded; publishers and services exist.
    - active: subscribed to the cameras; frames are tracked in a thread of their own.

    Parameters
    ----------
    load
        Makes the tracker from a model's name, a backend's name and the settings.

    Attributes
    ----------
    finished
        Never done: this node runs until it is told to end.

    """

    def __init__(self, load: Callable[[str, str, Settings], Tracker] = Tracker.from_model) -> None:
        super().__init__('rgbt_tracker')
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
        if self._settings.settings.autostart and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def close(self) -> None:
        """Free everything, whatever state the node is in."""
        self._deactivate()
        self._free()

    # Transitions -----------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model; create publishers and services."""
        return self._transition('configure', self._configure, 'inactive', self._free)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe to the cameras and begin."""
        return self._transition('activate', self._activate, 'active', self._deactivate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """End the subscriptions and forget the target; the model stays loaded."""
        return self._transition('deactivate', self._deactivate, 'inactive')

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model."""
        return self._transition('clean up', self._free, 'unconfigured')

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        return self._transition('shut down', self.close, 'finalized')

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything; the node can be configured again."""
        return self._transition('recover', self.close, 'unconfigured')

    def _transition(self, name: str, action: Callable[[], None], state: str,
                    undo: Callable[[], None] | None = None) -> TransitionCallbackReturn:
        """Do it, or say why not: rclpy swallows exceptions in transitions without a word."""
        try:
            action()
        except Exception as error:
            self._report.fault = f'cannot {name}: {error}'
            self.get_logger().error(self._report.fault)
            if undo is not None:
                undo()
            return FAILURE
        self._report.state, self._report.fault = state, ''
        return SUCCESS

    def _configure(self) -> None:
        settings = self._settings.checked()
        self.get_logger().info(f'loading the model {settings.model.name}')
        tracker = self._load(settings.model.name, settings.model.backend, settings)
        self._to_free.append(tracker.close)
        warm_up(tracker)
        outputs = Outputs(self)
        self._to_free.append(outputs.close)
        for kind, name, callback in ((Trigger, '~/reset', self._on_reset),
                                     (SetBool, '~/enable', self._on_enable)):
            service = self.create_service(kind, name, callback)
            self._to_free.append(partial(self.destroy_service, service))
        self._loaded = Pipeline(tracker, settings, outputs.answer_request), outputs
        self._report.facts = {'model': tracker.bundle.name, 'backend': tracker.backend.name}
        self.get_logger().info(f'{tracker.bundle.name} is loaded, on {tracker.backend.name}')

    def _free(self) -> None:
        self._loaded = None
        self._report.facts = {}
        while self._to_free:
            self._to_free.pop()()

    def _activate(self) -> None:
        assert self._loaded is not None
        self._activity = Activity(self, self._settings, *self._loaded)

    def _deactivate(self) -> None:
        activity, self._activity = self._activity, None
        if activity is not None:
            activity.close()

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
        if self._activity is None:
            self._report.publish()
        else:
            self._report.publish(
                self._activity.frames, self._activity.numbers(), self._activity.silent())
