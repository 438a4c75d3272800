# SPDX-License-Identifier: Apache-2.0
"""Lifecycle transitions that cannot fail without a word, whatever version rclpy has.

rclpy swallows exceptions of transition callbacks. Asked for a transition that the present state
does not have, rclpy 3 and 7 (Humble, Jazzy) raise in the service's callback, which ends a node and
leaves the caller without an answer (ros2/rclpy#1209).
"""
from __future__ import annotations

from collections.abc import Callable
import traceback
from typing import Any

from lifecycle_msgs.srv import ChangeState
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.inference.background import AbandonedError

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
ERROR = TransitionCallbackReturn.ERROR


class SafeLifecycleNode(LifecycleNode):  # type: ignore[misc]
    """A lifecycle node with hooks instead of callbacks: a hook does its work or raises.

    What fails is logged once with the reason, kept in `fault`, undone, and returned: a node that
    cannot be configured stays unconfigured, one that cannot be activated inactive. One that cannot
    be deactivated or cleaned up frees all it can and is unconfigured. Shutting down always ends in
    finalized.

    Parameters
    ----------
    name
        Name of the node.
    options
        More for rclpy's node.

    Attributes
    ----------
    state
        Lifecycle state, or the transition that is under way.
    fault
        Why the last transition failed; empty when it did not.

    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self.state, self.fault = 'unconfigured', ''
        service = self._service_change_state
        self._change_state = service.callback
        service.callback = self._answer_change_state

    # Hooks -------------------------------------------------------------------------------------

    def configure(self) -> None:
        """Make what the inactive node needs."""
        raise NotImplementedError

    def activate(self) -> None:
        """Begin to work."""
        raise NotImplementedError

    def deactivate(self) -> None:
        """End the work; nothing happens when there is none."""
        raise NotImplementedError

    def clean_up(self) -> None:
        """Free what `configure` made; nothing happens when there is nothing."""
        raise NotImplementedError

    def close(self) -> None:
        """Free everything, whatever state the node is in."""
        try:
            self.deactivate()
        finally:
            self.clean_up()

    # rclpy's callbacks -------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure, or stay unconfigured."""
        self.state = 'configuring'
        if self._attempt('configure', self.configure, 'inactive'):
            return SUCCESS
        return self._undo(self.clean_up, 'unconfigured', FAILURE)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate, or stay inactive."""
        self.state = 'activating'
        if self._attempt('activate', self.activate, 'active'):
            return SUCCESS
        return self._undo(self.deactivate, 'inactive', FAILURE)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate; an error makes rclpy call `on_error`."""
        self.state = 'deactivating'
        return SUCCESS if self._attempt('deactivate', self.deactivate, 'inactive') else ERROR

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up; an error makes rclpy call `on_error`."""
        self.state = 'cleaning up'
        return SUCCESS if self._attempt('clean up', self.clean_up, 'unconfigured') else ERROR

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything; the node is finalized also when that fails."""
        self.state = 'shutting down'
        done = self._attempt('shut down', self.close, 'finalized')
        self.state = 'finalized'
        return SUCCESS if done else FAILURE

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free what is left after an error; the node can be configured again."""
        return self._undo(self.close, 'unconfigured', SUCCESS)

    def _attempt(self, name: str, action: Callable[[], None], after: str) -> bool:
        """Do it and return whether it is done."""
        try:
            action()
        except AbandonedError:
            return False                # the process is ending: nobody wants to know
        except Exception as error:
            self.fault = f'cannot {name}: {_reason(error)}'
            if self.context.ok():
                self.get_logger().error(self.fault)
                self.get_logger().debug(''.join(traceback.format_exception(error)))
            return False
        self.state, self.fault = after, ''
        return True

    def _undo(self, action: Callable[[], None], after: str,
              result: TransitionCallbackReturn) -> TransitionCallbackReturn:
        """Free what a failed transition left; add to the fault what cannot be freed."""
        try:
            action()
        except Exception as error:
            self.fault = f'{self.fault}; {_reason(error)}'
        self.state = after
        return result

    def _answer_change_state(self, request: ChangeState.Request,
                             response: ChangeState.Response) -> ChangeState.Response:
        """Answer a request; no to a transition that the state does not have."""
        wanted = request.transition
        possible = {label: number for number, label, *_ in
                    self._state_machine.available_transitions}
        if wanted.label in possible or (
                not wanted.label and wanted.id in possible.values()):
            return self._change_state(request, response)
        self.get_logger().warning(
            f'transition {wanted.label or wanted.id} is not possible while {self.state}: '
            f'{", ".join(possible) or "none"} {"are" if len(possible) > 1 else "is"}')
        response.success = False
        return response


def _reason(error: Exception) -> str:
    """Return what is wrong; the type is only of interest where nobody foresaw it."""
    known = isinstance(error, (InputError, ModelError))
    return str(error) if known else f'{type(error).__name__}: {error}'
