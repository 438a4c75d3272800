# SPDX-License-Identifier: Apache-2.0
"""Registration: good homographies are kept, bad ones refused with the reason."""
from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.registration import thermal_to_rgb
from rgbt_tracker_ros.settings import RegistrationSettings

small = st.floats(-1e-4, 1e-4)
shear = st.floats(-0.1, 0.1)
scale = st.floats(0.2, 5)
shift = st.floats(-800, 800)


def test_same_view_needs_no_homography() -> None:
    assert thermal_to_rgb(RegistrationSettings()) is None


def test_homography_is_row_major_and_scaled_to_one() -> None:
    matrix = thermal_to_rgb(RegistrationSettings((4, 0, 20, 0, 6, -10, 0, 0, 2)))
    assert np.array_equal(matrix, [[2, 0, 10], [0, 3, -5], [0, 0, 1]])
    point = matrix @ (100, 50, 1)
    assert tuple(point[:2] / point[2]) == (210, 145)


@given(st.tuples(scale, shear, shift, shear, scale, shift, small, small))
def test_any_plausible_view_is_taken_and_can_be_inverted(numbers: tuple[float, ...]) -> None:
    matrix = thermal_to_rgb(RegistrationSettings((*numbers, 1.0)))
    assert matrix is not None
    assert np.isfinite(np.linalg.inv(matrix)).all()


@pytest.mark.parametrize(('numbers', 'message'), [
    ((0,) * 9, 'has no inverse'),
    ((1, 2, 3, 2, 4, 6, 0, 0, 1), 'has no inverse'),
    ((1, 0, 0, 0, 1, 0, 1, 0, 0), 'has no inverse'),
    ((0, 1, 0, 0, 0, 1, 1e-3, 0, 0), 'to infinity'),
    ((1, 0, 0, 0, 1, 0, 0, 0, math.nan), 'nine finite numbers'),
    ((1, 0, 0, 0, 1, 0, 0, 0, math.inf), 'nine finite numbers'),
    ((1, 0, 0, 1), 'nine finite numbers'),
])
def test_bad_homography_is_refused(numbers: tuple[float, ...], message: str) -> None:
    with pytest.raises(InputError, match=rf'registration\.homography = .*{message}'):
        thermal_to_rgb(RegistrationSettings(numbers))
