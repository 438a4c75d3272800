# SPDX-License-Identifier: Apache-2.0
"""What users ask of the tracker while it runs: start on a box, drop the target."""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import monotonic

from rgbt_tracker_ros.imaging.box import Box


@dataclass(frozen=True, slots=True)
class StartRequest:
    """Start on a box.

    Attributes
    ----------
    source
        The topic or parameter it came by, for the answer.
    box
        The target, pixels of the RGB image.
    stamp
        Stamp of the image the box was taken from, seconds; 0 = the newest image.
    only_idle
        Ignore the request when there is a target already.
    both_cameras
        Rather wait a moment than start on one camera's image.
    arrival
        When the request came, seconds of the clock that its pipeline uses.

    """

    source: str
    box: Box
    stamp: float = 0.0
    only_idle: bool = False
    both_cameras: bool = False
    arrival: float = field(default_factory=monotonic)


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """Drop the target."""

    source: str


Request = StartRequest | ResetRequest


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes or no to a request, and why."""

    source: str
    accepted: bool
    reason: str

    def __str__(self) -> str:
        return f'{self.source}: {"yes" if self.accepted else "no"}, {self.reason}'


class Inbox:
    """Requests on their way from the executor's thread to the worker's."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque(maxlen=100)

    def put(self, request: Request) -> None:
        """Leave a request."""
        self._requests.append(request)

    def take(self) -> list[Request]:
        """Return the requests that came since the last call, oldest first."""
        return [self._requests.popleft() for _ in range(len(self._requests))]
