# SPDX-License-Identifier: Apache-2.0
"""Importing weights: safely, under other names, with every key accounted for."""
from __future__ import annotations

from collections import OrderedDict
import hashlib
import os
import pickle
import sys
from types import ModuleType

from parity import crops, published_keys, seeded, with_reference
import pytest
import torch

from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.inference.bundle import load_bundle
from rgbt_tracker_ros.networks import families
from rgbt_tracker_ros.networks.checkpoint import KeyMap, load_published, read_state
from rgbt_tracker_ros.networks.ckd import CKD, PUBLISHED, CKDConfig
from rgbt_tracker_ros.networks.families import Family, load_network, save_network

TINY = CKDConfig(template_size=64, search_size=128, channels=24, heads=2, blocks=2,
                 head_widths=(16, 8, 8, 8))
BRANCH = {'score': 'ctr', 'offset': 'offset', 'size': 'size'}


def published_state(network):
    """Return a network's weights under the names of the published code, with dead ones."""
    state = {}
    for name, tensor in network.state_dict().items():
        trunk, _, rest = name.partition('.')
        if trunk == 'head':
            branch, layer, last = rest.split('.', 2)
            name = f'box_head.conv{int(layer) + 1}_{BRANCH[branch]}.{last}'
        else:
            name = {'rgb': 'rgb_branch.', 'thermal': 'tir_branch.'}[trunk] + rest
        state[name] = tensor
    state['rgb_branch.cls_token'] = torch.zeros(1, 1, 24)
    return state


@pytest.fixture
def tiny_family(monkeypatch):
    """Make the family `ckd` tiny."""
    monkeypatch.setitem(families.FAMILIES, 'ckd', Family(CKD, lambda **sizes: CKDConfig(
        **{**{name: getattr(TINY, name) for name in TINY.__dataclass_fields__}, **sizes}),
        PUBLISHED))


def test_published_weights_are_taken_over_and_accounted_for():
    source, network = seeded(CKD(TINY)), CKD(TINY)
    state = {**published_state(source), 'teacher.norm.weight': torch.zeros(3)}
    del state['tir_branch.norm.bias']
    report = load_published(network.eval(), state, PUBLISHED)
    assert report.missing == ('thermal.norm.bias',)
    assert report.unexpected == ('teacher.norm.weight',)
    assert {name for name in report.unused if 'num_batches' not in name} == {
        'rgb_branch.cls_token'}
    assert len(report.unused) == 1 + 3 * 4
    assert report.loaded == len(state) - len(report.unused) - 1
    with torch.no_grad():
        network.thermal.norm.bias.copy_(source.thermal.norm.bias)
        images = crops(64, 128)
        assert torch.equal(network(*images)['score_map'], source(*images)['score_map'])


@with_reference
def test_every_published_name_of_ckd_is_known():
    with torch.device('meta'):
        own = CKD(CKDConfig()).state_dict()
    for key, (shape, dead) in published_keys('ckd').items():
        assert PUBLISHED.is_unused(key) == dead, key
        if not dead:
            assert tuple(own[PUBLISHED.ours(key)].shape) == shape, key


def test_position_tables_of_another_size_are_interpolated():
    source = seeded(CKD(TINY))
    row = torch.arange(8.0)
    with torch.no_grad():
        source.rgb.pos_embed_x.copy_(row.repeat(8).reshape(1, 64, 1).expand(1, 64, 24))
    larger = CKD(CKDConfig(**{**vars_of(TINY), 'search_size': 256}))
    report = load_published(larger, published_state(source), PUBLISHED)
    assert report.resized == ('rgb.pos_embed_x', 'thermal.pos_embed_x')
    table = larger.rgb.pos_embed_x[0, :, 0].reshape(16, 16)
    torch.testing.assert_close(table[3, 1:-1], torch.arange(0.25, 7.0, 0.5))


def vars_of(config):
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


