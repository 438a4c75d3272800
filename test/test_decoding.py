# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from rgbt_tracker_ros.inference.backend import SearchMaps
from rgbt_tracker_ros.inference.bundle import Calibration
from rgbt_tracker_ros.tracking.decoding import calibrated, decode, hann, peaks


def _maps(score: np.ndarray, w: float = 0.2, h: float = 0.4) -> SearchMaps:
    cells = score.shape[0]
    size = np.stack([np.full((cells, cells), w), np.full((cells, cells), h)]).astype(np.float32)
    offset = np.stack([np.full((cells, cells), 0.25), np.full((cells, cells), 0.75)])
    return SearchMaps(score.astype(np.float32), size, offset.astype(np.float32))


def test_column_is_x_and_row_is_y() -> None:
    score = np.zeros((16, 16))
    score[3, 10] = 0.8
    peak = decode(_maps(score))
    assert (peak.cx, peak.cy) == pytest.approx((10.25 / 16, 3.75 / 16))
    assert (peak.w, peak.h) == pytest.approx((0.2, 0.4))
    assert peak.score == pytest.approx(0.8)


def test_the_window_favours_the_centre_and_leaves_the_score_raw() -> None:
    score = np.zeros((16, 16))
    score[0, 0] = 0.9
    score[8, 8] = 0.8
    assert decode(_maps(score), 0.0).score == pytest.approx(0.9)
    near = decode(_maps(score), 0.5)
    assert near.score == pytest.approx(0.8)
    assert near.cx > 0.5


def test_the_rival_is_the_best_cell_away_from_the_peak() -> None:
    score = np.zeros((16, 16))
    score[8, 8], score[8, 10], score[2, 2] = 0.9, 0.85, 0.6
    assert decode(_maps(score)).rival == pytest.approx(0.6)


@given(arrays(np.float32, (2, 8, 8), elements=st.floats(-2, 2, width=32)),
       arrays(np.float32, (8, 8), elements=st.floats(0, 1, width=32)), st.floats(0, 1))
def test_any_finite_maps_give_a_usable_peak(
        size: np.ndarray, score: np.ndarray, weight: float) -> None:
    peak = decode(SearchMaps(score, size, np.zeros((2, 8, 8), np.float32)), weight)
    assert 0 < peak.w <= 1
    assert 0 < peak.h <= 1
    assert 0 <= peak.rival <= 1
    assert 0 <= peak.score <= 1


def test_a_target_between_two_cells_is_found_between_them() -> None:
    """Each cell's own box is drawn to its middle: their mean does not swing with the choice."""
    places = []
    for left, right in ((0.8, 0.79), (0.79, 0.8)):
        score = np.zeros((16, 16))
        score[8, 7], score[8, 8] = left, right
        places.append(decode(_maps(score)).cx)
    assert places == pytest.approx([7.75 / 16] * 2, abs=1e-3)


def test_a_weak_neighbour_has_no_say() -> None:
    score = np.zeros((16, 16))
    score[8, 7], score[8, 8] = 0.8, 0.39
    assert decode(_maps(score)).cx == pytest.approx(7.25 / 16)


def test_the_peaks_come_in_order_and_no_more_than_asked_for() -> None:
    score = np.full((16, 16), 0.01)
    score[2, 2], score[3, 2], score[8, 8], score[14, 3], score[12, 12] = 0.5, 0.4, 0.9, 0.04, 0.3
    assert [peak.score for peak in peaks(_maps(score), 0.05, 6)] == pytest.approx([0.9, 0.5, 0.3])
    assert [peak.score for peak in peaks(_maps(score), 0.05, 2)] == pytest.approx([0.9, 0.5])
    assert len(peaks(_maps(score), 0.95, 6)) == 1


@given(arrays(np.float32, (8, 8), elements=st.floats(0, 1, width=32)), st.floats(0, 1))
def test_the_first_peak_is_the_best_cell(score: np.ndarray, least: float) -> None:
    found = peaks(_maps(score), least, 6)
    assert 1 <= len(found) <= 6
    assert found[0] == decode(_maps(score))


def test_the_window_is_symmetric_positive_and_one_at_most() -> None:
    window = hann(16)
    assert window.max() == 1.0
    assert window.min() > 0
    np.testing.assert_allclose(window, window[::-1, ::-1])


def test_no_calibration_changes_nothing() -> None:
    assert calibrated(0.37, Calibration()) == 0.37


@given(st.floats(0, 1), st.floats(0.01, 100), st.floats(-100, 100))
def test_calibrated_scores_stay_in_range(raw: float, scale: float, bias: float) -> None:
    assert 0 <= calibrated(raw, Calibration(scale, bias)) <= 1


def test_calibration_follows_its_formula() -> None:
    raw, scale, bias = 0.8, 2.0, -0.5
    expected = 1 / (1 + np.exp(-(scale * np.log(raw / (1 - raw)) + bias)))
    assert calibrated(raw, Calibration(scale, bias)) == pytest.approx(expected)
    assert calibrated(0.6, Calibration(scale, bias)) < calibrated(0.7, Calibration(scale, bias))
