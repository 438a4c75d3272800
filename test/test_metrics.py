# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.metrics import (
    CONVENTIONS,
    Scores,
    center_errors,
    convention_of,
    mean_curves,
    mean_scores,
    overlaps,
    score_track,
    track_curves,
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


_PAIRED_TRUTHS = st.lists(st.tuples(_BOX, _BOX, _BOX), min_size=2, max_size=20)


@given(_PAIRED_TRUTHS)
def test_the_better_of_both_ground_truths_counts_in_each_frame(frames):
    results, rgb, thermal = (np.array(part) for part in zip(*frames, strict=True))
    rules = convention_of('rgbt234')
    best = score_track(results, {'rgb': rgb, 'thermal': thermal}, convention=rules)
    for truth in (rgb, thermal):
        alone = score_track(results, truth, convention=rules)
        assert best.sr >= alone.sr - 1e-12
        assert best.pr >= alone.pr
        assert best.npr >= alone.npr
    # Frame by frame: whichever truth is met, its frames count.
    met = np.where((np.arange(len(rgb)) % 2 == 0)[:, None], rgb, thermal)
    perfect = score_track(met, {'rgb': rgb, 'thermal': thermal}, convention=rules)
    assert (perfect.pr, perfect.npr) == (1.0, 1.0)
    assert perfect.sr == pytest.approx(20 / 21)


def test_a_frame_with_one_ground_truth_is_left_to_it():
    boxes = np.array([[10.0, 10, 20, 30]] * 4)
    gap = boxes.copy()
    gap[2] = np.nan
    scores = score_track(boxes, {'rgb': gap, 'thermal': boxes},
                         convention=convention_of('rgbt234'))
    assert (scores.frames, scores.pr) == (4, 1.0)


def test_without_a_choice_the_common_truth_counts_else_that_of_rgb():
    boxes = np.array([[10.0, 10, 20, 30]] * 3)
    rules = convention_of('lasher')
    assert score_track(boxes, {'thermal': boxes + 90, 'rgb': boxes}, convention=rules).pr == 1.0
    assert score_track(boxes, {'rgb': boxes + 90, 'both': boxes}, convention=rules).pr == 1.0
    for none in ({}, {'radar': boxes}):
        with pytest.raises(InputError, match='boxes of both, rgb or thermal are needed'):
            score_track(boxes, none, convention=rules)


def test_lasher_takes_absent_frames_as_precise_and_as_no_success():
    truth = np.array([[10.0, 10, 20, 30]] * 4)
    results = truth.copy()
    truth[2] = 0
    scores = score_track(results, truth, convention=convention_of('lasher'))
    assert (scores.pr, scores.npr) == (1.0, 1.0)
    assert scores.sr == pytest.approx(3 / 4 * 20 / 21)


def test_lasher_repeats_results_without_sides():
    truth = np.array([[10.0, 10, 20, 30]] * 4)
    results = truth.copy()
    results[1:3] = [[500, 500, 0, 0], [500, 500, -3, 5]]
    assert score_track(results, truth, convention=convention_of('lasher')).pr == 1.0
    assert score_track(results, truth, convention=convention_of('rgbt210')).pr == 0.5


def test_gtot_counts_frames_and_wants_errors_below_five_pixels():
    truth = np.array([[10.0, 10, 20, 30]] * 2)
    at, under = (truth + np.array([by, 0, 0, 0]) for by in (5, 4.9))
    rules = convention_of('gtot')
    assert score_track(at, truth, convention=rules).pr == 0.0
    assert score_track(under, truth, convention=rules).pr == 1.0
    short = track_curves(at, truth, convention=rules)
    long = track_curves(np.tile(under, (3, 1)), np.tile(truth, (3, 1)), convention=rules)
    assert mean_curves([short, long], rules).scores(rules).pr == pytest.approx(6 / 8)
    other = convention_of('rgbt234')
    assert mean_curves([short, long], other).scores(other).frames == 8


@given(_TRACK, st.sampled_from(sorted(CONVENTIONS)), st.booleans())
def test_scores_are_shares_whatever_the_rules(frames, name, as_rgbt):
    results, truth, use = (np.array(part) for part in zip(*frames, strict=True))
    rules = CONVENTIONS[name].as_rgbt() if as_rgbt else CONVENTIONS[name]
    curves = track_curves(results, {'rgb': truth, 'thermal': truth + 1}, use, rules)
    if curves.frames:
        assert (np.diff(curves.success) <= 0).all()
        assert (np.diff(curves.precision) >= 0).all()
        assert (np.diff(curves.normalized) >= 0).all()
        scores = curves.scores(rules)
        assert all(0 <= value <= 1 for value in (scores.sr, scores.pr, scores.npr))


_ODD = st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e20, 1e14, 0.0, 1e-300, 40.0])
_ODD_BOX = st.tuples(_ODD, _ODD, _ODD, _ODD)


@pytest.mark.filterwarnings('error')
@given(st.lists(st.tuples(_ODD_BOX, _ODD_BOX), min_size=2, max_size=6),
       st.sampled_from(sorted(CONVENTIONS)), st.booleans())
def test_odd_boxes_give_shares_without_warnings(frames, name, as_rgbt):
    results, truth = (np.array(part) for part in zip(*frames, strict=True))
    rules = CONVENTIONS[name].as_rgbt() if as_rgbt else CONVENTIONS[name]
    scores = score_track(results, {'rgb': truth, 'thermal': truth[::-1]}, convention=rules)
    if scores.frames:
        assert all(0 <= value <= 1 for value in (scores.sr, scores.pr, scores.npr))


@given(_TRACK, st.sampled_from(sorted(CONVENTIONS)))
def test_scoring_leaves_its_input_alone(frames, name):
    results, truth, _ = (np.array(part) for part in zip(*frames, strict=True))
    before = results.copy(), truth.copy()
    score_track(results, truth, convention=CONVENTIONS[name])
    np.testing.assert_array_equal(results, before[0])
    np.testing.assert_array_equal(truth, before[1])


def test_datasets_without_rules_are_named():
    with pytest.raises(InputError, match=r'--dataset nfs has no scoring rules: give folder'):
        convention_of('nfs')
