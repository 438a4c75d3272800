# SPDX-License-Identifier: Apache-2.0
"""Calibration of scores: its error, its fit, and which frames count."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.groundtruth import Truth
from rgbt_tracker_ros.benchmark.judged import calibration_figures, judge, pooled
from rgbt_tracker_ros.benchmark.lost_threshold import THRESHOLDS, lost_threshold, worths
from rgbt_tracker_ros.benchmark.metrics import convention_of
from rgbt_tracker_ros.benchmark.metrics.calibration import (
    LEAST_SCALE,
    MOST_SCALE,
    Line,
    diagram,
    even_error,
    expected_error,
    fit,
    held_out,
    recalibrated,
    refit,
)
from rgbt_tracker_ros.benchmark.score_calibration import GOOD, Tracked, improve
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.bundle import Calibration
from rgbt_tracker_ros.settings import TargetSettings
from rgbt_tracker_ros.tracking.decoding import calibrated

SCORES = arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1))
BOX = (10.0, 10.0, 20.0, 40.0)
FAR = (200.0, 10.0, 20.0, 40.0)


def _draw(count: int, scale: float, bias: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, count)
    right = rng.random(count) < 1 / (1 + np.exp(-(scale * odds + bias)))
    return 1 / (1 + np.exp(-odds)), right


def _judged(name: str, scores, right):
    boxes = np.array([BOX if good else FAR for good in (True, *right)])
    truth = Truth(name, {'both': np.tile(BOX, (len(boxes), 1))})
    return judge(truth, boxes, np.array([1.0, *scores]))


def test_calibration_recovers_a_known_curve():
    scores, right = _draw(20000, 1.7, -0.6)
    line = fit(scores, right)
    assert line == (pytest.approx(1.7, abs=0.1), pytest.approx(-0.6, abs=0.1))
    assert expected_error(recalibrated(scores, line), right) < 0.02
    assert expected_error(1 - recalibrated(scores, line), right) > 0.3


def test_separable_scores_stay_finite():
    scale, bias = fit(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    assert np.isfinite([scale, bias]).all()
    assert scale > 0


def test_a_confidence_never_falls_with_the_score():
    line = fit(np.array([0.1, 0.2, 0.8, 0.9] * 50), np.array([True, True, False, False] * 50))
    assert line.scale == LEAST_SCALE


@given(SCORES, st.data())
def test_any_fit_is_finite_and_rises(scores, data):
    right = data.draw(arrays(np.bool_, len(scores)))
    line = refit(scores, right)
    assert np.isfinite(line).all()
    assert LEAST_SCALE <= line.scale <= MOST_SCALE
    after = recalibrated(np.sort(scores), line)
    assert ((after >= 0) & (after <= 1)).all()
    assert (np.diff(after) >= 0).all()
    assert (recalibrated(np.zeros(3), line) == 0).all()


def test_the_fit_of_nothing_changes_nothing():
    assert refit(np.zeros(0), np.zeros(0, bool)) == Line()
    assert refit(np.zeros(9), np.zeros(9, bool)) == Line()


@given(st.integers(2, 2000), st.booleans())
def test_scores_that_are_all_alike_become_the_share_that_is_right(count, first):
    right = np.arange(count) % 2 == int(first)
    after = recalibrated(np.full(count, 0.9), fit(np.full(count, 0.9), right))
    assert after.mean() == pytest.approx(right.mean(), abs=0.3 if count < 50 else 0.02)


@given(SCORES, st.data())
def test_the_error_is_a_share_and_at_least_the_bias_of_the_mean(scores, data):
    right = data.draw(arrays(np.bool_, len(scores)))
    error = expected_error(scores, right)
    assert abs(scores.mean() - right.mean()) - 1e-9 <= error <= 1
    assert abs(scores.mean() - right.mean()) - 1e-9 <= even_error(scores, right) <= 1
    order = np.random.default_rng(len(scores)).permutation(len(scores))
    assert expected_error(scores[order], right[order]) == pytest.approx(error)
    bars = diagram(scores, right)
    assert sum(bar.frames for bar in bars) == len(scores)
    assert all(bar.low - 1e-12 <= bar.confidence <= bar.high + 1e-12 for bar in bars)


def test_the_error_of_certain_scores():
    right = np.array([True, False, True, False])
    assert expected_error(right.astype(float), right) == 0
    assert expected_error(1.0 - right, right) == 1
    assert expected_error(np.full(4, 0.5), right) == 0
    for error in (expected_error, even_error):
        assert np.isnan(error(np.zeros(0), np.zeros(0, bool)))


def test_even_bins_tell_high_scores_apart():
    scores = np.repeat([0.91, 0.99], 500)
    right = np.arange(1000) % 20 > 0        # 95 % of both
    assert expected_error(scores, right) == pytest.approx(0)
    assert even_error(scores, right) == pytest.approx(0.04)


@given(st.floats(0.1, 5), st.floats(-3, 3), st.floats(0.1, 5), st.floats(-3, 3),
       st.floats(0.05, 0.95))
def test_lines_add_up_to_what_the_tracker_does(scale, bias, more, shift, raw):
    before, after = Line(scale, bias), Line(more, shift)
    published = calibrated(raw, Calibration(*before))
    if not 1e-5 < published < 1 - 1e-5:
        return
    assert calibrated(raw, Calibration(*after.after(before))) == pytest.approx(
        recalibrated(np.array([published]), after)[0], abs=1e-6)


def test_a_held_out_track_has_no_say_in_its_own_calibration():
    scores, right = _draw(4000, 1.5, -1.0)
    odd = np.zeros(4000, bool)
    found = held_out([scores, scores, scores], [right, odd, odd], ['a', 'b', 'b'])
    assert expected_error(found[1], right) < 0.03     # fitted on a alone
    assert found[0].mean() < 0.02                     # fitted on b, where nothing is right
    assert (held_out([scores], [right], ['a'])[0] == recalibrated(scores, Line())).all()


def test_what_counts_and_what_is_right():
    nan = (np.nan,) * 4
    truth = np.array([BOX, BOX, BOX, nan, BOX, (10.0, 10.0, 0.0, 0.0)])
    boxes = np.array([BOX, BOX, FAR, BOX, BOX, BOX])
    use = np.array([True, True, True, True, False, True])
    run = judge(Truth('a', {'both': truth}, use=use), boxes, np.full(6, 0.5))
    assert run.counts.tolist() == [False, True, True, True, True, True]
    assert run.right[1:].tolist() == [True, False, False, False, False]
    # A benchmark has not looked at frames without numbers.
    other = judge(Truth('a', {'both': truth}), boxes, np.full(6, 0.5), convention_of('lasher'))
    assert other.counts.tolist() == [False, True, True, False, True, True]


def test_the_better_of_two_truths_counts_where_the_benchmark_says_so():
    truth = Truth('a', {'rgb': np.array([BOX, FAR]), 'thermal': np.array([BOX, BOX])})
    boxes, scores = np.array([BOX, BOX]), np.array([1.0, 0.7])
    assert judge(truth, boxes, scores, convention_of('rgbt234')).right[1]
    assert not judge(truth, boxes, scores).right[1]


@pytest.mark.parametrize('scores', [[1.0], [1.0, 1.5], [1.0, np.nan]])
def test_scores_that_are_none_are_refused(scores):
    with pytest.raises(InputError, match='evaluate it again'):
        judge(Truth('a', {'both': np.array([BOX, BOX])}), np.array([BOX, BOX]), np.array(scores))


def test_figures_of_nothing_are_none():
    assert calibration_figures([]) is None
    assert calibration_figures([_judged('a', [], [])]) is None
    figures = calibration_figures([_judged('a', [0.8, 0.8], [True, False])])
    assert figures is not None
    assert (figures['frames'], figures['right']) == (2, 0.5)
    assert figures['ece'] == pytest.approx(0.3)


def test_the_threshold_follows_from_what_a_wrong_box_costs():
    assert [lost_threshold(cost) for cost in (1.0, 3.0)] == [0.5, 0.75]
    rng = np.random.default_rng(0)
    # Stretches of 20 frames with one score, which is the chance to be right.
    scores = np.repeat(rng.random(800), 20)
    run = _judged('a', scores, rng.random(len(scores)) < scores)
    settings = TargetSettings(found_threshold=0.0, lost_frames=1)
    for cost in (0.25, 1.0, 3.0):
        found = worths([run], settings, cost)
        assert [each.threshold for each in found] == list(THRESHOLDS)
        best = max(found, key=lambda each: each.worth).threshold
        assert best == pytest.approx(lost_threshold(cost), abs=0.051)
        wrong = [each.published_wrong for each in found]
        assert wrong == sorted(wrong, reverse=True)


def _tracked(line: Line, seed: int = 0) -> list[Tracked]:
    """Act as a tracker whose raw scores need scale 1.7 and bias -0.6."""
    raw, right = _draw(3000, 1.7, -0.6, seed)
    return [Tracked('all', ('all', 'a'), _judged('a', recalibrated(raw, line), right), 0.5)]


def test_improving_goes_on_until_the_error_is_good():
    tried: list[Line] = []

    def track_with(line: Line) -> list[Tracked]:
        tried.append(line)
        return _tracked(line)

    found = improve(track_with, Line(0.5, 1.0))
    assert tried == [Line(0.5, 1.0), found.line]
    assert found.line == (pytest.approx(1.7, abs=0.15), pytest.approx(-0.6, abs=0.15))
    assert expected_error(*pooled(each.judged for each in found.after)) < GOOD


def test_a_calibration_that_makes_it_worse_is_not_kept():
    def track_with(line: Line) -> list[Tracked]:
        # The tracker follows something else as soon as its scores change.
        return _tracked(line) if line == Line(1.7, -0.6) else [Tracked(
            'all', ('all', 'a'), _judged('a', [0.9] * 100, [False] * 100), 0.1)]

    found = improve(track_with, Line(1.7, -0.6))
    assert found.line == Line(1.7, -0.6)
    assert found.after is found.before


def test_nothing_annotated_is_refused():
    with pytest.raises(InputError, match='no frame of it is annotated'):
        improve(lambda line: [Tracked('all', ('all', 'a'), _judged('a', [], []), np.nan)], Line())
