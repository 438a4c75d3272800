# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from rgbt_tracker_ros.settings import TemplateSettings
from rgbt_tracker_ros.tracking.template_memory import Candidate, TemplateMemory

CROP = np.zeros((1, 1, 2, 2), np.float32)


def _candidate(frame: int, score: float) -> Candidate:
    return Candidate(frame, score, CROP, CROP)


def _run(settings: TemplateSettings, scores: list[float]) -> list[int]:
    """Return the dynamic template's frame after each of the frames 1, 2, .."""
    memory = TemplateMemory(settings)
    memory.start({'t': 'initial'})
    frames = []
    for frame, score in enumerate(scores, 1):
        if memory.wants(frame, score):
            memory.offer(_candidate(frame, score))
        chosen = memory.choose(frame)
        if chosen is not None:
            memory.put(chosen, {'t': f'frame {chosen.frame}'})
        frames.append(memory.dynamic_frame)
        assert memory.slots(2)[0] == {'t': 'initial'}
    return frames


def test_off_never_leaves_the_initial_template() -> None:
    assert set(_run(TemplateSettings(update='off', interval=2), [1.0] * 10)) == {0}


def test_interval_takes_the_newest_frame_whatever_its_score() -> None:
    settings = TemplateSettings(update='interval', interval=4, memory=4)
    assert _run(settings, [0.4] * 9) == [0, 0, 0, 4, 4, 4, 4, 8, 8]


def test_nearest_reliable_takes_the_newest_above_the_threshold() -> None:
    settings = TemplateSettings(interval=4, memory=4, threshold=0.7)
    # Frame 4 itself is doubtful, frame 3 is the newest reliable one; nothing better comes by 8.
    assert _run(settings, [0.9, 0.95, 0.8, 0.5, 0.2, 0.2, 0.2, 0.2]) == [0, 0, 0, 3, 3, 3, 3, 3]


def test_a_score_equal_to_the_threshold_is_enough() -> None:
    assert _run(TemplateSettings(interval=1, threshold=0.7), [0.7]) == [1]


def test_an_old_reliable_frame_serves_when_newer_ones_are_not() -> None:
    settings = TemplateSettings(interval=6, memory=6, threshold=0.7)
    assert _run(settings, [0.9, 0.1, 0.1, 0.1, 0.1, 0.1])[-1] == 1


def test_memory_is_bounded_and_spread_over_the_interval() -> None:
    memory = TemplateMemory(TemplateSettings(interval=20, memory=5))
    memory.start({})
    wanted = [frame for frame in range(1, 41) if memory.wants(frame, 1.0)]
    assert wanted == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    for frame in wanted:
        memory.offer(_candidate(frame, 1.0))
    assert [item.frame for item in memory.candidates] == [24, 28, 32, 36, 40]


def test_the_same_candidate_is_not_chosen_twice() -> None:
    memory = TemplateMemory(TemplateSettings(interval=2))
    memory.start({})
    memory.offer(_candidate(2, 0.9))
    chosen = memory.choose(2)
    assert chosen is not None
    memory.put(chosen, {})
    assert memory.choose(4) is None


def test_one_slot_is_the_initial_template() -> None:
    memory = TemplateMemory(TemplateSettings())
    memory.start({'t': 'initial'})
    memory.put(_candidate(3, 0.9), {'t': 'dynamic'})
    assert memory.slots(1) == [{'t': 'initial'}]
    assert memory.slots(2) == [{'t': 'initial'}, {'t': 'dynamic'}]


@pytest.mark.parametrize('restart', [True, False])
def test_start_and_off_forget_what_was_learnt(restart: bool) -> None:
    memory = TemplateMemory(TemplateSettings(interval=2))
    memory.start({'t': 'initial'})
    memory.offer(_candidate(2, 0.9))
    memory.put(_candidate(2, 0.9), {'t': 'dynamic'})
    if restart:
        memory.start({'t': 'initial'})
    else:
        memory.configure(TemplateSettings(update='off'))
    assert memory.dynamic_frame == 0
    assert memory.candidates == ()
    assert memory.slots(2) == [{'t': 'initial'}] * 2
