# SPDX-License-Identifier: Apache-2.0
"""Calibrated cameras: the homography agrees with the projection of points at its depth."""
from __future__ import annotations

from dataclasses import replace
import math
from typing import Any

import cv2
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.camera_model import Calibration
from rgbt_tracker_ros.imaging.registration import (
    Registration,
    plane_homography,
    rotation_matrix,
    scaled_view,
)
from rgbt_tracker_ros.settings import RegistrationSettings

angles = st.tuples(*[st.floats(-0.4, 0.4)] * 3)
shifts = st.tuples(*[st.floats(-0.5, 0.5)] * 3)
focals = st.floats(200, 1500)
depths = st.floats(1.5, 1000)


def camera(focal: float = 500, size: tuple[int, int] = (640, 480), **more: Any) -> Calibration:
    x, y = size[0] / 2 - 0.5, size[1] / 2 - 0.5
    return Calibration(size, (focal, 0, x, 0, focal, y, 0, 0, 1), (1, 0, 0, 0, 1, 0, 0, 0, 1),
                       (focal, 0, x, 0, 0, focal, y, 0, 0, 0, 1, 0), **more)


def mapped(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return cv2.perspectiveTransform(points[:, None], matrix)[:, 0]


def projected(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    seen = points @ matrix.T
    return seen[:, :2] / seen[:, 2:]


@given(focals, focals, depths, shifts, angles, st.integers(0, 99))
def test_points_at_the_depth_agree_with_the_homography(
        rgb_focal: float, thermal_focal: float, depth: float, shift: tuple[float, ...],
        turn: tuple[float, ...], seed: int) -> None:
    rgb, thermal = camera(rgb_focal).matrix(), camera(thermal_focal, (320, 256)).matrix()
    points = np.random.default_rng(seed).uniform(-0.3, 0.3, (20, 3)) * depth
    points[:, 2] = depth
    in_rgb = points @ rotation_matrix(*turn).T + shift
    homography = plane_homography(rgb, thermal, depth, shift, turn)
    assert np.allclose(mapped(homography, projected(thermal, points)), projected(rgb, in_rgb),
                       atol=1e-5)


@given(focals, focals, st.floats(2, 1000), shifts, angles)
def test_the_way_back_is_the_inverse(rgb_focal: float, thermal_focal: float, depth: float,
                                     shift: tuple[float, ...], turn: tuple[float, ...]) -> None:
    """Seen from the other camera, a plane that is parallel to both is at another depth."""
    rgb, thermal = camera(rgb_focal).matrix(), camera(thermal_focal).matrix()
    roll = (0.0, 0.0, turn[2])                    # about the axis: the plane faces both cameras
    there = plane_homography(rgb, thermal, depth, shift, roll)
    back = plane_homography(thermal, rgb, depth + shift[2],
                            -rotation_matrix(*roll).T @ np.array(shift), (0, 0, -turn[2]))
    both = there @ back
    assert np.allclose(both / both[2, 2], np.eye(3), atol=1e-6)


@given(angles, angles, focals, focals, focals)
def test_turned_cameras_compose(first: tuple[float, ...], second: tuple[float, ...], a: float,
                                b: float, c: float) -> None:
    """Without a shift the depth does not matter, and maps can be made one after the other."""
    one, two, three = (camera(focal).matrix() for focal in (a, b, c))
    step = plane_homography(two, one, 5, (0, 0, 0), first)
    following = plane_homography(three, two, 50, (0, 0, 0), second)
    whole = three @ rotation_matrix(*second) @ rotation_matrix(*first) @ np.linalg.inv(one)
    assert np.allclose(following @ step, whole, rtol=1e-9, atol=1e-6)


def test_angles_are_those_of_a_static_transform() -> None:
    assert np.allclose(rotation_matrix(math.pi / 2, 0, 0) @ (0, 1, 0), (0, 0, 1))
    assert np.allclose(rotation_matrix(0, math.pi / 2, 0) @ (0, 0, 1), (1, 0, 0))
    assert np.allclose(rotation_matrix(0, 0, math.pi / 2) @ (1, 0, 0), (0, 1, 0))
    # Roll first, yaw last.
    assert np.allclose(rotation_matrix(math.pi / 2, 0, math.pi / 2) @ (0, 1, 0), (0, 0, 1))


def test_a_thermal_camera_to_the_right_sees_things_further_left() -> None:
    """REP-103: x to the right; at 10 m, 0.1 m of base line are 5 px of a focal length of 500."""
    homography = plane_homography(camera().matrix(), camera().matrix(), 10, (0.1, 0, 0), (0, 0, 0))
    assert np.allclose(mapped(homography, np.array([[100.0, 200.0]])), [[105, 200]])


@given(st.integers(1, 4), st.integers(0, 200), st.integers(0, 100))
def test_what_the_driver_cuts_bins_and_scales_is_undone(binning: int, left: int,
                                                        top: int) -> None:
    whole = camera(800, (1280, 1024))
    part = replace(whole, roi=(left, top, 960, 720), binning=(binning, binning))
    size = 960 // binning, 720 // binning
    ray = np.array([[0.05, -0.02, 1.0]])
    pixel = projected(whole.matrix((1280, 1024)), ray)
    seen = projected(part.matrix(size), ray)
    assert np.allclose((seen + 0.5) * binning - 0.5 + (left, top), pixel)
    assert np.allclose(part.matrix(), part.matrix((960 / binning, 720 / binning)))
    # An image halved after it left the driver, with the CameraInfo as it was.
    assert np.allclose(projected(whole.matrix((640, 512)), ray), (pixel + 0.5) / 2 - 0.5)
    assert not part.doubt(size)


def test_images_of_another_shape_are_doubted() -> None:
    assert not camera().doubt((320, 240))
    doubt = camera().doubt((640, 360))
    assert 'CameraInfo is for images of 640x480, but they are 640x360' in doubt


def test_rectified_images_have_a_matrix_of_their_own() -> None:
    raw = replace(camera(500), p=camera(450).p, d=(-0.3, 0.1, 0, 0, 0),
                  distortion_model='plumb_bob')
    assert raw.matrix()[0, 0] == 500
    rectified = replace(raw, rectified=True)
    assert rectified.matrix()[0, 0] == 450
    assert rectified.bend((640, 480)) == (0, 0)
    assert replace(rectified, p=(0,) * 12).matrix()[0, 0] == 500


@pytest.mark.parametrize(('model', 'd'), [
    ('plumb_bob', (-0.3, 0.1, 0.001, -0.001, 0.0)),
    ('rational_polynomial', (-0.3, 0.1, 0.001, -0.001, 0.0, 0.01, 0.0, 0.0)),
    ('equidistant', (-0.02, 0.01, -0.005, 0.001))])
def test_the_lens_bends_the_border_more_than_the_centre(model: str, d: tuple[float, ...]) -> None:
    border, centre = camera(distortion_model=model, d=d).bend((640, 480))
    assert border > 10
    assert centre < border / 5
    half, _ = camera(distortion_model=model, d=d).bend((320, 240))
    assert abs(half - border / 2) < 0.3


def test_distortion_that_is_not_known() -> None:
    assert camera().bend((640, 480)) == (0, 0)
    assert camera(d=(0.0,) * 5).bend((640, 480)) == (0, 0)
    assert camera(distortion_model='own', d=(1.0, 2.0)).bend((640, 480)) is None


@pytest.mark.parametrize(('change', 'message'), [
    ({'k': (0,) * 9}, 'is not calibrated'), ({'k': (math.nan,) * 9}, 'is no camera'),
    ({'k': (500, 0, 320, 0, 0, 240, 0, 0, 1)}, 'is no camera'), ({'size': (0, 0)}, 'has no size')])
def test_what_is_no_calibration_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(camera(), **change).matrix()


SIZES = (640, 480), (320, 256)


def registration(**values: Any) -> Registration:
    return Registration(RegistrationSettings(source='camera_info', **values))


def test_until_both_calibrations_are_there_thermal_is_scaled() -> None:
    register = registration(translation=(0.1, 0.0, 0.0))
    before = register(*SIZES)
    assert before.matrix is None
    assert before.trouble
    assert 'no message on rgb/camera_info and thermal/camera_info yet' in before.text
    register.calibrate('rgb', camera())
    assert 'no message on thermal/camera_info yet' in register(*SIZES).text
    register.calibrate('thermal', replace(camera(), k=(0,) * 9))
    assert 'the thermal camera is not calibrated' in register(*SIZES).text
    register.calibrate('thermal', camera(250, (320, 256)))
    after = register(*SIZES)
    assert not after.trouble
    assert 'at 10 m' in after.text
    assert after.matrix is not None
    centre = mapped(after.matrix, np.array([[159.5, 127.5]]))
    assert np.allclose(centre, [[319.5 + 5, 239.5]])
    register.configure(RegistrationSettings())
    assert register(*SIZES).matrix is None
    assert not register(*SIZES).text


def test_the_map_follows_depth_and_image_size() -> None:
    register = registration(translation=(0.1, 0.0, 0.0))
    register.calibrate('rgb', camera())
    register.calibrate('thermal', camera())
    same = (640, 480), (640, 480)
    assert register(*same).matrix[0, 2] == pytest.approx(5)
    register.configure(RegistrationSettings(
        source='camera_info', translation=(0.1, 0.0, 0.0), depth=5.0))
    assert register(*same).matrix[0, 2] == pytest.approx(10)
    far = registration(depth=1e5)
    for name in ('rgb', 'thermal'):
        far.calibrate(name, camera())
    assert np.allclose(far((1280, 960), (320, 240)).matrix, scaled_view((320, 240), (1280, 960)))


def test_bent_images_and_foreign_calibrations_are_spoken_of() -> None:
    register = registration()
    register.calibrate('rgb', camera(distortion_model='plumb_bob', d=(-0.3, 0.1, 0, 0, 0)))
    register.calibrate('thermal', camera(250, (320, 256), distortion_model='own', d=(1.0,)))
    text = register(*SIZES).text
    assert 'rgb: its lens bends the image by' in text
    assert "thermal: distortion model 'own' with 1 coefficients is unknown" in text
    assert 'thermal: CameraInfo is for images of 320x256' in register((640, 480), (320, 200)).text
    assert register(*SIZES).trouble


def test_a_map_that_is_none_leaves_the_scaled_view() -> None:
    register = registration(rotation=(math.pi / 2, 0.0, 0.0))
    for name in ('rgb', 'thermal'):
        register.calibrate(name, camera())
    found = register((640, 480), (640, 480))
    assert found.matrix is None or np.isfinite(np.linalg.inv(found.matrix)).all()
