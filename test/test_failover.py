# SPDX-License-Identifier: Apache-2.0
"""Failover between the cameras: whatever they do, the best of what is there is used."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.imaging.health import CameraState
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.preparation import PairPreparer, Prepared

RECOVER = 3
FROZEN = 3
CONDITIONS = ('good', 'still', 'black', 'white', 'garbage', 'silent')
FULL_PACE, SLOW_PACE = 1 / 30, 1 / 9


class Camera:
    """A camera in one condition after the other."""

    def __init__(self, shape: tuple[int, ...], levels: tuple[int, int], kind: type,
                 white: int) -> None:
        self._random = np.random.default_rng(7)
        self._shape, self._levels, self._kind, self._white = shape, levels, kind, white
        self._last = self._good()

    def image(self, condition: str) -> np.ndarray | None:
        if condition in ('silent', 'garbage'):
            return None
        if condition == 'good':
            self._last = self._good()
        elif condition == 'black':
            self._last = np.zeros(self._shape, self._kind)
        elif condition == 'white':
            self._last = np.full(self._shape, self._white, self._kind)
        return self._last.copy()

    def _good(self) -> np.ndarray:
        return self._random.integers(*self._levels, self._shape).astype(self._kind)


class Rig:
    """Two cameras before a preparer."""

    def __init__(self) -> None:
        self.prepare = PairPreparer(Settings())
        self.rgb = Camera((24, 32, 3), (20, 200), np.uint8, 255)
        self.thermal = Camera((24, 32), (7000, 7300), np.uint16, 16383)
        self.stamp = 100.0

    def step(self, rgb: str, thermal: str, pace: float = FULL_PACE) -> Prepared:
        self.stamp += pace
        for camera, condition in (('rgb', rgb), ('thermal', thermal)):
            if condition == 'garbage':
                self.prepare.reject(camera, f'{camera}: cannot be read', self.stamp)
        return self.prepare(self.rgb.image(rgb), self.thermal.image(thermal), self.stamp)

    def modes(self, frames: Sequence[tuple[str, str]], pace: float = FULL_PACE) -> list[str]:
        return [mode(self.step(*frame, pace)) for frame in frames]


def mode(prepared: Prepared) -> str:
    return prepared.pair.mode if prepared.pair else 'none'


def outages(lengths: st.SearchStrategy[int]) -> st.SearchStrategy[list[str]]:
    """Return conditions that last for some frames each."""
    spells = st.lists(st.tuples(st.sampled_from(CONDITIONS), lengths), min_size=1, max_size=8)
    return spells.map(lambda items: [name for name, length in items for _ in range(length)])


FRAMES = st.tuples(outages(st.integers(1, 6)), outages(st.integers(1, 6)))


@settings(max_examples=150, deadline=None)
@given(FRAMES, st.sampled_from((FULL_PACE, SLOW_PACE, 0.7)))
def test_no_frame_is_wasted_and_no_camera_flickers(
        conditions: tuple[list[str], list[str]], pace: float) -> None:
    rig = Rig()
    in_a_row = {'rgb': 0, 'thermal': 0}
    for now in zip(*conditions, strict=False):
        prepared = rig.step(*now, pace)
        health = {'rgb': prepared.rgb, 'thermal': prepared.thermal}
        used = {camera for camera, letters in (('rgb', ('rgb', 'rgbt')),
                                               ('thermal', ('thermal', 'rgbt')))
                if mode(prepared) in letters}
        fit = {camera for camera in health if health[camera].fit}
        good = {camera for camera, condition in zip(health, now, strict=True)
                if condition == 'good'}
        assert good <= fit <= {camera for camera, condition in zip(health, now, strict=True)
                               if condition in ('good', 'still')}
        assert used <= fit, 'a faulty image is never used'
        assert bool(used) == bool(fit), 'an image without fault is used where no better one is'
        for camera in health:
            before, in_a_row[camera] = in_a_row[camera], \
                in_a_row[camera] + 1 if camera in fit else 0
            other = 'thermal' if camera == 'rgb' else 'rgb'
            if camera in fit and in_a_row[camera] >= RECOVER:
                assert camera in used, 'a camera comes back after enough good images'
            if camera in used and before < RECOVER - 1 and not health[camera].usable:
                assert not (other in fit and health[other].usable), \
                    'a camera on probation is not used beside a trusted one'


@settings(max_examples=60, deadline=None)
@given(outages(st.integers(1, 4)))
def test_beside_a_good_camera_the_other_changes_at_most_once_per_recovery(
        conditions: list[str]) -> None:
    rig = Rig()
    modes = rig.modes([('good', 'good')] * 2
                      + [('good', condition) for condition in conditions])
    assert set(modes) <= {'rgbt', 'rgb'}
    returns = [index for index in range(1, len(modes))
               if modes[index - 1] == 'rgb' and modes[index] == 'rgbt']
    assert all(later - earlier > RECOVER - 1
               for earlier, later in pairwise(returns))


def test_after_a_pause_of_both_the_first_images_are_used() -> None:
    rig = Rig()
    rig.modes([('good', 'good')] * 5)
    rig.stamp += 20.0
    prepared = rig.step('good', 'good')
    assert mode(prepared) == 'rgbt'
    assert prepared.rgb.state is CameraState.STALE
    assert prepared.rgb.reason == 'rgb: was stale, 1 of 3 good images since'
    assert rig.modes([('good', 'good')] * 3) == ['rgbt'] * 3


def test_both_fail_and_come_back_at_different_times() -> None:
    rig = Rig()
    modes = rig.modes([('good', 'good')] * 3 + [('black', 'white')] * 4
                      + [('black', 'good')] * 4 + [('good', 'good')] * 4)
    assert modes == ['rgbt'] * 3 + ['none'] * 4 + ['thermal'] * 4 + ['thermal'] * 2 + ['rgbt'] * 2


def test_cameras_that_fail_in_turns_are_used_in_turns() -> None:
    rig = Rig()
    modes = rig.modes([('good', 'good')] + [('black', 'good'), ('good', 'black')] * 5)
    assert modes == ['rgbt'] + ['thermal', 'rgb'] * 5


@pytest.mark.parametrize('unread', ['garbage', 'silent'])
def test_thermal_that_comes_back_while_rgb_fails_helps_at_once(unread: str) -> None:
    rig = Rig()
    modes = rig.modes([('good', 'good')] * 3 + [('good', 'black')] * 3 + [(unread, 'good')] * 2)
    assert modes == ['rgbt'] * 3 + ['rgb'] * 3 + ['thermal'] * 2


@pytest.mark.parametrize('pace', [FULL_PACE, SLOW_PACE])
@pytest.mark.parametrize('length', [0.5, 1.0])
def test_a_thermal_shutter_is_one_outage(pace: float, length: float) -> None:
    rig = Rig()
    frozen = round(length / pace)
    modes = rig.modes([('good', 'good')] * 9 + [('good', 'still')] * frozen
                      + [('good', 'good')] * 9, pace)
    unnoticed, probation = FROZEN - 2, RECOVER - 1
    assert modes == ['rgbt'] * (9 + unnoticed) + ['rgb'] * (frozen - unnoticed + probation) \
        + ['rgbt'] * (9 - probation)


def test_a_slow_thermal_camera_between_rgb_frames_is_trusted_all_along() -> None:
    """9 Hz beside 30 Hz with `sync.unpaired` alone: two frames in three have no partner."""
    rig = Rig()
    modes = rig.modes([('good', 'good' if number % 3 == 0 else 'silent') for number in range(30)])
    assert modes == ['rgbt', 'rgb', 'rgb'] * 10


def test_a_camera_that_sends_each_image_three_times_is_not_frozen_after_the_first() -> None:
    """A 9 Hz sensor behind a 27 Hz interface."""
    rig = Rig()
    modes = rig.modes([('good', condition) for _ in range(12)
                       for condition in ('good', 'still', 'still')], 1 / 27)
    assert modes[:3] == ['rgbt', 'rgbt', 'rgb']
    assert modes[6:] == ['rgbt'] * 30
    assert rig.modes([('good', 'still')] * 8, 1 / 27)[-4:] == ['rgb'] * 4


def test_an_unreadable_stream_is_unfit_not_silent_and_stays_so_until_trusted() -> None:
    rig = Rig()
    rig.modes([('good', 'good')] * 3)
    states = [rig.step('good', 'garbage').thermal for _ in range(30)]
    assert {health.state for health in states} == {CameraState.UNFIT}
    assert states[-1].reason == 'thermal: cannot be read'
    assert rig.modes([('good', 'good')] * 4) == ['rgb'] * 2 + ['rgbt'] * 2