@pytest.mark.parametrize(('change', 'message'), [
    (lambda tensor: tensor[:-1], 'shape'), (lambda tensor: tensor * float('nan'), 'NaN')])
def test_wrong_tensors_are_named_and_change_nothing(change, message):
    network = seeded(CKD(TINY))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    state = {name: tensor + 1 for name, tensor in published_state(network).items()}
    state['tir_branch.norm.weight'] = change(state['tir_branch.norm.weight'])
    with pytest.raises(InputError, match=message) as error:
        load_published(network, state, PUBLISHED)
    assert 'tir_branch.norm.weight' in str(error.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_names_are_replaced_at_their_beginning_only():
    keys = KeyMap(((r'a\.', 'b.'), (r'b\.(\d)', r'c\1')), (r'x\..*',))
    assert keys.ours('a.1.a.2') == 'c1.a.2'
    assert keys.ours('other.a.1') == 'other.a.1'
    assert keys.is_unused('x.y')
    assert not keys.is_unused('b.x.y')


@pytest.mark.parametrize('container', [None, 'net', 'model', 'state_dict'])
def test_weights_are_found_where_training_code_keeps_them(container, tmp_path):
    weights = OrderedDict(a=torch.ones(2))
    torch.save(weights if container is None else {'epoch': 3, container: weights},
               tmp_path / 'file')
    assert torch.equal(read_state(tmp_path / 'file')['a'], torch.ones(2))


def trainer_class(module_name, name, monkeypatch):
    """Make a class that can be pickled as one of a module that is not installed."""
    made = type(name, (), {'__module__': module_name})
    parts = module_name.split('.')
    for end in range(1, len(parts) + 1):
        module = ModuleType('.'.join(parts[:end]))
        setattr(module, name, made)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return made


def test_objects_of_the_trainer_become_empty_ones(tmp_path, monkeypatch):
    settings = trainer_class('lib.train.admin.settings', 'Settings', monkeypatch)()
    settings.project_path = 'train/ckd'
    torch.save({'net': {'a': torch.ones(2)}, 'settings': settings}, tmp_path / 'file')
    monkeypatch.undo()
    assert list(read_state(tmp_path / 'file')) == ['a']
    assert 'lib.train.admin.settings' not in sys.modules


class Evil:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


@pytest.mark.parametrize('call', [os.system, eval, exec])
def test_a_checkpoint_that_would_run_code_is_refused(call, tmp_path):
    canary = tmp_path / 'canary'
    command = f'touch {canary}' if call is os.system else f'open({str(canary)!r}, "w")'
    torch.save({'net': {'a': torch.ones(2)}, 'settings': Evil(call, command)}, tmp_path / 'file')
    with pytest.raises(InputError, match=f'refused.*{call.__name__}'):
        read_state(tmp_path / 'file')
    assert not canary.exists()


@pytest.mark.parametrize('content', [b'', b'nothing', pickle.dumps({'a': 1}), b'PK\x03\x04 torn'])
def test_what_is_no_checkpoint_is_refused(content, tmp_path):
    (tmp_path / 'file').write_bytes(content)
    with pytest.raises(InputError, match='file'):
        read_state(tmp_path / 'file')


@pytest.mark.parametrize('content', [{}, {'epoch': 3}, [torch.ones(2)], {'a': [torch.ones(2)]}])
def test_a_file_without_weights_is_refused(content, tmp_path):
    torch.save(content, tmp_path / 'file')
    with pytest.raises(InputError, match='holds no weights'):
        read_state(tmp_path / 'file')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match='absent'):
        read_state(tmp_path / 'absent')


def test_a_stored_network_comes_back(tmp_path, tiny_family):
    network = seeded(CKD(TINY))
    save_network(network, 'here', tmp_path / 'file')
    stored = load_network(tmp_path / 'file')
    assert stored.origin == 'here'
    assert stored.network.config == TINY
    images = crops(64, 128)
    with torch.no_grad():
        assert torch.equal(stored.network(*images)['size_map'], network(*images)['size_map'])


