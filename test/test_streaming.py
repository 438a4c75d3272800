# SPDX-License-Identifier: Apache-2.0
"""Latency-aware accuracy: no latency changes nothing, more latency never helps."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.metrics import score_track
from rgbt_tracker_ros.benchmark.metrics.conventions import CONVENTIONS
from rgbt_tracker_ros.benchmark.metrics.streaming import (
    Stream,
    newest_finished,
    play_stream,
    streamed_boxes,
    streaming_curves,
)
from rgbt_tracker_ros.errors import InputError

_SIDE = st.floats(2, 60)
_BOX = st.tuples(st.floats(-50, 150), st.floats(-50, 150), _SIDE, _SIDE)
_GAPS = st.lists(st.floats(0.001, 0.2), min_size=2, max_size=25)
_COUNT = 40


def _moving(speed: float) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps at 30 Hz and a box that moves by `speed` pixels per frame."""
    boxes = np.tile([100.0, 80, 40, 30], (_COUNT, 1))
    boxes[:, 0] += speed * np.arange(_COUNT)
    return np.arange(_COUNT) / 30, boxes


def _late(stamps: np.ndarray, by: float) -> Stream:
    return Stream(np.arange(len(stamps)), stamps + by)


@given(st.lists(st.tuples(_BOX, _BOX, st.floats(0.001, 0.2)), min_size=2, max_size=25),
       st.sampled_from(sorted(CONVENTIONS)))
def test_without_latency_it_is_the_offline_score(frames, name) -> None:
    results, truth, gaps = (np.array(part) for part in zip(*frames, strict=True))
    stamps = np.cumsum(gaps)
    stream = play_stream(stamps, 0.0)
    np.testing.assert_array_equal(stream.frames, np.arange(len(stamps)))
    np.testing.assert_array_equal(stream.finished, stamps)
    convention = CONVENTIONS[name]
    streamed = streaming_curves(results, stream, stamps, truth, results[0],
                                convention=convention).scores(convention)
    assert streamed == score_track(results, truth, convention=convention)


@given(st.floats(0, 12), st.floats(0, 0.4), st.floats(0, 0.4))
def test_more_latency_never_helps_with_a_moving_target(speed, first, second) -> None:
    stamps, truth = _moving(speed)
    scores = [streaming_curves(truth, _late(stamps, by), stamps, truth, truth[0]).scores()
              for by in sorted((first, second))]
    assert scores[0].sr >= scores[1].sr
    assert scores[0].pr >= scores[1].pr
    assert scores[0].npr >= scores[1].npr


@given(st.floats(0.5, 12), st.floats(0, 0.05), st.floats(0, 0.3))
def test_a_slower_tracker_is_worse_with_a_moving_target(speed, fast, slower) -> None:
    stamps, truth = _moving(speed)
    scores = []
    for duration in (fast, fast + slower):
        stream = play_stream(stamps, duration)
        scores.append(streaming_curves(truth[stream.frames], stream, stamps, truth, truth[0])
                      .scores().sr)
    assert scores[1] <= scores[0] + 0.05


@given(st.floats(0, 12), st.floats(0, 0.2), st.floats(0, 0.4), st.floats(0, 0.4))
def test_more_permitted_delay_never_harms(speed, late, first, second) -> None:
    stamps, truth = _moving(speed)
    low, high = (streaming_curves(truth, _late(stamps, late), stamps, truth, truth[0],
                                  permitted=permitted).scores().sr
                 for permitted in sorted((first, second)))
    assert high >= low


def test_one_frame_of_latency_moves_the_boxes_by_one_frame() -> None:
    stamps, truth = _moving(5.0)
    boxes = streamed_boxes(truth, _late(stamps, 1 / 30), stamps, truth[0] - 1, permitted=1e-9)
    np.testing.assert_array_equal(boxes[1:], truth[:-1])
    np.testing.assert_array_equal(boxes[0], truth[0] - 1)


@given(_GAPS, st.lists(st.floats(0, 0.5), min_size=25, max_size=25))
def test_a_stream_is_played_as_a_mailbox_of_one_place(gaps, durations) -> None:
    stamps = np.cumsum(gaps)
    stream = play_stream(stamps, durations[:len(stamps)])
    assert stream.frames[0] == 0
    assert (np.diff(stream.frames) > 0).all()
    starts = stream.finished - np.array(durations)[stream.frames]
    for number, (frame, start) in enumerate(zip(stream.frames, starts, strict=True)):
        # It starts with the newest frame that is there, when it is free and the frame is there.
        free = stream.finished[number - 1] if number else -np.inf
        assert start == pytest.approx(max(stamps[frame], free), abs=1e-9)
        assert not (stamps[frame + 1:] <= start - 1e-9).any()


@given(_GAPS, st.lists(st.floats(0, 2), max_size=20), st.floats(0, 0.5))
def test_the_newest_result_that_is_finished_is_taken(gaps, finished, permitted) -> None:
    stamps = np.cumsum(gaps)
    stream = Stream(np.arange(len(finished)), np.sort(finished))
    expected = [max((k for k, done in enumerate(sorted(finished))
                     if done <= stamp + permitted and k <= number), default=-1)
                for number, stamp in enumerate(stamps)]
    assert newest_finished(stream, stamps, permitted).tolist() == expected


@pytest.mark.parametrize(('stamps', 'durations'), [
    ([0.0, -1.0], 0.1), ([0.0, np.nan], 0.1), ([0.0, 1.0], -0.1), ([0.0, 1.0], np.inf)])
def test_impossible_times_are_named(stamps, durations) -> None:
    with pytest.raises(InputError, match='are needed'):
        play_stream(stamps, durations)


def test_boxes_without_their_times_are_refused() -> None:
    with pytest.raises(InputError, match='2 boxes need as many frames and times'):
        streamed_boxes([[0, 0, 1, 1]] * 2, play_stream([0.0], 0.1), [0.0, 1.0], [0, 0, 1, 1])
