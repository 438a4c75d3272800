# SPDX-License-Identifier: Apache-2.0
"""Input that was made to do harm is refused in one line, with little memory, and runs nothing."""
from __future__ import annotations

import ast
from contextlib import suppress
import json
import os
from pathlib import Path
import subprocess
import sys

from bag_files import scene, write_bag
from hostile_files import write_all
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_model import exchanged, write_bundle
from onnx import TensorProto, helper, load, save
import pytest
import yaml

from rgbt_tracker_ros.bags.reader import BagReader
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.inference.bundle import load_bundle

ROOT = Path(__file__).resolve().parents[1]

# One process for all files: it may take 600 MiB on top of what its libraries take.
READ_ALL = '''
import json, os, resource, sys, tempfile
from pathlib import Path
from rgbt_tracker_ros.bags.reader import BagReader
from rgbt_tracker_ros.bags import definitions, storage
from rgbt_tracker_ros.benchmark.sources import open_source
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.pipeline.conversion import rgb_image, thermal_image
import av

def bag(path):
    with BagReader(path) as reader:
        cameras = reader.cameras()
        for recorded in reader.messages(cameras.names):
            convert = rgb_image if recorded.topic == cameras.rgb else thermal_image
            convert(recorded.message)

def image(path):
    next(iter(open_source(path, 'rgb').frames()))

pages = int(Path('/proc/self/statm').read_text().split()[0])
limit = pages * resource.getpagesize() + 600 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
answers = {}
for kind, read in (('bags', bag), ('images', image)):
    for path in sorted(Path(kind).iterdir()):
        try:
            read(path)
            answers[path.name] = 'read'
        except InputError as error:
            answers[path.name] = f'refused: {error}'
        except BaseException as error:
            answers[path.name] = f'{type(error).__name__}: {error}'
print(json.dumps(answers))
'''

GOOD = {'good.mcap', 'outside', 'source'}
REASONS = {
    'chunk_bomb.mcap': 'claims 1610612736 bytes',
    'chunk_that_lies.mcap': 'does not unpack to the 4096 bytes',
    'lz4_chunk_that_lies.mcap': 'does not unpack to the 4096 bytes',
    'claim_of_exabytes.mcap': 'claims 1152921504606846976 bytes',
    'unknown_compression.mcap': "compressed by 'rar'",
    'damaged_chunk.mcap': 'checksum is wrong',
    'record_beyond_its_chunk.mcap': 'a record is cut off',
    'header_of_a_terabyte.mcap': 'Truncated record',
    'path_upwards': 'outside of the folder',
    'path_absolute': 'outside of the folder',
    'metadata_large': 'is larger than',
    'file_bomb': 'times its size',
    'message_bomb': 'larger than 268435456 bytes',
    'image_of_2_to_62_pixels': f'{2**62} are needed',
    'image_with_short_rows': 'step = 3',
    'image_of_unknown_encoding': 'has encoding',
    'png_that_claims_too_much': 'claims 2147483647x2147483647 pixels',
    'sequence_of_4_gigabytes': 'Invalid sequence length',
    'string_of_4_gigabytes': 'Invalid string length',
    'unknown_type': 'no topic that looks like a camera',
    'other_hash': 'has another hash',
    'other_fields': 'with other fields',
    'definition_too_long': 'is longer than',
    'generated_column.db3': 'no plain table',
    'view_without_end.db3': 'no plain table',
    'virtual_table.db3': 'no plain table',
    'negative_time.db3': 'the record time -5 cannot be',
    'endless_time.db3': 'cannot be',
    'black.png': 'claims 20000x20000 pixels',
    'claim.jpg': 'claims 65535x65535 pixels',
    'claim.bmp': 'claims 50000x50000 pixels',
    'claim.tif': 'claims 50000x50000 pixels',
    'claim.tiff': f'claims {2**40}x{2**40} pixels',
    'claim.pgm': 'claims 50000x50000 pixels',
    'claim.webp': 'claims 16777216x16777216 pixels',
    'claim.y4m': 'frame 0 cannot be decoded',
    'other_format.png': 'no PNG, JPEG, BMP, TIFF, PNM or WebP',
}


