# SPDX-License-Identifier: Apache-2.0
"""`rgbt-tracker calibrate`: the score of a model becomes the chance that its box is right."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import miniature
from mock_model import write_bundle
import pytest
import yaml

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.inference.bundle import load_bundle


@pytest.fixture(scope='module')
def gtot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return miniature.write_gtot_root(tmp_path_factory.mktemp('gtot'))


@pytest.fixture
def shy(tmp_path: Path) -> Path:
    """Return a model that is right and does not trust itself."""
    return write_bundle(tmp_path / 'shy', edit=lambda content: content.update(
        calibration={'scale': 1.0, 'bias': -3.0}))


def _calibrate(model: Path, gtot: Path, *more: str) -> int:
    return run(['calibrate', str(model), '--dataset', f'gtot:{gtot}', '--workers', '1', *more])


def _calibration(model: Path) -> dict[str, float]:
    return yaml.safe_load((model / 'model.yaml').read_text())['calibration']


def test_a_model_is_calibrated_in_its_place(shy, gtot, tmp_path, capsys):
    before = yaml.safe_load((shy / 'model.yaml').read_text())
    files = {path.name for path in shy.iterdir()}
    assert _calibrate(shy, gtot, '--json', str(tmp_path / 'a.json'), '--picture',
                      str(tmp_path / 'a.png')) == 0
    facts = json.loads((tmp_path / 'a.json').read_text())
    assert set(facts['after']['materials']) == {
        tail.format(gtot='gtot') for tail in ('{gtot}', '{gtot}, rgb alone',
                                              '{gtot}, thermal alone')}
    # Two sequences, each but for its first frame, three times.
    assert facts['after']['frames'] == 6 * (miniature.FRAMES - 1)
    assert facts['after']['ece'] < facts['before']['ece']
    assert facts['lost_threshold']['threshold'] == 0.5
    assert facts['calibration']['before'] == {'scale': 1.0, 'bias': -3.0}
    assert _calibration(shy) == facts['calibration']['after']
    after = yaml.safe_load((shy / 'model.yaml').read_text())
    assert {**after, 'calibration': None} == {**before, 'calibration': None}
    assert {path.name for path in shy.iterdir()} == files
    assert load_bundle(shy).calibration.bias > -3
    assert cv2.imread(str(tmp_path / 'a.png')) is not None
    assert 'ECE' in capsys.readouterr().out


def test_a_trial_leaves_the_model_as_it_is(shy, gtot):
    before = (shy / 'model.yaml').read_bytes()
    assert _calibrate(shy, gtot, '--dry-run', '--modality', 'rgbt', '--wrong-cost', '3') == 0
    assert (shy / 'model.yaml').read_bytes() == before


def test_nothing_is_written_when_the_recordings_are_torn(shy, gtot, tmp_path, capsys):
    torn = miniature.write_gtot_root(tmp_path / 'torn')
    next((torn / 'one' / 'v').glob('*.png')).write_bytes(b'no image')
    before = (shy / 'model.yaml').read_bytes()
    assert _calibrate(shy, torn, '--json', str(tmp_path / 'a.json')) == 2
    assert 'one' in capsys.readouterr().err
    assert (shy / 'model.yaml').read_bytes() == before
    assert not (tmp_path / 'a.json').exists()


@pytest.mark.parametrize(('spec', 'remedy'), [
    ('gtot', 'give NAME:DIR'),
    ('gtot:', 'give NAME:DIR'),
    ('gtot:{root},depth=x', 'give NAME:DIR'),
    ('gtot:{root},thermal=', 'give NAME:DIR'),
    ('gto:{root}', '--dataset gto'),
    ('gtot/test:{root}', '--split test'),
])
def test_datasets_that_cannot_be_are_refused(shy, gtot, capsys, spec, remedy):
    assert run(['calibrate', str(shy), '--dataset', spec.format(root=gtot)]) == 2
    said = capsys.readouterr().err
    assert said.startswith('error: ')
    assert remedy in said


def test_a_dataset_twice_is_refused(shy, gtot, capsys):
    assert _calibrate(shy, gtot, '--dataset', f'gtot:{gtot}') == 2
    assert 'two called gtot' in capsys.readouterr().err


@pytest.mark.parametrize(('more', 'remedy'), [
    (('--modality', 'depth'), '--modality depth'),
    (('--modality', ''), '--modality'),
    (('--picture', 'a.gif'), '.png'),
    (('--wrong-cost', '0'), '0'),
])
def test_options_that_cannot_be_are_refused(shy, gtot, capsys, more, remedy):
    assert _calibrate(shy, gtot, *more) == 2
    assert remedy in capsys.readouterr().err
