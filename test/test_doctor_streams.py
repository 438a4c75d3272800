# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker doctor` about recordings: rates, stamps, pairs and the thermal offset."""
from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

from bag_files import BEGIN, IMAGE, RGB, THERMAL, Entry, image, scene, write_bag
import cv2
import numpy as np
import pytest
from shaken_scene import shaken

from rgbt_tracker_ros.benchmark.stream_check import StreamCheck
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.settings import SyncSettings


def entries(late: float, seconds: float = 16.0) -> Iterator[Entry]:
    """Yield 20 Hz RGB and 10 Hz thermal images; thermal stamps are late by some seconds."""
    rng = np.random.default_rng(0)
    for number in range(round(20 * seconds)):
        time = number / 20
        stamp = BEGIN + round(time * 1e9)
        yield Entry(stamp + 5_000_000, RGB, IMAGE, image(stamp, shaken(time, rng, False), 'mono8'))
        if number % 2 == 0:
            wrong = stamp + round(late * 1e9)
            yield Entry(stamp + 6_000_000, THERMAL, IMAGE,
                        image(wrong, shaken(time, rng, True), 'mono16', 'boson'))


def report(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    file = tmp_path / 'report.json'
    assert run(['doctor', *arguments, '--json', str(file)]) == 0
    return json.loads(file.read_text())


def test_a_bag_with_wrong_stamps_names_the_parameter(tmp_path, capsys):
    bag = write_bag(tmp_path / 'bag', entries(0.215))
    found = report(tmp_path, '--bag', str(bag))
    assert found['offset']['certain']
    assert found['offset']['seconds'] == pytest.approx(-0.215, abs=0.01)
    assert found['cameras']['rgb']['rate_hz'] == pytest.approx(20, abs=0.1)
    assert found['cameras']['thermal']['rate_hz'] == pytest.approx(10, abs=0.1)
    assert found['cameras']['thermal']['encodings'] == ['mono16']
    assert found['cameras']['thermal']['sizes'] == ['96x72']
    assert found['cameras']['thermal']['record_lag_ms']['median'] == pytest.approx(-209, abs=1)
    before, after = found['pairs']
    assert before['mean_dt_ms'] == pytest.approx(15, abs=1)
    assert after['mean_dt_ms'] < 11
    assert after['pairs'] >= before['pairs'] - 4
    printed = capsys.readouterr().out
    assert f'thermal_offset: {found["offset"]["seconds"]:.3f}' in printed
    assert 'ros__parameters' in printed


def test_the_offset_in_use_is_not_named_again(tmp_path, capsys):
    bag = write_bag(tmp_path / 'bag', entries(0.215))
    found = report(tmp_path, '--bag', str(bag), '--set', 'sync.thermal_offset=-0.215')
    assert found['offset']['certain']
    assert 'ros__parameters' not in capsys.readouterr().out


def test_a_bag_too_short_for_the_offset_is_examined_all_the_same(tmp_path, capsys):
    bag = write_bag(tmp_path / 'bag', scene(24, packed=True))
    found = report(tmp_path, '--bag', str(bag))
    assert found['pairs'] == [{'thermal_offset': 0.0, 'pairs': 24, 'mean_dt_ms': 0.0,
                               'max_dt_ms': 0.0}]
    assert found['offset']['seconds'] is None
    assert 'are too few' in capsys.readouterr().out


def test_a_bag_without_thermal_images_says_so(tmp_path, capsys):
    bag = write_bag(tmp_path / 'bag', scene(10, thermal=False))
    found = report(tmp_path, '--bag', str(bag))
    assert 'thermal: no images' in found['notes']
    assert 'missing' in capsys.readouterr().out


def test_plain_recordings_are_examined_by_their_rates(tmp_path):
    rng = np.random.default_rng(0)
    for camera in ('rgb', 'thermal'):
        (tmp_path / camera).mkdir()
        for number in range(300):
            # Thermal images show what was 0.1 s before: their stamps are late.
            time = number / 30 - 0.1 * (camera == 'thermal')
            cv2.imwrite(str(tmp_path / camera / f'{number:04}.png'),
                        shaken(time, rng, camera == 'thermal'))
    found = report(tmp_path, '--rgb', str(tmp_path / 'rgb'), '--thermal',
                   str(tmp_path / 'thermal'))
    assert found['offset']['seconds'] == pytest.approx(-0.1, abs=0.01)
    assert found['cameras']['rgb']['record_lag_ms'] is None


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--rgb', 'x'], '--thermal is missing'),
    (['--thermal', 'x'], '--rgb is missing'),
    (['--bag', 'x', '--rgb', 'y'], '--bag and --rgb or --thermal are given'),
    (['--bag', 'nowhere'], 'nowhere'),
    (['--bag', 'x', '--set', 'sync.slop=9'], 'sync.slop = 9'),
    (['--rgb', 'nowhere', '--thermal', 'nowhere'], '--rgb nowhere: does not exist')])
def test_bad_input_is_named_in_one_line(arguments, words, capsys):
    assert run(['doctor', *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


def test_what_is_odd_in_a_recording_is_said_with_its_remedy():
    check = StreamCheck()
    image = np.zeros((20, 30), np.uint8)
    frames: list[tuple[float, tuple[Any, ...]]] = []
    for number in range(100):
        time = 50 + number / 10
        frames += [
            (time, ('rgb', time, 0.0 if number < 5 else time, None if number == 7 else image)),
            (time + 0.4, ('thermal', time + 0.4, time - 3 * (number == 50),
                          image[:19 + number // 99]))]
    for _, frame in sorted(frames, key=lambda item: item[0]):
        check.add(*frame, 'mono8')
    notes = '; '.join(check.report(SyncSettings())['notes'])
    for words in ('rgb: 5 stamps are zero', 'rgb: 1 images cannot be read',
                  'thermal: 1 stamps are not after', 'thermal: size or encoding changes',
                  'thermal: 98 images are the same', 'recorded 0.40 s after rgb',
                  'only', 'possible pairs with sync.slop = 0.04'):
        assert words in notes
