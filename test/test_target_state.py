# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rgbt_tracker_ros.settings import TargetSettings
from rgbt_tracker_ros.tracking.result import State
from rgbt_tracker_ros.tracking.target_state import TargetState

SETTINGS = TargetSettings(lost_threshold=0.3, found_threshold=0.5, lost_frames=3)


def _started() -> TargetState:
    target = TargetState(SETTINGS)
    target.start()
    return target


def test_without_a_target_scores_mean_nothing() -> None:
    target = TargetState(SETTINGS)
    assert target.update(0.9) is State.IDLE


def test_only_low_scores_in_a_row_lose_the_target() -> None:
    target = _started()
    states = [target.update(score) for score in (0.1, 0.1, 0.4, 0.1, 0.1, 0.1)]
    assert states == [State.TRACKING] * 5 + [State.LOST]


def test_between_the_thresholds_the_state_stays() -> None:
    target = _started()
    for _ in range(20):
        assert target.update(0.4) is State.TRACKING
    for _ in range(3):
        target.update(0.0)
    for _ in range(20):
        assert target.update(0.4) is State.LOST
    assert target.update(0.5) is State.TRACKING


def test_low_scores_before_a_find_do_not_count_after_it() -> None:
    target = _started()
    for score in (0.0, 0.0, 0.0, 0.9):
        target.update(score)
    assert target.update(0.1) is State.TRACKING


def test_stop_forgets_the_target() -> None:
    target = _started()
    target.stop()
    assert target.state is State.IDLE


@given(st.lists(st.floats(0, 1), max_size=60))
def test_changes_always_have_their_reason(scores: list[float]) -> None:
    target = _started()
    for index, score in enumerate(scores):
        before, after = target.state, target.update(score)
        if before is State.TRACKING and after is State.LOST:
            last = scores[index + 1 - SETTINGS.lost_frames:index + 1]
            assert len(last) == SETTINGS.lost_frames
            assert max(last) < SETTINGS.lost_threshold
        if before is State.LOST:
            assert (after is State.TRACKING) == (score >= SETTINGS.found_threshold)
