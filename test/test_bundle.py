# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mock_model import CELLS, SEARCH, write_bundle
import pytest

from rgbt_tracker_ros.errors import ModelError
from rgbt_tracker_ros.inference import model_path
from rgbt_tracker_ros.inference.bundle import load_bundle


def _set(*keys: str, to: Any) -> Callable[[Any], None]:
    def edit(description: Any) -> None:
        for key in keys[:-1]:
            description = description[key]
        description[keys[-1]] = to
    return edit


def _drop(*keys: str) -> Callable[[Any], None]:
    def edit(description: Any) -> None:
        for key in keys[:-1]:
            description = description[key]
        del description[keys[-1]]
    return edit


def test_a_good_bundle_gives_all_its_fields(tmp_path: Path) -> None:
    bundle = load_bundle(write_bundle(tmp_path / 'mock'))
    assert (bundle.name, bundle.family, bundle.licence) == ('mock', 'mock', 'Apache-2.0')
    assert (bundle.search.size, bundle.search.factor) == (SEARCH, 4.0)
    assert bundle.cells == CELLS
    assert bundle.gives_fused
    assert bundle.thermal.channels == 1
    assert bundle.search_graph.inputs['template_tokens_1'] == (1, 2)
    assert (bundle.calibration.scale, bundle.calibration.bias) == (1.0, 0.0)


def test_one_slot_without_fused_image(tmp_path: Path) -> None:
    bundle = load_bundle(write_bundle(tmp_path / 'mock', slots=1, fused=False))
    assert bundle.template_slots == 1
    assert not bundle.gives_fused


def test_calibration_is_read(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / 'm', edit=_set('calibration', to={'scale': 2, 'bias': -1}))
    assert load_bundle(folder).calibration.bias == -1.0


BAD = [
    (_drop('family'), 'family must be a text, found'),
    (_set('format', to=2), 'format must be an integer from 1 to 1, found 2'),
    (_set('extra', to=1), 'found \'extra\''),
    (_set('border', to='blue'), 'border must be one of mean, zero'),
    (_set('template', 'size', to='big'), 'template.size must be an integer'),
    (_set('template', 'size', to=True), 'template.size must be an integer'),
    (_set('search', 'factor', to=float('nan')), 'search.factor must be a number'),
    (_set('search', 'factor', to=10**400), 'search.factor must be a number from 1'),
    (_set('normalization', 'rgb', 'mean', to=[0.5]), 'normalization.rgb.mean'),
    (_set('normalization', 'thermal', 'std', to=[0.0]), 'normalization.thermal.std'),
    (_set('normalization', to=[1, 2]), 'normalization must be a mapping'),
    (_set('template_slots', to=3), 'template_slots'),
    (_set('training_data', to='all'), 'training_data must be a list of texts'),
    (_set('graphs', 'search', 'file', to='../search.onnx'), 'without a folder'),
    (_set('graphs', 'search', 'file', to='other.onnx'), 'other.onnx'),
    (_set('graphs', 'template', 'sha256', to='0' * 64), 'sha256'),
    (_set('graphs', 'search', 'inputs', 'search_rgb', to=[1, 3, 64, 64]),
     'graphs.search.inputs must be'),
    (_set('graphs', 'search', 'inputs', 'search_rgb', to=['N', 3, 64, 64]),
     'a list of positive integers'),
    (_drop('graphs', 'search', 'inputs', 'template_tokens_1'), 'template_tokens_1 [1, 2]'),
    (_drop('graphs', 'search', 'outputs', 'score_map'), 'graphs.search.outputs must be score_map'),
    (_set('graphs', 'template', 'inputs', to={'image': [1, 3, 64, 64]}), 'template_rgb'),
    (_set('graphs', 'template', 'outputs', to={}), 'one or more tensors'),
    (_set('calibration', to={'scale': 0, 'bias': 0}), 'calibration.scale'),
]


@pytest.mark.parametrize(('edit', 'message'), BAD, ids=[message for _, message in BAD])
def test_a_wrong_entry_is_named_with_file_and_remedy(
        tmp_path: Path, edit: Callable[[Any], None], message: str) -> None:
    folder = write_bundle(tmp_path / 'mock', edit=edit)
    with pytest.raises(ModelError) as caught:
        load_bundle(folder)
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('text', ['format: [1\nname: {', 'format: 2020-13-45'])
def test_a_torn_description_is_an_error(tmp_path: Path, text: str) -> None:
    folder = write_bundle(tmp_path / 'mock')
    (folder / 'model.yaml').write_text(text)
    with pytest.raises(ModelError, match='cannot be read'):
        load_bundle(folder)


def test_a_changed_graph_is_noticed(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / 'mock')
    graph = folder / 'search.onnx'
    graph.write_bytes(graph.read_bytes()[:-1] + b'?')
    with pytest.raises(ModelError, match=r'search\.onnx has sha256'):
        load_bundle(folder)


def test_models_are_found_by_name_and_listed_when_not(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_path, 'shared_folders', lambda kind: [tmp_path])
    folder = write_bundle(tmp_path / 'mock')
    write_bundle(tmp_path / 'second')
    assert load_bundle('mock').folder == folder
    with pytest.raises(ModelError, match='shipped models: mock, second'):
        load_bundle('absent')


@pytest.mark.parametrize('name', ['../mock', '.', '', 'mock/../../mock', '/etc'])
def test_no_name_leaves_the_models_folder(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_bundle(tmp_path / 'mock')
    (tmp_path / 'models').mkdir()
    monkeypatch.setattr(model_path, 'shared_folders', lambda kind: [tmp_path / 'models'])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match='not found'):
        load_bundle(name)


@pytest.mark.parametrize('name', ['~nobody_of_this_name', 'x' * 5000])
def test_a_name_that_no_file_system_takes_is_an_error(name: str) -> None:
    with pytest.raises(ModelError, match='cannot be looked up'):
        load_bundle(name)


def test_a_folder_without_description_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r'has no model\.yaml'):
        load_bundle(tmp_path)
