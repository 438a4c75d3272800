# SPDX-License-Identifier: Apache-2.0
"""What docs/benchmarks says of the score of each shipped model is of that very model."""
from __future__ import annotations

import json
from pathlib import Path

import pytest

from rgbt_tracker_ros.benchmark.score_calibration import GOOD
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.inference.model_path import shipped_models
from rgbt_tracker_ros.settings import Settings

DOCS = Path(__file__).resolve().parents[1] / 'docs'


@pytest.mark.parametrize('name', sorted(shipped_models()))
def test_the_score_of_a_shipped_model_is_calibrated(name: str) -> None:
    bundle = load_bundle(name)
    facts = json.loads((DOCS / 'benchmarks' / f'calibration_{name}.json').read_text())
    assert facts['search_sha256'] == bundle.search_graph.sha256
    assert facts['calibration']['after'] == {
        'scale': bundle.calibration.scale, 'bias': bundle.calibration.bias}
    assert facts['after']['ece'] <= GOOD
    assert facts['held_out_ece'] <= GOOD
    assert {'tracks', 'tracks, rgb alone', 'tracks, thermal alone', 'tracks_thermal',
            'generated'} <= set(facts['after']['materials'])
    assert (DOCS / 'images' / f'calibration_{name}.png').is_file()


def test_the_default_threshold_is_the_one_that_follows() -> None:
    for name in shipped_models():
        facts = json.loads((DOCS / 'benchmarks' / f'calibration_{name}.json').read_text())
        cost = facts['lost_threshold']
        assert (cost['wrong_cost'], cost['threshold']) == (
            1.0, Settings().target.lost_threshold)
        near = min(cost['worths'], key=lambda row: abs(row['threshold'] - cost['threshold']))
        assert near['worth'] >= max(row['worth'] for row in cost['worths']) - 0.02
