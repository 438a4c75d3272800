# SPDX-License-Identifier: Apache-2.0
"""The way from messages to the target without ROS: failover, misses and predictions as told."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from mock_model import write_bundle
import numpy as np
import pytest
from scenes import SIDE, images

from rgbt_tracker_ros.bags.types import MessageTypes
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.synchronizer import Pair
from rgbt_tracker_ros.inference.backend import Choice
from rgbt_tracker_ros.pipeline.header import seconds
from rgbt_tracker_ros.pipeline.messages import detection_array
from rgbt_tracker_ros.pipeline.pipeline import Outcome, Pipeline
from rgbt_tracker_ros.pipeline.report import frame_parts
from rgbt_tracker_ros.pipeline.requests import Answer, ResetRequest, StartRequest
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.result import State
from rgbt_tracker_ros.tracking.tracker import Tracker

sensor, std, builtin, vision = map(MessageTypes, (
    'sensor_msgs', 'std_msgs', 'builtin_interfaces', 'vision_msgs'))
FRAME = 1 / 30
PREDICTING = Settings.from_flat({'target.predict_to_now': True})


class Film:
    """A pipeline that is shown a target going to the right, 3 pixels a frame."""

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        self.answers: list[Answer] = []
        tracker = Tracker.from_model(write_bundle(folder / 'mock'))
        self.pipeline = Pipeline(tracker, settings, self.answers.append)
        self.number = 0

    def start(self) -> Outcome:
        self.pipeline.inbox.put(StartRequest('test', Box(40, 100, SIDE, SIDE), 0.0))
        return self.show()

    def show(self, rgb: str = 'good', thermal: str = 'good') -> Outcome:
        pixels = dict(zip(('rgb', 'thermal'), images(40 + 3 * self.number, number=self.number),
                          strict=True))
        stamp = 100 + self.number * FRAME
        self.number += 1
        messages = {camera: message(pixels[camera], stamp, condition)
                    for camera, condition in (('rgb', rgb), ('thermal', thermal))}
        pair: Pair[Any, Any] = Pair(messages['rgb'], messages['thermal'], stamp, 0.0)
        return self.pipeline.rated(self.pipeline.process(pair, self.settings, fused=False))


def header(stamp: float) -> Any:
    return std.Header(stamp=builtin.Time(
        sec=int(stamp), nanosec=round((stamp - int(stamp)) * 1e9)), frame_id='camera')


def message(pixels: np.ndarray, stamp: float, condition: str) -> Any:
    if condition == 'silent':
        return None
    shown = np.zeros_like(pixels) if condition == 'black' else pixels
    if condition == 'dark':
        shown = np.random.default_rng(round(stamp * 30)).integers(0, 9, pixels.shape, np.uint8)
    return sensor.Image(
        header=header(stamp), height=pixels.shape[0], width=pixels.shape[1],
        encoding='rgb8' if pixels.ndim == 3 else 'mono8', data=shown.reshape(-1),
        step=1 if condition == 'garbage' else pixels[0].size)


def part(outcome: Outcome, name: str) -> dict[str, str]:
    return next(item for item in frame_parts(outcome, {}, {}) if item.name == name).texts()


def test_the_status_tells_state_use_and_reliability_of_each_camera(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.start()
    assert part(film.show(), 'rgb camera')['used'] == 'True'
    outcome = film.show(rgb='black')
    assert part(outcome, 'target')['mode'] == 'thermal'
    assert part(outcome, 'rgb camera') == {'state': 'blank', 'reliability': '0', 'used': 'False'}
    thermal = part(outcome, 'thermal camera')
    assert (thermal['state'], thermal['used']) == ('ok', 'True')
    assert 0.0 < float(thermal['reliability']) <= 1.0
    outcome = film.show()
    assert outcome.health['rgb'].reason == 'rgb: was blank, 1 of 3 good images since'
    assert part(outcome, 'rgb camera')['used'] == 'False'


def test_a_camera_that_shows_little_stays_in_use_and_is_named(tmp_path: Path) -> None:
    film = Film(tmp_path)
    dark = film.show(rgb='dark')
    shown = {item.name: item for item in frame_parts(dark, {}, {})}['rgb camera']
    assert shown.message == 'rgb: ok, but shows little'
    assert (shown.level, shown.values['used']) == (0, True)


def test_a_target_is_lost_while_no_camera_shows_anything(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.start()
    film.show()
    states = [film.show('black', 'garbage').state for _ in range(6)]
    assert states == [State.TRACKING] * 4 + [State.LOST] * 2
    outcome = film.show('good', 'good')
    assert part(outcome, 'target')['mode'] == 'rgbt', 'used at once'
    for _ in range(30):
        outcome = film.show()
    assert outcome.state is State.TRACKING


def test_an_unreadable_stream_is_unfit_and_does_not_flicker(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.start()
    modes = [part(film.show(thermal=condition), 'target')['mode']
             for condition in ('good', 'garbage') * 4 + ('good',) * 4]
    assert modes == ['rgbt'] + ['rgb'] * 9 + ['rgbt'] * 2
    assert film.show(thermal='garbage').health['thermal'].state.value == 'unfit'


def test_the_second_detection_tells_where_the_target_is_by_now(tmp_path: Path) -> None:
    film = Film(tmp_path, PREDICTING)
    film.start()
    for _ in range(20):
        outcome = film.show()
    assert outcome.motion is not None
    now = header(seconds(outcome.header.stamp) + 0.1)
    prediction = outcome.motion.at(seconds(now.stamp))
    assert prediction is not None
    array = detection_array(vision, outcome.header, outcome.result, outcome.target_id,
                            (now, prediction))
    measured, predicted = array.detections
    assert (measured.id, predicted.id) == ('1', '1/predicted')
    assert measured.header == array.header == outcome.header
    assert predicted.header == now
    assert predicted.bbox.center.position.x - measured.bbox.center.position.x == \
        pytest.approx(9, abs=3)
    scores = [item.results[0].hypothesis.score for item in (measured, predicted)]
    assert 0.0 < scores[1] < scores[0]
    assert predicted.results[0].hypothesis.class_id == 'target_predicted'


def test_there_is_no_motion_unless_asked_for_and_tracked(tmp_path: Path) -> None:
    film = Film(tmp_path)
    film.start()
    assert film.show().motion is None
    film.settings = PREDICTING
    assert film.show().motion is not None
    for _ in range(5):
        outcome = film.show('black', 'black')
    assert (outcome.state, outcome.motion) == (State.LOST, None)
    while film.show().state is not State.TRACKING:
        assert film.number < 80
    assert film.show().motion is not None
    film.pipeline.inbox.put(ResetRequest('test'))
    assert film.show().motion is None
    assert detection_array(vision, header(1), None, '').detections == []


def test_the_status_says_while_another_run_time_stands_in(tmp_path):
    film = Film(tmp_path)
    assert 'backend' not in [part.name for part in frame_parts(film.start(), {}, {})]
    film.pipeline._tracker.backend.choice = Choice('asked tensorrt, runs onnxruntime', True)
    part = frame_parts(film.show(), {}, {})[-1]
    assert (part.name, part.message) == ('backend', 'asked tensorrt, runs onnxruntime')
