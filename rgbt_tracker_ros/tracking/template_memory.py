# SPDX-License-Identifier: Apache-2.0
"""Template memory: the initial template, and a dynamic one that follows the target's looks.

`nearest_reliable` is the nearest-neighbour dynamic template update of TPF (arXiv 2503.11247) as
its summary describes it: among past frames, the reliable one closest in time is used together
with the initial template.
"""
from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from rgbt_tracker_ros.inference.backend import Array, TemplateTensors
from rgbt_tracker_ros.settings import TemplateSettings


@dataclass(frozen=True, slots=True)
class Candidate:
    """Normalised template crops of one past frame, 1 x C x Z x Z each."""

    frame: int
    score: float
    rgb: Array
    thermal: Array


class TemplateMemory:
    """Keeps candidates and says when one of them becomes the dynamic template.

    The caller asks `wants` for each frame in which the target was seen well, gives that frame's
    crops to `offer`, asks `choose` at the end of every frame, and puts the tensors of what was
    chosen in place by `put`.
    """

    def __init__(self, settings: TemplateSettings) -> None:
        self._settings = settings
        self._candidates: deque[Candidate] = deque(maxlen=settings.memory)
        self._initial: TemplateTensors | None = None
        self._dynamic: TemplateTensors | None = None
        self._dynamic_frame = 0

    @property
    def dynamic_frame(self) -> int:
        """Return the number of the frame the dynamic template comes from; 0 = the initial one."""
        return self._dynamic_frame

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Return the candidates, oldest first."""
        return tuple(self._candidates)

    def configure(self, settings: TemplateSettings) -> None:
        """Use other settings from now on; `off` goes back to the initial template."""
        self._settings = settings
        self._candidates = deque(self._candidates, maxlen=settings.memory)
        if settings.update == 'off':
            self._candidates.clear()
            self._dynamic = self._initial
            self._dynamic_frame = 0

    def start(self, initial: TemplateTensors) -> None:
        """Begin with the template of frame 0."""
        self._initial = self._dynamic = initial
        self._dynamic_frame = 0
        self._candidates.clear()

    def slots(self, count: int) -> list[TemplateTensors]:
        """Return the templates to match with: the initial one, then the dynamic one."""
        assert self._initial is not None
        assert self._dynamic is not None
        return [self._initial, self._dynamic][:count]

    def wants(self, frame: int, score: float) -> bool:
        """Tell whether a frame should be offered: candidates are spread over the interval."""
        settings = self._settings
        if settings.update == 'off':
            return False
        if settings.update == 'nearest_reliable' and score < settings.threshold:
            return False
        stride = max(settings.interval // settings.memory, 1)
        return frame % settings.interval % stride == 0

    def offer(self, candidate: Candidate) -> None:
        """Keep a candidate; the oldest one goes when the memory is full."""
        self._candidates.append(candidate)

    def choose(self, frame: int) -> Candidate | None:
        """Return the candidate that becomes the dynamic template now, if any."""
        settings = self._settings
        if settings.update == 'off' or frame % settings.interval:
            return None
        needed = settings.threshold if settings.update == 'nearest_reliable' else 0.0
        for candidate in reversed(self._candidates):
            if candidate.score >= needed:
                return candidate if candidate.frame > self._dynamic_frame else None
        return None

    def put(self, candidate: Candidate, tensors: TemplateTensors) -> None:
        """Use the tensors made of a chosen candidate."""
        self._dynamic = tensors
        self._dynamic_frame = candidate.frame
