# SPDX-License-Identifier: Apache-2.0
"""Camera health: each fault is noticed, named, and left only after good images."""
from __future__ import annotations

import numpy as np
import pytest

from rgbt_tracker_ros.imaging.health import CameraHealth, CameraState
from rgbt_tracker_ros.settings import HealthSettings

FRAME = 1 / 30


def noisy(seed: int, shape: tuple[int, ...] = (48, 64), dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(20, 200, shape).astype(dtype)


def healthy() -> CameraHealth:
    camera = CameraHealth('thermal', HealthSettings())
    assert camera.update(noisy(90), 1.0 - FRAME).usable
    assert camera.update(noisy(0), 1.0).usable
    return camera


def test_missing_until_the_first_image() -> None:
    camera = CameraHealth('rgb', HealthSettings())
    assert camera.check(100.0).state is CameraState.MISSING
    assert camera.check(100.0).reason == 'rgb: no image yet'
    assert not camera.check(100.0).usable
    assert camera.update(noisy(0), 100.0).state is CameraState.OK
    camera.reset()
    assert camera.check(100.0).state is CameraState.MISSING


@pytest.mark.parametrize(('shape', 'dtype'), [
    ((48, 64), np.uint8), ((512, 640), np.uint16), ((480, 640, 3), np.uint8), ((1, 1, 3), np.uint8)
])
def test_frozen_from_the_third_identical_image(shape: tuple[int, ...], dtype: type) -> None:
    camera = CameraHealth('thermal', HealthSettings(blank=0.0))
    image = noisy(1, shape, dtype)
    states = [camera.update(image.copy(), 1 + i * FRAME).state for i in range(5)]
    assert states == [CameraState.OK] * 2 + [CameraState.FROZEN] * 3
    assert camera.check(1.1).reason == 'thermal: 5 identical images'


def test_a_small_moving_object_is_no_freeze() -> None:
    """Compressed video may leave everything else untouched."""
    camera = CameraHealth('rgb', HealthSettings())
    still = noisy(2, (480, 640, 3))
    for i in range(30):
        image = still.copy()
        image[101, 200 + i] = 255
        assert camera.update(image, i * FRAME).usable


def test_a_buffer_used_again_is_no_freeze() -> None:
    camera = CameraHealth('rgb', HealthSettings())
    buffer = np.empty((48, 64), np.uint8)
    for i in range(10):
        buffer[:] = noisy(i)
        assert camera.update(buffer, i * FRAME).usable


@pytest.mark.parametrize(('image', 'state', 'reason'), [
    (np.full((48, 64), 30, np.uint8), CameraState.BLANK, 'standard deviation 0.0 is under 1'),
    (np.full((48, 64, 3), (200, 10, 10), np.uint8), CameraState.BLANK, 'blank'),
    (np.full((48, 64), 8000, np.uint16), CameraState.BLANK, 'blank'),
    (np.full((48, 64, 3), 255, np.uint8), CameraState.SATURATED, 'saturated'),
    (np.full((48, 64), 16383, np.uint16), CameraState.SATURATED, 'saturated'),
    (np.zeros((0, 64), np.uint8), CameraState.BLANK, 'empty'),
])
def test_a_useless_image_is_noticed_at_once(
        image: np.ndarray, state: CameraState, reason: str) -> None:
    health = healthy().update(image, 1 + FRAME)
    assert health.state is state
    assert reason in health.reason
    assert not health.usable


def test_glare_over_most_of_the_image_is_saturation_and_over_half_is_not() -> None:
    glare = noisy(3)
    glare[:46] = 255
    assert healthy().update(glare, 1.1).state is CameraState.SATURATED
    half = noisy(3)
    half[:24] = 255
    assert healthy().update(half, 1.1).usable


def test_recovery_takes_good_images_in_a_row() -> None:
    camera = healthy()
    blank = np.zeros((48, 64), np.uint8)
    sequence = [blank, noisy(1), noisy(2), blank, noisy(3), noisy(4), noisy(5), noisy(6)]
    states = [camera.update(image, 1 + i * FRAME) for i, image in enumerate(sequence)]
    assert [health.usable for health in states] == [False] * 6 + [True] * 2
    assert states[2].state is CameraState.BLANK
    assert states[2].reason == 'thermal: was blank, 2 of 3 good images since'
    assert states[6].reason == 'thermal: ok'


def test_silence_makes_stale_and_is_recovered_from() -> None:
    camera = healthy()
    assert camera.check(1.4).usable
    health = camera.check(1.8)
    assert health.state is CameraState.STALE
    assert health.reason == 'thermal: no image for 0.8 s'
    usable = [camera.update(noisy(i), 2 + i * FRAME).usable for i in range(4)]
    assert usable == [False, False, True, True]


def test_silence_is_noticed_without_a_check_in_between() -> None:
    camera = healthy()
    assert camera.update(noisy(1), 3.0).state is CameraState.STALE


def test_shutter_calibration() -> None:
    """Identical images, then silence, then good images: one outage, one recovery."""
    camera = CameraHealth('thermal', HealthSettings())
    usable = [camera.update(noisy(i), i / 9).usable for i in range(9)]
    usable += [camera.update(noisy(8), i / 9).usable for i in range(9, 14)]
    usable += [camera.check(14 / 9 + 0.6).usable]
    usable += [camera.update(noisy(i), 14 / 9 + i / 9).usable for i in range(9, 15)]
    changes = [i for i in range(1, len(usable)) if usable[i] != usable[i - 1]]
    assert len(changes) == 2
    assert usable[-1]


def test_time_that_goes_back_is_no_silence() -> None:
    camera = healthy()
    for i in range(5):
        assert camera.update(noisy(i + 1), 0.1 + i * FRAME).usable
    assert camera.check(0.0).usable


def test_settings_change_live_and_sizes_may_change() -> None:
    camera = healthy()
    camera.configure(HealthSettings(frozen=2, recover=1))
    image = noisy(5, (30, 40))
    assert camera.update(image, 1.1).usable
    assert camera.update(image, 1.2).state is CameraState.FROZEN
    assert camera.update(noisy(6, (48, 64), np.uint16), 1.3).usable


@pytest.mark.parametrize('looks', [False, True])
def test_a_slow_camera_is_trusted_from_its_second_image(looks: bool) -> None:
    """Whether or not somebody asks for it in between, as the frames of a quick one do."""
    camera = CameraHealth('thermal', HealthSettings())
    for second in range(5):
        assert camera.update(noisy(second), float(second)).usable
        if looks:
            assert camera.check(second + 0.9).usable == (second > 0)


@pytest.mark.parametrize('rate', [1.0, 2.0])
def test_a_slow_camera_is_not_silent(rate: float) -> None:
    camera = healthy()
    states = [camera.update(noisy(number), 1 + number / rate).state for number in range(1, 10)]
    assert set(states[3:]) == {CameraState.OK}
    last = 1 + 9 / rate
    assert camera.check(last + 1.2 / rate).usable
    assert camera.check(last + 2 / rate).state is CameraState.STALE


def test_a_long_pause_is_no_rate() -> None:
    camera = healthy()
    assert camera.update(noisy(1), 101.0).state is CameraState.STALE
    assert camera.check(104.5).reason == 'thermal: no image for 3.5 s'
