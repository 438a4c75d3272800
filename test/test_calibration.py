# SPDX-License-Identifier: Apache-2.0
"""The fit of the score calibration."""
from __future__ import annotations

import numpy as np
import pytest

from rgbt_tracker_ros.training.calibration import LEAST_SCALE, expected_error, fit


def test_calibration_recovers_a_known_curve():
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 2, 20000)
    right = rng.random(20000) < 1 / (1 + np.exp(-(1.7 * logit - 0.6)))
    scale, bias = fit(1 / (1 + np.exp(-logit)), right)
    assert (scale, bias) == (pytest.approx(1.7, abs=0.1), pytest.approx(-0.6, abs=0.1))
    confidence = 1 / (1 + np.exp(-(scale * logit + bias)))
    assert expected_error(confidence, right) < 0.02
    assert expected_error(1 - confidence, right) > 0.3


def test_calibration_of_separable_scores_stays_finite():
    scale, bias = fit(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True]))
    assert np.isfinite([scale, bias]).all()
    assert scale > 0


def test_calibration_never_turns_scores_round():
    scale, _ = fit(np.array([0.1, 0.2, 0.8, 0.9] * 50), np.array([True, True, False, False] * 50))
    assert scale == LEAST_SCALE