def test_files_of_others_are_not_taken_for_stored_networks(tmp_path):
    torch.save({'network': {}}, tmp_path / 'training')
    assert load_network(tmp_path / 'training') is None
    torch.save({'origin': '', 'format': 9}, tmp_path / 'later')
    with pytest.raises(InputError, match='format 9'):
        load_network(tmp_path / 'later')
    (tmp_path / 'torn').write_bytes(b'PK')
    with pytest.raises(InputError, match='torn'):
        load_network(tmp_path / 'torn')


def test_import_writes_a_checkpoint_and_a_bundle(tmp_path, tiny_family, capsys):
    torch.save({'net': published_state(seeded(CKD(TINY)))}, tmp_path / 'official.pth.tar')
    assert run(['import-checkpoint', str(tmp_path / 'official.pth.tar'), '--family', 'ckd',
                '--output', str(tmp_path / 'ours.pt'), '--bundle', str(tmp_path / 'one')]) == 0
    out = capsys.readouterr().out
    assert '0 missing' in out
    assert 'rgb_branch.cls_token' in out
    assert run(['export', '--model', 'ckd', '--checkpoint', str(tmp_path / 'ours.pt'),
                '--output', str(tmp_path / 'two')]) == 0
    one, two = (load_bundle(tmp_path / name) for name in ('one', 'two'))
    assert one.search_graph.sha256 == two.search_graph.sha256
    digest = hashlib.sha256((tmp_path / 'official.pth.tar').read_bytes()).hexdigest()
    for bundle in (one, two):
        assert bundle.training_data == (
            f'unknown: weights imported from official.pth.tar, sha256 {digest}',)
        assert bundle.licence == 'unknown: that of the weights'


def test_the_licence_that_is_told_is_kept(tmp_path, tiny_family):
    torch.save({'net': published_state(seeded(CKD(TINY)))}, tmp_path / 'official')
    assert run(['import-checkpoint', str(tmp_path / 'official'), '--family', 'ckd', '--licence',
                'MIT', '--output', str(tmp_path / 'ours.pt')]) == 0
    assert load_network(tmp_path / 'ours.pt').licence == 'MIT'
    for arguments, licence in (([], 'MIT'), (['--licence', 'BSD-3-Clause'], 'BSD-3-Clause')):
        assert run(['export', '--model', 'ckd', '--checkpoint', str(tmp_path / 'ours.pt'),
                    '--output', str(tmp_path / 'bundle'), *arguments]) == 0
        assert load_bundle(tmp_path / 'bundle').licence == licence


def test_an_export_in_half_precision_names_its_gate(tmp_path, tiny_family, capsys):
    save_network(seeded(CKD(TINY)), 'x', tmp_path / 'ours.pt', 'MIT')
    assert run(['export', '--model', 'ckd', '--checkpoint', str(tmp_path / 'ours.pt'),
                '--precision', 'fp16', '--output', str(tmp_path / 'half')]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert f'--with onnxruntime@{tmp_path / "half"}' in told


def test_import_of_a_part_writes_nothing(tmp_path, tiny_family, capsys):
    state = published_state(seeded(CKD(TINY)))
    del state['box_head.conv1_ctr.0.weight']
    torch.save(state, tmp_path / 'official')
    assert run(['import-checkpoint', str(tmp_path / 'official'), '--family', 'ckd',
                '--output', str(tmp_path / 'ours.pt')]) == 2
    shown = capsys.readouterr()
    assert 'head.score.0.0.weight' in shown.out
    assert 'lacks 1 tensors' in shown.err
    assert not (tmp_path / 'ours.pt').exists()


@pytest.mark.parametrize('family', ['unified', 'dimp'])
def test_only_families_with_official_weights_are_imported(family, tmp_path, capsys):
    assert run(['import-checkpoint', str(tmp_path / 'file'), '--family', family,
                '--output', str(tmp_path / 'ours.pt')]) == 2
    assert 'ckd' in capsys.readouterr().err
