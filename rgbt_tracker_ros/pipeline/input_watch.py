# SPDX-License-Identifier: Apache-2.0
"""How often a camera's images come, how old they are, and for how long none has come."""
from __future__ import annotations

from collections import deque

from rgbt_tracker_ros.pipeline.moment import Moment

SILENCE_S = 3.0
"""A camera that sends nothing for so long is silent."""

_WINDOW_S = 5.0
"""The rate is that of the newest images, over so many seconds."""

_MOST = 1000
"""Arrivals remembered at most."""


class InputWatch:
    """Watches one camera; one thread's.

    Parameters
    ----------
    now
        When the watch begins.

    """

    def __init__(self, now: Moment) -> None:
        self._heard = now
        self._stamp: float | None = None
        self._arrivals: deque[Moment] = deque(maxlen=_MOST)

    def note(self, stamp: float, now: Moment) -> None:
        """Note an image with its stamp, seconds."""
        if self._arrivals and not 0 <= now.node - self._arrivals[-1].node <= _WINDOW_S:
            self._arrivals.clear()
        self._arrivals.append(now)
        self._heard = now
        self._stamp = stamp

    def silence(self, now: Moment) -> float:
        """Return for how many seconds no image has come."""
        if now.node < self._heard.node:
            # Simulated time went back (a bag that loops).
            self._heard = self._heard._replace(node=now.node)
        return now.since(self._heard)

    def silent(self, now: Moment) -> bool:
        """Return whether the camera has been silent for long."""
        return self.silence(now) > SILENCE_S

    def rate(self, now: Moment) -> float:
        """Return images per second, 0 while the camera is silent."""
        while self._arrivals and now.since(self._arrivals[0]) > _WINDOW_S:
            self._arrivals.popleft()
        if len(self._arrivals) < 2 or self.silent(now):
            return 0.0
        span = self._arrivals[-1].span(self._arrivals[0])
        return (len(self._arrivals) - 1) / span if span > 0 else 0.0

    def age(self, now: Moment) -> float | None:
        """Return how old the newest image is by its stamp, seconds; None when that is unknown."""
        return None if self._stamp is None or now.node <= 0 else now.node - self._stamp
