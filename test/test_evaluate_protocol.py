# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import json
import multiprocessing
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import miniature
from miniature import FRAMES
from mock_model import write_bundle
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.box_files import read_boxes
from rgbt_tracker_ros.benchmark.datasets import mmic
from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
from rgbt_tracker_ros.benchmark.protocol import executors, job, one_pass
from rgbt_tracker_ros.benchmark.protocol.evaluate import evaluate
from rgbt_tracker_ros.benchmark.protocol.executors import Processes, Serial
from rgbt_tracker_ros.benchmark.protocol.store import ResultStore
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.settings import Settings

NAMES = ('one', 'two', 'three')


@pytest.fixture(scope='module')
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp('models') / 'mock')


@pytest.fixture(scope='module')
def gtot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('gtot')
    for number, name in enumerate(NAMES):
        miniature.write_gtot(root / name, FRAMES + 2 * number)
    (root / 'SequencesName.txt').write_text('\n'.join(NAMES))
    return root


def _evaluate(root: Path, model: Path, out: Path | None, *more: str) -> int:
    output = [] if out is None else ['--output', str(out)]
    return run(['evaluate', '--dataset', 'gtot', '--root', str(root), '--model', str(model),
                *output, *more])


def _files(out: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted((out / 'mock').glob('*.txt'))}


def test_results_lie_as_tool_kits_want_them(gtot: Path, model: Path, tmp_path: Path) -> None:
    assert _evaluate(gtot, model, tmp_path, '--json', str(tmp_path / 'a.json')) == 0
    assert set(_files(tmp_path)) == {f'{name}.txt' for name in NAMES}
    boxes = read_boxes(tmp_path / 'mock' / 'one.txt')
    assert boxes.shape == (FRAMES, 4)
    np.testing.assert_array_equal(boxes[0], miniature.box(0))
    times = np.loadtxt(tmp_path / 'mock' / 'times' / 'one_time.txt')
    assert times.shape == (FRAMES,)
    assert (times > 0).all()
    report = json.loads((tmp_path / 'a.json').read_text())
    assert set(report['tracks']) == set(NAMES)
    assert report['mean']['pr'] > 0.9
    assert report['convention']['name'] == 'gtot'
    # Each frame but the first of each sequence.
    assert report['calibration']['frames'] == sum(FRAMES + 2 * i - 1 for i in range(len(NAMES)))
    assert 0 <= report['calibration']['ece'] <= 1


def test_score_says_the_same_of_the_files(gtot: Path, model: Path, tmp_path: Path) -> None:
    assert _evaluate(gtot, model, tmp_path, '--json', str(tmp_path / 'a.json')) == 0
    assert run(['score', '--dataset', 'gtot', '--root', str(gtot), '--results',
                str(tmp_path / 'mock'), '--json', str(tmp_path / 'b.json')]) == 0
    first, second = (json.loads((tmp_path / name).read_text()) for name in ('a.json', 'b.json'))
    assert (first['mean'], first['notes']) == (second['mean'], second['notes'])


@pytest.mark.slow
def test_two_workers_give_the_boxes_of_one(gtot: Path, model: Path, tmp_path: Path) -> None:
    for workers in '12':
        assert _evaluate(gtot, model, tmp_path / workers, '--workers', workers) == 0
    assert _files(tmp_path / '1') == _files(tmp_path / '2')


def _count_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tracked: list[str] = []
    original = one_pass.run_sequence

    def counted(work, sequence, on_frame):
        tracked.append(sequence.name)
        return original(work, sequence, on_frame)
    monkeypatch.setattr(executors, 'run_sequence', counted)
    return tracked


def _cut(path: Path) -> None:
    path.write_text(path.read_text()[:40])


TORN: dict[str, tuple[Callable[[Path], None], str]] = {
    'cut': (lambda folder: _cut(folder / 'two.txt'), 'two'),
    'missing': (lambda folder: (folder / 'three.txt').unlink(), 'three'),
    'nan': (lambda folder: (folder / 'one.txt').write_text('nan,nan,nan,nan\n' * FRAMES), 'one'),
    'no time': (lambda folder: (folder / 'times' / 'one_time.txt').unlink(), 'one'),
    'cut log': (lambda folder: _cut(folder / 'logs' / 'one.csv'), 'one'),
    'bytes': (lambda folder: (folder / 'one.txt').write_bytes(b'\xff\x00'), 'one'),
}