@pytest.fixture(scope='module')
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what became of each file."""
    folder = tmp_path_factory.mktemp('hostile')
    write_all(folder)
    done = subprocess.run(
        [sys.executable, '-c', READ_ALL], cwd=folder, text=True, capture_output=True, check=True,
        env=os.environ | {'PYTHONPATH': str(ROOT), 'OPENCV_LOG_LEVEL': 'OFF'})
    assert not (folder / 'pwned').exists()
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_all_are_refused_and_the_good_ones_are_read(answers: dict[str, str]) -> None:
    assert len(answers) > 60
    assert {name for name, answer in answers.items() if answer == 'read'} == GOOD
    others = {name: answer for name, answer in answers.items()
              if name not in GOOD and not answer.startswith('refused: ')}
    assert others == {}
    assert [name for name, answer in answers.items() if '\n' in answer] == []


@pytest.mark.parametrize('name', REASONS)
def test_the_reason_is_said(answers: dict[str, str], name: str) -> None:
    assert REASONS[name] in answers[name]


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_damaged_bags_raise_nothing_but_input_errors(
        tmp_path_factory: pytest.TempPathFactory, storage: str) -> None:
    folder = tmp_path_factory.mktemp(storage)
    (file,) = (path for path in write_bag(folder / 'bag', scene(1, packed=True),
                                          storage=storage).iterdir() if path.suffix != '.yaml')
    whole = file.read_bytes()
    copy = folder / file.name

    @settings(max_examples=150)
    @given(st.integers(0, len(whole)), st.binary(min_size=1, max_size=9), st.booleans(),
           st.booleans())
    def damage(position: int, noise: bytes, from_end: bool, cut: bool) -> None:
        at = max(len(whole) - position // 8, 0) if from_end else position
        copy.write_bytes(whole[:at] + noise + (b'' if cut else whole[at + len(noise):]))
        with suppress(InputError), BagReader(copy) as bag:
            list(bag.messages(bag.cameras().names))

    damage()


# Models -----------------------------------------------------------------------------------------

@pytest.mark.parametrize('name', ['../search.onnx', '/etc/passwd', 'a/../../b.onnx', '..', ''])
def test_a_model_names_no_file_elsewhere(tmp_path: Path, name: str) -> None:
    write_bundle(tmp_path, name='outer')
    folder = write_bundle(tmp_path / 'inner', edit=lambda description: description['graphs'][
        'search'].update(file=name))
    with pytest.raises(ModelError):
        load_bundle(folder)


@pytest.mark.parametrize('place', ['initializer', 'attribute', 'branch'])
def test_a_graph_keeps_no_tensor_in_another_file(tmp_path: Path, place: str) -> None:
    folder = write_bundle(tmp_path / 'model')
    model = load(folder / 'search.onnx')
    tensor = TensorProto(name='stolen', dims=[1], data_type=TensorProto.FLOAT)
    entry = tensor.external_data.add()
    entry.key, entry.value = 'location', '../../secret'
    tensor.data_location = TensorProto.EXTERNAL
    if place == 'initializer':
        model.graph.initializer.append(tensor)
    else:
        node = helper.make_node('Constant', [], ['stolen'], value=tensor)
        if place == 'branch':
            branch = helper.make_graph([node], 'branch', [], [])
            node = helper.make_node('If', ['x'], ['y'], then_branch=branch, else_branch=branch)
        model.graph.node.append(node)
    with exchanged(folder) as file:
        save(model, file)
    with pytest.raises(ModelError, match=r'search\.onnx cannot be loaded: it keeps tensors in'):
        load_bundle(folder)


def test_a_model_cannot_ask_for_a_huge_map(tmp_path: Path) -> None:
    def grow(description: object) -> None:
        for name, channels in (('score_map', 1), ('size_map', 2), ('offset_map', 2)):
            description['graphs']['search']['outputs'][name] = [  # type: ignore[index]
                1, channels, 10**6, 10**6]

    with pytest.raises(ModelError, match='outputs'):
        load_bundle(write_bundle(tmp_path / 'model', edit=grow))


def test_yaml_of_a_model_makes_no_objects(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / 'model')
    (folder / 'model.yaml').write_text('!!python/object/apply:os.mkdir ["pwned"]\n')
    with pytest.raises(ModelError, match='cannot be read'):
        load_bundle(folder)
    assert yaml.safe_load('a: 1') == {'a': 1}
    assert not Path('pwned').exists()


# Source -----------------------------------------------------------------------------------------

def calls() -> list[tuple[str, ast.Call]]:
    """Return every call in the code that is installed, by its dotted name."""
    found = []
    for file in [*(ROOT / 'rgbt_tracker_ros').rglob('*.py'), *(ROOT / 'launch').rglob('*.py')]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                found.append((ast.unparse(node.func), node))
    return found


FORBIDDEN = {'eval', 'exec', 'compile', '__import__', 'os.system', 'os.popen', 'pickle.load',
             'pickle.loads', 'yaml.load', 'yaml.full_load', 'yaml.unsafe_load', 'marshal.loads',
             'tempfile.mktemp', 'shelve.open'}


def test_nothing_in_the_source_runs_what_it_reads() -> None:
    assert {name for name, _ in calls()} & FORBIDDEN == set()
    for name, call in calls():
        given_ = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert name != 'torch.load' or given_.get('weights_only') == 'True'
        assert given_.get('shell', 'False') == 'False'
        assert given_.get('allow_pickle', 'False') == 'False'
