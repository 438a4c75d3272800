# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.metrics import (
    Scores,
    center_errors,
    mean_scores,
    overlaps,
    score_track,
)
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box

_SIDES = st.floats(1, 100)
_PLACES = st.floats(-50, 150)
_BOX = st.tuples(_PLACES, _PLACES, _SIDES, _SIDES)
_TRACK = st.lists(st.tuples(_BOX, _BOX, st.booleans()), min_size=2, max_size=20)


def _by_hand(results: list[Box], truth: list[Box]) -> tuple[float, float, float]:
    """Score frame by frame, straight from the definitions."""
    count = len(truth)
    ious = [result.iou(box) for result, box in zip(results, truth, strict=True)]
    pixels, sides = [], []
    for result, box in zip(results, truth, strict=True):
        x, y = result.cx - box.cx, result.cy - box.cy
        pixels.append((x * x + y * y) ** 0.5)
        sides.append(((x / box.w) ** 2 + (y / box.h) ** 2) ** 0.5)
    sr = sum(sum(iou > i / 20 for iou in ious) / count for i in range(21)) / 21
    npr = sum(sum(side <= i / 100 for side in sides) / count for i in range(51)) / 51
    return sr, sum(pixel <= 20 for pixel in pixels) / count, npr


@given(_TRACK)
def test_scores_equal_those_by_hand(frames: list[tuple[tuple, tuple, bool]]) -> None:
    results, truth, use = (list(part) for part in zip(*frames, strict=True))
    kept = [i for i in range(1, len(use)) if use[i]]
    scores = score_track(results, truth, use)
    assert scores.frames == len(kept)
    if kept:
        expected = _by_hand([Box(*results[i]) for i in kept], [Box(*truth[i]) for i in kept])
        assert (scores.sr, scores.pr, scores.npr) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(_BOX, _BOX), min_size=1, max_size=20))
def test_overlaps_equal_those_of_boxes(frames: list[tuple[tuple, tuple]]) -> None:
    results, truth = zip(*frames, strict=True)
    expected = [Box(*a).iou(Box(*b)) for a, b in frames]
    np.testing.assert_allclose(overlaps(results, truth), expected, atol=1e-9)


def test_perfect_results_have_the_strict_success_of_one() -> None:
    boxes = [[10, 10, 20, 30]] * 5
    scores = score_track(boxes, boxes)
    # IoU 1 is not above the last threshold, 1: the tool kits' best SR is 20/21.
    assert scores.sr == pytest.approx(20 / 21)
    assert (scores.pr, scores.npr, scores.frames) == (1.0, 1.0, 4)


def test_twenty_pixels_are_precise_and_a_bit_more_is_not() -> None:
    truth = [[0, 0, 10, 10]] * 3
    assert score_track([[0, 0, 10, 10], [20, 0, 10, 10], [20.01, 0, 10, 10]], truth).pr == 0.5


def test_results_that_are_not_finite_are_misses() -> None:
    truth = [[10.0, 10, 20, 30]] * 3
    results = [truth[0], [np.nan, 0, 1, 1], [np.inf] * 4]
    assert score_track(results, truth) == Scores(0.0, 0.0, 0.0, 2)
    assert np.isinf(center_errors(results, truth)[1:]).all()


def test_absent_frames_do_not_count() -> None:
    truth = np.array([[10.0, 10, 20, 30]] * 4)
    truth[2] = np.nan
    scores = score_track(truth, truth, [True, True, True, False])
    assert scores.frames == 1
    assert np.isnan(overlaps(truth, truth)[2])


def test_a_track_without_frames_to_score_is_left_out_of_the_mean() -> None:
    empty = score_track([[0, 0, 5, 5]], [[0, 0, 5, 5]])
    assert empty.frames == 0
    assert np.isnan(empty.sr)
    mean = mean_scores([empty, Scores(0.5, 1.0, 0.8, 10), Scores(0.7, 0.0, 0.6, 30)])
    assert (mean.sr, mean.pr, mean.npr) == pytest.approx((0.6, 0.5, 0.7))
    assert mean.frames == 40
    assert np.isnan(mean_scores([]).sr)


@pytest.mark.parametrize(('results', 'truth', 'use', 'message'), [
    ([[0, 0, 1, 1]], [[0, 0, 1, 1]] * 2, None, 'results have 1 frames, the ground truth has 2'),
    ([[0, 0, 1]], [[0, 0, 1]], None, 'N x 4'),
    ([[0, 0, 1, 1]] * 2, [[0, 0, 1, 1]] * 2, [True], 'flags have 1 frames'),
])
def test_shapes_that_do_not_fit_are_named(
        results: list, truth: list, use: list | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        score_track(results, truth, use)
