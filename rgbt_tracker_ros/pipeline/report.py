# SPDX-License-Identifier: Apache-2.0
"""What is to be said about each frame, in words and numbers; topics and bags carry the same."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from rgbt_tracker_ros.imaging.health import Health
from rgbt_tracker_ros.imaging.registration import Registered
from rgbt_tracker_ros.inference.backend import Choice
from rgbt_tracker_ros.pipeline.pipeline import Outcome
from rgbt_tracker_ros.pipeline.requests import Answer
from rgbt_tracker_ros.tracking.result import State

_POOR = 0.3
"""Reliability under which a camera is said to show little."""


class Level(IntEnum):
    """How bad it is; the numbers are those of diagnostic_msgs/DiagnosticStatus."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the whole: how it is, in words, and its numbers.

    `hardware` is what it is about; empty = the node.
    """

    name: str
    level: Level
    message: str
    values: Mapping[str, Any]
    hardware: str = ''

    def texts(self) -> dict[str, str]:
        """Return the numbers as text."""
        return {key: f'{value:.6g}' if isinstance(value, float) else str(value)
                for key, value in self.values.items()}


def frame_parts(outcome: Outcome, numbers: Mapping[str, Any],
                more: Mapping[str, Any]) -> list[Part]:
    """Return the parts of a frame's status: target, each camera, frames and what else there is.

    Parameters
    ----------
    outcome
        The frame.
    numbers
        Counters of the synchroniser; `stamps` says in words what is wrong with the stamps.
    more
        More about the target.

    """
    return [
        _target_part(outcome, more),
        *(_camera_part(camera, health, getattr(outcome.pair, camera, None) is not None)
          for camera, health in outcome.health.items()),
        Part('frames', Level.OK, numbers.get('stamps', ''), numbers),
        *_registration_part(outcome.registration), *_backend_part(outcome.choice)]


def answer_part(answer: Answer) -> Part:
    """Return the answer to a request."""
    return Part('request', Level.OK if answer.accepted else Level.WARN, str(answer), {
        'request': answer.source, 'accepted': answer.accepted, 'reason': answer.reason})


def _registration_part(registered: Registered) -> list[Part]:
    if not registered.text:
        return []
    numbers = [] if registered.matrix is None else registered.matrix.ravel().tolist()
    return [Part('registration', Level.WARN if registered.trouble else Level.OK, registered.text,
                 {'homography': ' '.join(f'{number:.9g}' for number in numbers)})]


def _backend_part(choice: Choice) -> list[Part]:
    if not choice.degraded:
        return []
    return [Part('backend', Level.WARN, choice.reason, {'choice': choice.reason})]


def _camera_part(camera: str, health: Health, used: bool) -> Part:
    message = health.reason
    if used and health.usable and health.reliability < _POOR:
        message += ', but shows little'
    return Part(f'{camera} camera', Level.OK if health.usable else Level.WARN, message, {
        'state': health.state.value, 'reliability': health.reliability, 'used': used})


def _target_part(outcome: Outcome, more: Mapping[str, Any]) -> Part:
    result, state = outcome.result, outcome.state
    level, message = Level.WARN if state is State.LOST else Level.OK, state.value
    if outcome.error:
        level, message = Level.ERROR, f'{state.value}; {outcome.error}'
    values: dict[str, Any] = {
        'state': state.value, 'id': outcome.target_id,
        'mode': outcome.pair.mode if outcome.pair else 'none', 'error': outcome.error,
        'dt_ms': '' if outcome.dt is None else 1000 * outcome.dt}
    if result is not None:
        values.update(
            score=result.score, template_frame=result.template_frame,
            backend_ms=result.backend_ms, track_ms=result.total_ms, crop_ms=result.crop_ms,
            x=result.box.x, y=result.box.y, w=result.box.w, h=result.box.h)
        if result.crop_box is not None:
            values['fused_region'] = ','.join(f'{side:g}' for side in result.crop_box)
    return Part('target', level, message, {**values, **more})
