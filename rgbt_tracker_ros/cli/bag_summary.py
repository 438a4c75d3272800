# SPDX-License-Identifier: Apache-2.0
"""What happened while a bag was worked through, in words."""
from __future__ import annotations

from time import perf_counter

from rgbt_tracker_ros.bags.replay import INIT_OPTION, Answered, Frame
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.tracking.result import State

_OPTION_SOURCES = (INIT_OPTION, 'initial_box')


class BagSummary:
    """Counts frames and notices what the user ought to know.

    Attributes
    ----------
    frames
        Frames so far.
    started
        Whether a target was started.

    """

    def __init__(self) -> None:
        self.frames = 0
        self.started = False
        self._begin = perf_counter()
        self._pairs = 0
        self._with_target = 0
        self._tracked = 0
        self._score = 0.0
        self._state = State.IDLE
        self._errors: set[str] = set()

    def add(self, event: Frame | Answered) -> list[str]:
        """Take in an event and return what has changed with it, one sentence each.

        Raises
        ------
        InputError
            If the box of the command line is refused.

        """
        if isinstance(event, Answered):
            answer = event.answer
            if answer.source in _OPTION_SOURCES and not answer.accepted:
                raise InputError(f'{INIT_OPTION}: {answer.reason}')
            self.started |= answer.accepted
            return [str(answer)]
        outcome = event.outcome
        self.frames += 1
        self._pairs += outcome.pair is not None and outcome.pair.mode == 'rgbt'
        notes = []
        if outcome.state is not self._state and State.LOST in (outcome.state, self._state):
            notes.append(f'frame {self.frames - 1}: target '
                         f'{"lost" if outcome.state is State.LOST else "found again"}')
        if outcome.error and outcome.error not in self._errors:
            self._errors.add(outcome.error)
            notes.append(f'frame {self.frames - 1}: {outcome.error}')
        self._state = outcome.state
        if outcome.state is not State.IDLE:
            self._with_target += 1
            self._tracked += outcome.state is State.TRACKING
            self._score += 0.0 if outcome.result is None else outcome.result.score
        return notes

    def line(self) -> str:
        """Return the summary of all frames on one line."""
        seconds = max(perf_counter() - self._begin, 1e-9)
        share = 100 * self._tracked / max(self._with_target, 1)
        return (f'{self.frames} frames ({self._pairs} of both cameras) in {seconds:.1f} s '
                f'({self.frames / seconds:.1f} fps), tracked in {self._tracked} of '
                f'{self._with_target} frames with a target ({share:.0f} %), lost in '
                f'{self._with_target - self._tracked}, mean score '
                f'{self._score / max(self._with_target, 1):.2f}')
