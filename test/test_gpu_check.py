# SPDX-License-Identifier: Apache-2.0
"""gpu-check: what it does without a GPU, on a pretended one, and when something fails."""
from __future__ import annotations

import json
from pathlib import Path
import signal
import subprocess
import sys

from mock_model import write_bundle
from pretend_room import Room, build_here
import pytest
import torch

from rgbt_tracker_ros.benchmark.gpu import models, task_process
from rgbt_tracker_ros.benchmark.gpu.check import Budget, check
from rgbt_tracker_ros.benchmark.gpu.contenders import Place, contender
from rgbt_tracker_ros.benchmark.gpu.report import decisions, markdown
from rgbt_tracker_ros.benchmark.gpu.tasks import ON_CPU, PARTS, RUNTIMES, SCANS, Task, plan
from rgbt_tracker_ros.benchmark.gpu.timing import Effort, gpu_times, host_times
from rgbt_tracker_ros.benchmark.gpu.work import Setting, do
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.inference.bundle import load_bundle

NO_GPU = not torch.cuda.is_available()
QUICK = Effort(5, 0.2, 1)


def test_command_on_the_cpu_writes_a_report_and_goes_on_where_it_ended(tmp_path, capsys):
    bundle, output = write_bundle(tmp_path / 'm'), tmp_path / 'gpu.json'
    command = ['gpu-check', '--output', str(output), '--bundle', str(bundle), '--quick',
               '--allow-cpu', '--work', str(tmp_path / 'w'), '--only', 'onnxruntime-cpu']
    assert run(command) == 0
    assert 'model:mock:onnxruntime-cpu: ok, p50' in capsys.readouterr().err
    report = json.loads(output.read_text())
    row = report['rows'][-1]
    assert (row['status'], row['box_iou'], row['score_error']) == ('ok', 1.0, 0.0)
    assert 0 < row['host_ms']['p50'] <= row['host_ms']['p99']
    assert report['command'].startswith('rgbt-tracker')
    assert report['bundles']['mock-fp32']['sha256']['search'] == load_bundle(
        bundle).search_graph.sha256
    assert report['machine']['versions']['onnxruntime']
    assert '| ONNX Runtime on the CPU' in output.with_suffix('.md').read_text()
    before = report['rows']
    assert run(command) == 0
    assert json.loads(output.read_text())['rows'] == before
    if NO_GPU:
        assert 'No GPU' in output.with_suffix('.md').read_text()
        assert run([*command[:5], '--only', 'tensorrt']) == 2
        assert 'there is no GPU to check' in capsys.readouterr().err
    output.write_text('{}')
    assert run(command) == 2
    assert 'no report of gpu-check' in capsys.readouterr().err


def test_networks_agree_with_their_bundles_on_the_cpu(tmp_path):
    setting = Setting(str(tmp_path), quick=True, cpu=True)
    assert do(Task('export', 'ckd', 'fp32'), setting)['sha256']['search']
    assert do(Task('reference', 'ckd', 'fp32'), setting)['by'] == 'onnxruntime'
    for runtime in ('torch-eager', 'torch-backend'):
        result = do(Task('model', 'ckd', runtime), setting)
        assert result['score_error'] < 1e-5
        assert result['box_iou'] > 0.999
        assert 'gpu_ms' not in result
    for task in [Task('part', part, 'torch-eager') for part in PARTS] + [
            Task('scan', 'adapter', form) for form in SCANS if form in ON_CPU]:
        assert do(task, setting)['host_ms']['p50'] > 0
    for form in ('torch-graphs', 'torch-kernels'):
        with pytest.raises(InputError, match='need a GPU'):
            do(Task('part', 'scans', form), setting)


def test_engines_are_compared_and_timed_on_a_pretended_gpu(tmp_path, monkeypatch):
    room = Room(tmp_path, monkeypatch)
    models.write_reference(room.bundle, tmp_path / 'mock.npz')
    made = contender('tensorrt-fp32', 'mock', Place(
        room.bundle, room.bundle, tmp_path / 'engines', build=build_here))
    assert models.errors(made.search(), tmp_path / 'mock.npz')['score_error'] < 1e-5
    for step, launches in ((made.step, True), (made.without_graph, False)):
        before = len(room.gpu.calls)
        assert gpu_times(step.call, step.clock, QUICK)['p50'] > 0
        assert ('cudaGraphLaunch' in room.gpu.calls[before:]) == launches
    assert made.notes == ()
    assert room.gpu.violations == []


def test_what_needs_the_networks_says_so_for_a_bundle(tmp_path):
    bundle = load_bundle(write_bundle(tmp_path / 'm'))
    with pytest.raises(InputError, match='only graphs, not the network'):
        contender('torch-eager', 'mock', Place(bundle, bundle, tmp_path, cpu=True))


def _rows(tasks, fails=(), status='ok'):
    done = []

    def pretend(task, setting, longest):
        done.append(task.name)
        failed = any(part in task.name for part in fails)
        return {'status': 'failed', 'reason': 'broken'} if failed else {'status': status}

    rows = []
    for _ in check(tasks, Setting('.'), Budget(100.0, 10.0), rows, do=pretend):
        pass
    return rows, done


