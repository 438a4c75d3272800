# SPDX-License-Identifier: Apache-2.0
"""Where the target is by now: motion is carried on, noise and standing still are not."""
from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.tracking.prediction import HORIZON_S, Motion, MotionModel

VIEW = (640, 480)
FRAME = 1 / 30
SIDE = 40.0


def walked(speed: float, frames: int = 30, noise: float = 0.0, frame: float = FRAME,
           start: float = 100.0, seed: int = 0) -> MotionModel:
    """Return the model of a target that went to the right with a speed in pixels per second."""
    model, rng = MotionModel(), np.random.default_rng(seed)
    for number in range(frames):
        x, y = rng.normal(0, noise, 2)
        model.update(5 + number * frame, Box(start + speed * number * frame + x, 200 + y, SIDE,
                                             SIDE), VIEW)
    return model


def motion(model: MotionModel) -> Motion:
    assert model.motion is not None
    return model.motion


def ahead(model: MotionModel, seconds: float) -> float:
    """Return how many pixels to the right the prediction lies."""
    now = motion(model)
    prediction = now.at(now.stamp + seconds)
    assert prediction is not None
    return prediction.box.cx - now.box.cx


@pytest.mark.parametrize('frame', [1 / 60, 1 / 30, 1 / 9])
@pytest.mark.parametrize('speed', [-60.0, 30.0, 120.0])
def test_a_moving_target_is_carried_on(frame: float, speed: float) -> None:
    model = walked(speed, frames=round(1.5 / frame), frame=frame, start=300)
    assert ahead(model, 0.1) == pytest.approx(0.1 * speed, rel=0.3)
    assert abs(ahead(model, 0.4)) < 0.4 * abs(speed), 'damped'


def test_a_still_target_stays_where_it_is() -> None:
    for seed in range(20):
        assert abs(ahead(walked(0.0, noise=1.5, seed=seed), 0.1)) < 1.5


def test_prediction_helps_while_walking_and_does_not_hurt_while_standing() -> None:
    gains = {}
    for speed in (0.0, 80.0):
        before, after = [], []
        for seed in range(40):
            now = motion(walked(speed, noise=1.0, seed=seed))
            truth = Box(100 + speed * (29 * FRAME + 0.1), 200, SIDE, SIDE)
            predicted = now.at(now.stamp + 0.1)
            assert predicted is not None
            before.append(now.box.iou(truth))
            after.append(predicted.box.iou(truth))
        gains[speed] = np.mean(after) - np.mean(before)
    assert gains[80.0] > 0.1
    assert gains[0.0] > -0.01


def test_trust_halves_over_the_horizon_and_ends_there() -> None:
    now = motion(walked(50))
    at_once, last = now.at(now.stamp), now.at(now.stamp + HORIZON_S - 1e-6)
    assert at_once is not None
    assert last is not None
    assert at_once.trust == 1.0
    assert at_once.box == now.box
    assert last.trust == pytest.approx(0.5, abs=1e-3)
    assert now.at(now.stamp + HORIZON_S + 1e-3) is None
    assert now.at(now.stamp - 1e-3) is None, 'a clock behind that of the images'
    assert now.at(math.nan) is None


def test_what_makes_the_past_worthless_begins_anew() -> None:
    for stamp, box, view in ((4.0, Box(220, 200, SIDE, SIDE), VIEW),
                             (9.0, Box(220, 200, SIDE, SIDE), VIEW),
                             (6.0, Box(500, 20, SIDE, SIDE), VIEW),
                             (6.0, Box(440, 400, SIDE, SIDE), (1280, 960))):
        model = walked(120.0)
        assert ahead(model, 0.1) > 8
        model.update(stamp, box, view)
        assert ahead(model, 0.1) == 0.0
    model = walked(120.0)
    model.reset()
    assert model.motion is None


def test_a_lost_frame_does_no_harm() -> None:
    model = MotionModel()
    for number in (0, 1, 2, 4, 5, 9, 10, 11, 12, 15, 16, 17, 20, 21, 22):
        model.update(number * FRAME, Box(100 + 3 * number, 200, SIDE, SIDE), VIEW)
    assert ahead(model, 0.1) == pytest.approx(9, rel=0.3)


BOXES = st.builds(Box, st.floats(-50, 700), st.floats(-50, 500), st.floats(2, 700),
                  st.floats(2, 500))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.2, 0.7), BOXES), min_size=1, max_size=40),
       st.floats(0, HORIZON_S))
def test_it_is_always_inside_the_image(
        steps: list[tuple[float, Box]], horizon: float) -> None:
    model, stamp = MotionModel(), 1.7e9
    for step, box in steps:
        stamp += step
        model.update(stamp, box, VIEW)
        prediction = motion(model).at(stamp + horizon)
        if prediction is None:
            assert horizon > HORIZON_S - 1e-6, 'rounding of large stamps'
            continue
        box = prediction.box
        assert all(map(math.isfinite, box))
        assert box.x >= 0
        assert box.y >= 0
        assert box.w > 0
        assert box.h > 0
        assert box.x + box.w <= VIEW[0] + 1e-6
        assert box.y + box.h <= VIEW[1] + 1e-6
        assert 0.5 <= prediction.trust <= 1.0
