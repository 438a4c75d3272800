# SPDX-License-Identifier: Apache-2.0
"""Our synchroniser beside the real ones of message_filters (only where that is installed)."""
from __future__ import annotations

import json

import pytest

from rgbt_tracker_ros.cli.main import run

pytestmark = pytest.mark.ros


@pytest.fixture(scope='module')
def rows(tmp_path_factory):
    file = tmp_path_factory.mktemp('sync') / 'report.json'
    assert run(['benchmark', '--sync', '--json', str(file)]) == 0
    return {row['scenario']: row['synchronizers']
            for row in json.loads(file.read_text())['scenarios']}


def test_all_three_policies_are_measured(rows):
    assert all(set(row) == {'nearest', 'approximate', 'exact'} for row in rows.values())
    assert {name: figures['pairs'] for name, figures in rows['trigger'].items()} == {
        'nearest': 600, 'approximate': 600, 'exact': 600}
    assert rows['30/30 Hz']['exact']['pairs'] == 0


def test_ours_is_never_further_off_and_never_mixes_moments(rows):
    for row in rows.values():
        ours, theirs = row['nearest'], row['approximate']
        assert ours['nearest'] >= 0.99 * theirs['nearest']
        assert ours['mean_dt_ms'] <= 1.05 * theirs['mean_dt_ms']
        assert ours['max_dt_ms'] <= theirs['max_dt_ms']
        assert ours['wrong'] == ours['out_of_order'] == 0


def test_after_a_bag_loop_ours_goes_on_and_theirs_does_not(rows):
    ours, theirs = rows['bag loop']['nearest'], rows['bag loop']['approximate']
    assert ours['after_mark'] == 90
    assert theirs['after_mark'] < 30
    assert theirs['wrong'] > 0
    assert ours['recovery_ms'] < 1 < 1000 < theirs['recovery_ms']
