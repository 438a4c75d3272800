# SPDX-License-Identifier: Apache-2.0
"""Synchronisers compared on the same stamps: what is counted, and how well ours does."""
from __future__ import annotations

import json
import sys

import pytest

from rgbt_tracker_ros.benchmark.sync_benchmark import Nearest, compare, run
from rgbt_tracker_ros.benchmark.sync_scenarios import best_matches, scenarios
from rgbt_tracker_ros.cli.main import run as command
from rgbt_tracker_ros.settings import SyncSettings

SLOP = SyncSettings().slop
CASES = {case.name: case for case in scenarios()}


class LastOfBoth:
    """Puts each frame with the newest of the other camera, whatever the stamps."""

    def __init__(self, settings):
        self.newest, self.ready = {}, []

    def prepare(self, frame):
        return frame

    def add(self, frame, message):
        assert message is frame
        self.newest[frame.camera] = frame
        if frame.camera == 'rgb':
            self.ready.append((frame, self.newest.get('thermal')))

    def poll(self, now):
        ready, self.ready = self.ready, []
        yield from ready


def ours(name):
    case = CASES[name]
    return run(case, Nearest(SyncSettings()), best_matches(case.frames, SLOP), SLOP)


def test_scenarios_depend_on_the_seed_alone():
    assert scenarios(3, 4.0) == scenarios(3, 4.0) != scenarios(4, 4.0)
    for case in CASES.values():
        assert list(case.frames) == sorted(case.frames)
        assert all(frame.stamp > 0 for frame in case.frames)


@pytest.mark.parametrize('name', CASES)
def test_ours_finds_nearly_all_that_can_be_found_and_nothing_wrong(name):
    case, figures = CASES[name], ours(name)
    possible = len(best_matches(case.frames, SLOP))
    assert figures.pairs >= {'combined': 0.95}.get(name, 0.995) * possible
    assert figures.nearest >= 0.99 * figures.pairs
    assert figures.wrong == figures.out_of_order == 0
    assert figures.max_dt_ms <= 1000 * SLOP


@pytest.mark.parametrize(('name', 'longest_ms'), [
    ('bag loop', 1), ('clock forward', 1), ('clock back', 70), ('thermal pause', 40),
    ('combined', 300)])
def test_ours_is_back_soon_after_a_fault(name, longest_ms):
    assert ours(name).recovery_ms < longest_ms


def test_wrong_pairs_single_answers_and_recovery_are_told_apart():
    case = CASES['thermal pause']
    figures = run(case, LastOfBoth(SyncSettings()), best_matches(case.frames, SLOP), SLOP)
    # One frame of before the pause is given out for all that it lasts.
    assert figures.wrong == 21
    assert figures.alone == 1
    assert figures.pairs == 600 - 21 - 1
    assert figures.after_mark == 299
    assert figures.first_ms == pytest.approx(1000 / 30, abs=3)
    assert figures.max_wait_frames == 0


def test_the_comparison_can_be_written_as_json():
    [row] = compare({'ours': Nearest, 'theirs': LastOfBoth}, SyncSettings(), [CASES['30/9 Hz']])
    assert json.loads(json.dumps(row)) == row
    assert row['possible']['pairs'] == row['synchronizers']['ours']['pairs'] == 180
    assert set(row['synchronizers']) == {'ours', 'theirs'}


def test_the_command_compares_what_is_installed(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, 'message_filters', None)
    report = tmp_path / 'sync.json'
    picture = tmp_path / 'sync.png'
    assert command(['benchmark', '--sync', '--json', str(report), '--picture', str(picture),
                    '--set', 'sync.slop=0.03']) == 0
    assert picture.read_bytes().startswith(b'\x89PNG')
    written = json.loads(report.read_text())
    assert written['settings']['slop'] == 0.03
    assert len(written['scenarios']) == len(CASES)
    assert all(set(row['synchronizers']) == {'nearest'} for row in written['scenarios'])
    printed = capsys.readouterr()
    assert 'combined' in printed.out
    assert 'message_filters not installed' in printed.err


def test_a_picture_that_cannot_be_written_is_refused(tmp_path, capsys):
    assert command(['benchmark', '--sync', '--picture', str(tmp_path / 'no' / 'sync.png')]) == 2
    assert 'sync.png cannot be written' in capsys.readouterr().err
