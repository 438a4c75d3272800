# SPDX-License-Identifier: Apache-2.0
"""The thermal offset is found while frames come, published, and said once it is sure."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from shaken_scene import shaken

from rgbt_tracker_ros.pipeline.pairing import NearestPairing
from rgbt_tracker_ros.settings import SyncSettings

BEGIN = 1000.0


def message(stamp: float, pixels: np.ndarray, **values) -> SimpleNamespace:
    height, width = pixels.shape
    fields = {
        'header': SimpleNamespace(stamp=SimpleNamespace(
            sec=int(stamp), nanosec=round(stamp % 1 * 1e9)), frame_id=''),
        'height': height, 'width': width, 'step': pixels.strides[0],
        'encoding': f'mono{8 * pixels.itemsize}', 'is_bigendian': 0, 'data': pixels.tobytes()}
    return SimpleNamespace(**{**fields, **values})


def watched(wrong: float, link: float = 0.0, seconds: float = 22.0,
            settings: SyncSettings | None = None, **values) -> tuple[NearestPairing, list[str]]:
    """Let frames of both cameras come; return what was said about their stamps on the way."""
    now = [0.0]
    pairing = NearestPairing(settings or SyncSettings(), lambda: now[0])
    rng = np.random.default_rng(0)
    frames = [(i / 30, 'rgb', i / 30, 0.0) for i in range(round(30 * seconds))]
    frames += [(i / 15 + link, 'thermal', i / 15, wrong) for i in range(round(15 * seconds))]
    said = []
    for arrival, camera, taken, error in sorted(frames):
        now[0] = arrival
        pixels = shaken(taken, rng, camera == 'thermal')
        pairing.add(camera, message(BEGIN + taken + error, pixels, **values))
        list(pairing.poll(arrival))
        said += [words for words in pairing.doubts().values() if words not in said]
    return pairing, said


@pytest.mark.parametrize(('wrong', 'word'), [(0.2, 'late'), (-0.33, 'early'), (-0.6, 'early')])
def test_wrong_stamps_are_found_and_the_parameter_is_named(wrong, word):
    pairing, said = watched(wrong)
    numbers = pairing.numbers()
    assert numbers['thermal_offset_ms'] == pytest.approx(-1000 * wrong, abs=20)
    assert numbers['thermal_offset_confidence'] >= 0.5
    words = numbers['stamps']
    assert f'{abs(wrong):.2f} s too {word}' in words
    assert f'set sync.thermal_offset = {-wrong:.2f}' in words
    assert said[-1] == words
    mended = SyncSettings(thermal_offset=-wrong)
    pairing.configure(mended)
    assert pairing.doubts() == {}


def test_a_slow_link_is_not_blamed_on_the_stamps_once_the_images_are_known():
    pairing, said = watched(0.0, link=0.2)
    assert pairing.numbers()['thermal_lag_ms'] == pytest.approx(200, abs=20)
    assert 'unless the thermal link is that slow' in said[0]
    assert pairing.numbers()['stamps'] == ''
    assert pairing.numbers()['thermal_offset_ms'] == pytest.approx(0, abs=20)


def test_nothing_is_said_before_two_estimates_agree():
    pairing, said = watched(0.09, seconds=12.0)
    assert said == []
    assert pairing.numbers()['thermal_offset_ms'] == pytest.approx(-90, abs=20)


@pytest.mark.parametrize('values', [
    {'format': 'jpeg'}, {'encoding': 'yuv422'}, {'step': 1}, {'data': b''}])
def test_images_that_cannot_be_seen_are_passed_over(values):
    pairing, _ = watched(0.2, seconds=6.0, **values)
    numbers = pairing.numbers()
    assert 'thermal_offset_ms' not in numbers
    assert numbers['pairs'] + numbers['unpaired_rgb'] + numbers['rgb_only'] > 0
