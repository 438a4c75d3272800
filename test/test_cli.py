# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
import subprocess
import sys

from mock_model import write_bundle
import pytest

from rgbt_tracker_ros.cli import doctor, options
from rgbt_tracker_ros.cli.main import COMMANDS, run
from rgbt_tracker_ros.inference import model_path


@pytest.mark.parametrize('arguments', [[], ['--help']])
def test_help_lists_the_commands(
        arguments: list[str], capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'argv', ['rgbt-tracker'])
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in COMMANDS)


@pytest.mark.parametrize('command', COMMANDS)
def test_each_command_explains_itself(
        command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, '--help']) == 0
    out = capsys.readouterr().out
    assert command in out
    # Words in square brackets would be taken for markup and leave a gap.
    assert ' .' not in out.replace(' ...', '')


def test_help_needs_no_heavy_package() -> None:
    code = ('import sys; from rgbt_tracker_ros.cli.main import make_app; make_app(); '
            'print(sorted({"torch", "onnxruntime", "matplotlib", "av", "rclpy"} '
            '& set(sys.modules)))')
    done = subprocess.run([sys.executable, '-c', code], text=True, capture_output=True,
                          cwd=Path(__file__).resolve().parents[1], check=True)
    assert done.stdout.strip() == '[]'


@pytest.mark.parametrize(('arguments', 'message'), [
    (['trak'], "No such command 'trak'"), (['track'], "'--init'"),
    (['track', '--colour'], '--colour'), (['benchmark', '--frames', '0'], "'--frames'"),
    (['export', '--output', 'new', '--opset', '18'], '18'), (['soak', '--seed=x'], "'x'"),
    (['bag', 'x', '--storage', 'y'], "'--storage': 'y' is not one of 'mcap', 'sqlite3'. (see"),
    (['export', '--output', ''], '--output is empty'),
    (['gpu-check', '--output='], '--output is empty'),
    (['compare-backends', '--root', '.', '--json', ''], '--json is empty'),
    (['generate', '--overwrite', ''], 'OUTPUT is empty: give a path'),
    (['import-checkpoint', '', '--family', 'ckd'], 'FILE is empty: give a path'),
    (['import-checkpoint', str(Path(__file__).parent), '--family', 'ckd', '--output', 'x'],
     'it is a folder: give the file'),
    (['export', '--checkpoint', str(Path(__file__).parent), '--output', 'x'],
     'it is a folder: give the file'),
    (['gpu-check', '--output', 'gpu.md'], 'gpu.md: the tables would take its place'),
    (['inspect', 'unified_nano', '--json', 'times.json'], 'add --time N'),
    (['export', '--output', __file__], 'cannot be written (Not a directory)'),
    (['export', '--output', 'new', '--model', 'xyz'], "family 'xyz' is not known"),
])
def test_wrong_usage_is_one_line_and_status_2(
        arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith('error: ')
    assert message in err
    assert err.count('\n') == 1


def test_ctrl_c_says_so_wherever_it_comes(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt
    for place in ('rgbt_tracker_ros.cli.score.load_truths', 'rgbt_tracker_ros.cli.main.make_app'):
        with monkeypatch.context() as patch:
            patch.setattr(place, interrupt)
            assert run(['score', '--dataset', 'gtot', '--results', '.']) == 130
        assert capsys.readouterr().err == 'interrupted\n'


LONG = '/' + 300 * 'a'


@pytest.mark.parametrize('arguments', [
    ['score', '--dataset', 'gtot', '--results', LONG],
    ['score', '--dataset', 'gtot', '--results', '.', '--root', LONG],
    ['score', '--results', '.', '--groundtruth', LONG],
    ['report', '--dataset', 'gtot', '--output', 'out', '--results', f'A={LONG}'],
    ['evaluate', '--root', LONG],
    ['compare', 'a', 'b', '--root', LONG],
])
def test_a_path_that_is_too_long_is_one_line_and_status_2(
        arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(f'error: {arguments[-2]} /aaa')
    assert 'File name too long' in err
    assert err.count('\n') == 1


@pytest.mark.parametrize('arguments', [['demo'], ['benchmark', '--ros', '--frames', '1']])
def test_without_ros_the_nodes_are_refused_at_once(
        arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, 'find_spec', lambda name: None if name == 'rclpy' else name)
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert 'needs rclpy: source a ROS 2 installation' in err
    assert err.count('\n') == 1
    assert not list(tmp_path.iterdir())


def test_benchmark_reports_every_stage(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bundle(tmp_path / 'm')
    assert run(['benchmark', '--model', str(tmp_path / 'm'), '--frames', '3', '--json',
                str(tmp_path / 'b.json')]) == 0
    report = json.loads((tmp_path / 'b.json').read_text())
    assert (report['model'], report['backend'], report['frames']) == ('mock', 'onnxruntime', 3)
    assert set(report['milliseconds']) == {
        'template_crop', 'template', 'search_crop', 'search', 'decode', 'total'}
    assert all(row['p95'] >= row['p50'] > 0 for row in report['milliseconds'].values())
    assert report['usable_cores'] >= 1
    assert 'numpy' in report['versions']
    assert 'total' in capsys.readouterr().out


def test_doctor_runs_each_model_it_finds(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(model_path, 'shared_folders', lambda kind: [tmp_path])
    write_bundle(tmp_path / 'good')
    assert run(['doctor']) == 0
    write_bundle(tmp_path / 'bad', cells=16)
    assert run(['doctor']) == 1
    capsys.readouterr()
    levels = {finding.subject: finding.level for finding in doctor.examine()}
    assert levels['model good'] == 'ok'
    assert levels['model bad'] == 'error'
    assert levels['backend onnxruntime'] == 'ok'


def test_doctor_says_when_there_is_no_model(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_path, 'shared_folders', lambda kind: [tmp_path])
    assert next(finding.level for finding in doctor.examine()
                if finding.subject == 'models') == 'error'