@pytest.mark.parametrize(('damage', 'name'), TORN.values(), ids=TORN)
def test_finished_sequences_are_kept_and_torn_ones_redone(
        gtot: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str], damage, name: str) -> None:
    assert _evaluate(gtot, model, tmp_path, '--json', str(tmp_path / 'a.json')) == 0
    before = _files(tmp_path)
    damage(tmp_path / 'mock')
    tracked = _count_runs(monkeypatch)
    assert _evaluate(gtot, model, tmp_path, '--json', str(tmp_path / 'b.json')) == 0
    assert tracked == [name]
    assert _files(tmp_path) == before
    said = capsys.readouterr().err
    assert '2 sequences were finished before, 1 are left' in said
    assert ('files are torn' in said) == ('three' not in tracked)
    first, second = (json.loads((tmp_path / file).read_text()) for file in ('a.json', 'b.json'))
    assert first['mean'] == second['mean']


def test_another_model_or_setting_is_not_mixed_in(
        gtot: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _evaluate(gtot, model, tmp_path) == 0
    other = write_bundle(tmp_path / 'other' / 'mock', name='other')
    assert _evaluate(gtot, other, tmp_path) == 2
    assert 'holds results of another evaluation (model_digest: ' in capsys.readouterr().err
    assert _evaluate(gtot, model, tmp_path, '--set', 'template.update=off') == 2
    said = capsys.readouterr().err
    assert 'template.update: ' in said
    assert 'off now' in said
    assert _evaluate(gtot, model, tmp_path, '--set', 'template.update=off', '--name', 'off') == 0
    assert _evaluate(gtot, other, tmp_path, '--overwrite') == 0
    record = json.loads((tmp_path / 'mock' / 'evaluation.json').read_text())
    assert record['model_digest'] == job.make_job(str(other), Settings()).digest


def test_overwrite_begins_again(
        gtot: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _evaluate(gtot, model, tmp_path) == 0
    tracked = _count_runs(monkeypatch)
    assert _evaluate(gtot, model, tmp_path, '--overwrite', '--sequences', 'two') == 0
    assert tracked == ['two']
    assert set(_files(tmp_path)) == {'two.txt'}


def test_results_of_others_are_not_touched(
        gtot: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'mock').mkdir()
    (tmp_path / 'mock' / 'one.txt').write_text('1,2,3,4\n')
    assert _evaluate(gtot, model, tmp_path, '--overwrite') == 2
    assert 'holds box files that evaluate did not write' in capsys.readouterr().err
    assert (tmp_path / 'mock' / 'one.txt').read_text() == '1,2,3,4\n'


def test_a_damaged_frame_costs_its_sequence_only(
        model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / 'gtot'
    for name in NAMES:
        miniature.write_gtot(root / name)
    (root / 'SequencesName.txt').write_text('\n'.join(NAMES))
    (root / 'two' / 'v' / '00005v.png').write_bytes(b'torn')
    out = tmp_path / 'out'
    assert _evaluate(root, model, out) == 2
    said = capsys.readouterr().err
    assert '1 sequences could not be tracked: two (' in said
    assert '00005v.png' in said
    assert set(_files(out)) == {'one.txt', 'three.txt'}
    report = tmp_path / 'a.json'
    assert _evaluate(root, model, out, '--allow-missing', '--json', str(report)) == 0
    assert 'ONLY 2 OF 3 SEQUENCES' in capsys.readouterr().out
    assert list(json.loads(report.read_text())['left_out']) == ['two']


def test_missing_sequences_are_counted_in_the_table(
        gtot: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmic, 'list_in', lambda root, names: (*NAMES, 'four'))
    assert _evaluate(gtot, model, tmp_path) == 2
    assert 'four (no such folder)' in capsys.readouterr().err
    assert _evaluate(gtot, model, tmp_path, '--allow-missing') == 0
    captured = capsys.readouterr()
    assert 'ONLY 3 OF 4 SEQUENCES' in captured.out
    assert 'four (no such folder): left out' in captured.err


@pytest.mark.parametrize(('more', 'message'), [
    (['--sequences', 'tree'], '--sequences tree: gtot has no such sequence: is it three'),
    (['--split', 'test'], '--split test: gtot has no such split'),
    (['--modality', 'radar'], '--modality radar'),
    (['--name', 'a/b'], '--name a/b: give the name of a folder'),
    (['--name', '..'], '--name ..: give the name of a folder'),
    (['--name', ''], '--name : give the name of a folder'),
    (['--sequences', ','], '--sequences ,: give names, or leave it out'),
    (['--json', 'none/out.json'], '--json none/out.json cannot be written'),
    (['--workers', '-1'], '--workers'),
])
def test_bad_arguments_are_named(
        gtot: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
        more: list[str], message: str) -> None:
    assert _evaluate(gtot, model, tmp_path, *more) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count('\n') == 1


def test_an_output_that_cannot_be_written_is_named(
        gtot: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'file').write_text('x')
    assert _evaluate(gtot, model, tmp_path / 'file') == 2
    assert 'cannot be made' in capsys.readouterr().err


def test_results_do_not_depend_on_what_was_tracked_before(gtot: Path, model: Path) -> None:
    work = job.make_job(str(model), Settings())
    sequences = load_dataset('gtot', gtot).sequences
    forward, back = ({run.name: run.boxes for run in Serial().run(work, order, _ignore)}
                     for order in (sequences, sequences[::-1]))
    for name in NAMES:
        np.testing.assert_array_equal(forward[name], back[name])


def test_the_network_has_one_thread_unless_told_otherwise(model: Path) -> None:
    assert job.make_job(str(model), Settings()).settings.model.threads == 1
    four = Settings().updated({'model.threads': 4})
    assert job.make_job(str(model), four).settings.model.threads == 4


def test_a_worker_with_another_model_or_version_refuses(model: Path, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / 'mock')
    work = job.make_job(str(folder), Settings())
    write_bundle(folder, name='changed')
    with pytest.raises(ModelError, match='is not the one the evaluation was started with'):
        job.make_tracker(work)
    with pytest.raises(ModelError, match='install the same version'):
        job.make_tracker(replace(work, version='9.9'))


class _Fails:
    """Tracks one sequence, then meets a fault."""

    def __init__(self) -> None:
        self.closed = False

    def run(self, work, sequences, on_frames):
        try:
            yield one_pass.run_sequence(work, sequences[0])
            raise InputError('a worker died')
        finally:
            self.closed = True


def test_what_was_finished_before_a_fault_is_kept(gtot: Path, model: Path, tmp_path: Path) -> None:
    work, data = job.make_job(str(model), Settings()), load_dataset('gtot', gtot)
    executor = _Fails()
    with pytest.raises(InputError, match='a worker died'):
        evaluate(data, work, ResultStore(tmp_path, {}), executor)
    assert [path.name for path in tmp_path.glob('*.txt')] == ['one.txt']
    assert executor.closed


class Deadly:
    """A recording that ends the process which reads it, as lack of memory does."""

    text, count, rate = 'deadly', FRAMES, None

    def frames(self, start: int = 0):
        os._exit(9)


@pytest.mark.slow
def test_a_worker_that_dies_is_told(gtot: Path, model: Path) -> None:
    sequence = replace(load_dataset('gtot', gtot).sequences[0], rgb=Deadly())
    with pytest.raises(InputError, match='a worker died'):
        list(Processes(2).run(job.make_job(str(model), Settings()), [sequence], _ignore))
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_model_that_workers_cannot_load_is_told(gtot: Path, model: Path) -> None:
    work = replace(job.make_job(str(model), Settings()), model='nowhere')
    with pytest.raises(ModelError, match="model 'nowhere' not found"):
        list(Processes(2).run(work, load_dataset('gtot', gtot).sequences, _ignore))


def _ignore(count: int) -> None:
    pass


@pytest.mark.slow
def test_ctrl_c_ends_all_workers_and_keeps_what_is_done(
        model: Path, tmp_path: Path) -> None:
    root = tmp_path / 'gtot'
    for number in range(4):
        miniature.write_gtot(root / f's{number}', 12)
    (root / 'SequencesName.txt').write_text('s0\ns1\ns2\ns3')
    for number in (2, 3):
        _lengthen(root / f's{number}', 3000)
    process = subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'evaluate', '--dataset', 'gtot',
         '--root', str(root), '--model', str(model), '--output', str(tmp_path / 'out'),
         '--workers', '2'], start_new_session=True, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and len(_group(process.pid)) < 3:
        time.sleep(0.1)
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert 'Traceback' not in said
    deadline = time.monotonic() + 20
    while _group(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _group(process.pid)
    assert not list((tmp_path / 'out').rglob('.*'))


def _lengthen(folder: Path, more: int) -> None:
    """Add copies of the first frame to a GTOT sequence."""
    for camera in 'vi':
        for number in range(more):
            os.link(folder / camera / f'00001{camera}.png',
                    folder / camera / f'1{number:05d}{camera}.png')
    for name in ('groundTruth_v.txt', 'groundTruth_i.txt', 'init.txt'):
        text = (folder / name).read_text()
        (folder / name).write_text(text + (text.splitlines()[0] + '\n') * more)


def _group(leader: int) -> list[str]:
    """Return the live processes of a group."""
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != 'Z':
            found.append(stat.parent.name)
    return found
