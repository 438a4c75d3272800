# SPDX-License-Identifier: Apache-2.0
"""What the node says about itself once a second on `/diagnostics`."""
from __future__ import annotations

from collections import deque
from dataclasses import replace
import platform
from typing import TYPE_CHECKING, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import Header

from rgbt_tracker_ros.imaging.image_pair import CAMERAS
from rgbt_tracker_ros.pipeline.condition import (
    NetworkView,
    SyncView,
    backend_part,
    camera_part,
    clock_in_words,
    memory_part,
    node_part,
    sync_part,
)
from rgbt_tracker_ros.pipeline.memory import memory
from rgbt_tracker_ros.pipeline.moment import Moment
from rgbt_tracker_ros.ros.camera_watch import moment
from rgbt_tracker_ros.ros.diagnostics import diagnostic_array
from rgbt_tracker_ros.tracking.tracker import Tracker

if TYPE_CHECKING:
    from rgbt_tracker_ros.ros.activity import Activity

_REPORTS = 6
"""Rates and shares are those since so many reports ago."""

_JUMP_S = 60.0
"""From one report to the next, even a fast simulation does not go on for so long."""


class _Counts(NamedTuple):
    """Counters at a moment."""

    frames: int = 0
    replaced: int = 0
    failures: int = 0
    pairs: int = 0
    possible: float = 0.0
    """Pairs that there could have been."""


class SelfReport:
    """Publishes the node's own condition in every state, also while it is in a transition.

    Its stamps are those of the node's clock. It is called by a steady one: while simulated time
    stands still, the node still answers for itself.

    Attributes
    ----------
    task
        What a transition is at, in words.

    """

    def __init__(self, node: Node) -> None:
        self._node = node
        # The one absolute name of the package: ROS tools collect diagnostics there.
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._machine = platform.node()
        self._history: deque[tuple[Moment, _Counts]] = deque(maxlen=_REPORTS)
        self._possible, self._slower = 0.0, 0.0
        self.task = ''
        self._tracker: Tracker | None = None

    def ready(self, tracker: Tracker) -> None:
        """Note which model is loaded, and what runs it."""
        self._tracker = tracker

    def unload(self) -> None:
        """Note that no model is loaded."""
        self._tracker = None

    def publish(self, state: str, fault: str, activity: Activity | None) -> None:
        """Publish the report.

        Parameters
        ----------
        state, fault
            Lifecycle state, and why the last transition failed.
        activity
            The work of the active node.

        """
        now = moment(self._node)
        cameras = {} if activity is None else activity.cameras(now)
        counts = _Counts() if activity is None else _counts(activity)
        counts = counts._replace(possible=self._pairs_until(
            now, min((view.rate for view in cameras.values()), default=0.0)))
        since, change = self._change(now, counts)
        span = now.span(since)
        model, network = '', NetworkView('')
        if self._tracker is not None:
            backend = self._tracker.backend
            model = self._tracker.bundle.name
            network = NetworkView(backend.name, choice=backend.choice)
        sync = None
        if activity is not None:
            tally = activity.tally
            network = replace(
                network, p50_ms=tally.quantile(0.5), p95_ms=tally.quantile(0.95),
                frames=change.frames, replaced=change.replaced, failures=change.failures,
                last_failure=tally.last_failure, busy=tally.busy)
            if cameras:
                sync = SyncView(activity.numbers(), activity.settings.sync.slop, change.pairs,
                                change.possible)
        others = [
            *(camera_part(camera, cameras.get(camera)) for camera in CAMERAS),
            sync_part(sync), backend_part(network, self.task), memory_part(memory())]
        facts = {
            'model': model, 'backend': network.backend, 'frames': counts.frames,
            'frames_per_s': change.frames / span if span > 0 else 0.0,
            'enabled': activity is not None and activity.enabled}
        simulated = bool(self._node.get_parameter('use_sim_time').value)
        parts = [node_part(state, fault, self.task, clock_in_words(simulated, now.node), others,
                           facts), *others]
        header = Header(stamp=self._node.get_clock().now().to_msg())
        self._publisher.publish(diagnostic_array(
            header, self._node.get_fully_qualified_name(),
            [replace(part, hardware=part.hardware or self._machine) for part in parts]))

    def _pairs_until(self, now: Moment, slower: float) -> float:
        """Return how many pairs there could have been by now; `slower` is the lower rate in Hz.

        Nothing counts between two reports unless both cameras sent at both: where a stream has
        just begun, most of that time was silent. While simulated time stands still, none can come.
        """
        before, self._slower = self._slower, slower
        if self._history:
            passed = now.node - self._history[-1][0].node
            if 0 < passed < _JUMP_S:
                self._possible += min(before, slower) * passed
        return self._possible

    def _change(self, now: Moment, counts: _Counts) -> tuple[Moment, _Counts]:
        """Return the moment of an earlier report, and what was counted since."""
        if self._history:
            before, counted = self._history[-1]
            jumped = not 0 <= now.node - before.node < _JUMP_S
            if jumped or any(new < old for new, old in zip(counts, counted, strict=True)):
                self._history.clear()       # simulated time jumped, or the node is active anew
        self._history.append((now, counts))
        since, old = self._history[0]
        return since, _Counts._make(new - was for new, was in zip(counts, old, strict=True))


def _counts(activity: Activity) -> _Counts:
    numbers, tally = activity.numbers(), activity.tally
    return _Counts(tally.frames, numbers['dropped_frames'], tally.failures,
                   numbers.get('pairs', 0))