def test_a_task_that_fails_takes_only_what_needs_it_along():
    tasks = [Task('model', 'ckd', 'torch-eager'), Task('model', 'tpf', 'rtx-fp16')]
    rows, done = _rows(tasks, fails=['export:ckd'])
    assert done == ['export:ckd:fp32', 'export:tpf:fp32', 'reference:tpf:fp32',
                    'export:tpf:fp16', 'model:tpf:rtx-fp16']
    by_name = {f'{row["kind"]}:{row["subject"]}': row for row in rows}
    assert by_name['model:ckd']['reason'] == 'export: broken'
    assert by_name['model:tpf']['status'] == 'ok'


def test_what_failed_is_tried_again_and_what_worked_is_not():
    rows = [{**Task('scan', 'adapter', form).row(), 'status': status}
            for form, status in (('ssd-chunked', 'ok'), ('s6-triton', 'failed'))]
    tasks = [Task('scan', 'adapter', form) for form in ('ssd-chunked', 's6-triton')]
    done = [task.variant for task, row in check(
        tasks, Setting('.'), Budget(100.0, 10.0), rows, do=lambda *_: {'status': 'ok'}) if row]
    assert done == ['s6-triton']
    assert [row['status'] for row in rows] == ['ok', 'ok']


def test_out_of_time_nothing_is_begun():
    rows = []
    list(check([Task('scan', 'adapter', 'ssd-chunked')], Setting('.'), Budget(1.0, 1.0), rows,
               do=lambda *_: pytest.fail('begun')))
    assert rows[0]['status'] == 'out of time'


@pytest.mark.parametrize(('code', 'status', 'reason'), [
    (f'import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})', 'failed', 'SIGSEGV'),
    ('print("no kernel"); raise SystemExit(3)', 'failed', 'ended with status 3: no kernel'),
    ('import time; time.sleep(60)', 'out of time', 'not done after 1 s')])
def test_a_process_that_crashes_or_hangs_ends_alone(monkeypatch, code, status, reason):
    monkeypatch.setattr(task_process, 'start_module', lambda *_, output: subprocess.Popen(
        [sys.executable, '-c', code], stdout=output, start_new_session=True))
    result = task_process.do_in_process(Task('scan', 'adapter', 'ssd-chunked'), Setting('.'), 1.0)
    assert result['status'] == status
    assert reason in result['reason']


def test_only_takes_parts_of_names_and_patterns():
    names = [task.name for task in plan(('ckd', 'tpf'), ['model:ckd:tensorrt*', 'mamba'])]
    assert names[:2] == ['model:ckd:tensorrt-fp32', 'model:ckd:tensorrt-fp16']
    assert all('s6-mamba-ssm' in name for name in names[2:])
    assert {task.variant for task in plan(('ckd',), networks=False)} == set(RUNTIMES)
    assert all(task.variant in ON_CPU for task in plan(('ckd',), cpu=True))
    with pytest.raises(InputError, match='--only nothing: no task has such a name'):
        plan(('ckd',), ['nothing'])


def _measured(kind, subject, variant, gpu, **more):
    times = {'p50': gpu, 'p95': gpu, 'p99': gpu}
    return {**Task(kind, subject, variant).row(), 'status': 'ok', 'gpu_ms': times, **more}


def test_what_is_decided_follows_from_the_figures():
    rows = [
        _measured('model', 'unified', 'torch-eager', 6.0),
        _measured('model', 'unified', 'rtx-fp32', 3.0),
        _measured('model', 'unified', 'tensorrt-fp16', 1.5, outside_ms=0.4,
                  gpu_without_graph_ms={'p50': 3.0, 'p95': 3.0, 'p99': 3.0}),
        _measured('part', 'scans', 'tensorrt-fp32', 9.0),
        _measured('part', 'attention', 'tensorrt-fp32', 3.0)]
    found = decisions(rows)
    assert found['unified'] == {
        'fastest_engine': 'tensorrt-fp16', 'cuda_graph_gain': 2.0, 'outside_ms': 0.4,
        'eager_over_engine': 4.0}
    assert found['scans_over_attention'] == {'tensorrt-fp32': 3.0}
    assert found['plugin_worth_writing'] is True
    page = markdown({
        'rows': [*rows, {**Task('model', 'unified', 'rtx-fp16').row(), 'status': 'failed',
                         'reason': 'no | kernel'}], 'decisions': found, 'bundles': {},
        'gpu': {'name': 'G', 'capability': '9.0', 'cuda': '12.6'}, 'quick': False, 'begun': 'now',
        'command': 'c', 'machine': {'cpu': 'C', 'usable_cores': 2, 'versions': {'torch': '2'}}})
    assert '4.00 times as fast as PyTorch' in page
    assert 'plug-in for TensorRT is worth writing (limit 2)' in page
    assert '| TensorRT-RTX, half precision | failed: no / kernel |' in page
    assert decisions([]) == {}


def test_times_are_taken_within_their_limits():
    calls = []
    assert host_times(lambda: calls.append(1), Effort(7, 5.0, 2))['runs'] == 7
    assert len(calls) == 9


def test_a_run_time_that_is_missing_is_an_error(tmp_path, monkeypatch):
    room = Room(tmp_path, monkeypatch)
    place = Place(room.bundle, room.bundle, Path(tmp_path))
    with pytest.raises(ModelError, match='pip install onnxruntime-gpu'):
        contender('onnxruntime-cuda', 'mock', place)
