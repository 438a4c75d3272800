# SPDX-License-Identifier: Apache-2.0
"""The demonstration: its figures on made-up answers, and the real thing on short clips."""
from __future__ import annotations

from collections.abc import Callable
import csv
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import av
import cv2
from mock_model import write_bundle
import numpy as np
import pytest

from rgbt_tracker_ros.benchmark.sources import ImageFiles
from rgbt_tracker_ros.cli.demo import run_demo
from rgbt_tracker_ros.cli.demo_display import summary_rows
from rgbt_tracker_ros.cli.demo_material import Material, Truth, generated, recorded
from rgbt_tracker_ros.cli.demo_report import match_frames, read_run, summarize
from rgbt_tracker_ros.cli.main import run
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.synthetic.spec import Actor, ClipSpec, Event

FRAMES = 60
COLUMNS = ('stamp', 'x', 'y', 'w', 'h', 'score', 'state', 'mode', 'template_frame', 'latency_ms',
           'backend_ms', 'track_ms', 'rgb_camera', 'thermal_camera', 'unpaired_rgb')


def short_clip(folder: Path, seconds: float = 2.0) -> Material:
    """Return a small generated clip of one bright blob."""
    spec = ClipSpec(
        actors=(Actor('blob', ((0.0, 0.45, 0.55), (seconds, 0.55, 0.55)), size=0.4, heat=400),),
        events=(Event('freeze', 0.9, 1.2),), size=(320, 240), duration=seconds, sway=0.0)
    return generated(folder, 3, lambda done, total: None, spec)


def plain_material(occluded: range = range(0)) -> Material:
    """Return a material of FRAMES frames at 30 Hz without any images."""
    empty = ImageFiles('none', 'rgb', [])
    stamps = np.arange(FRAMES) / 30
    hidden = np.isin(np.arange(FRAMES), occluded)
    events = tuple('occlusion' if item else 'clear' for item in hidden)
    boxes = np.tile(np.array([10.0, 10.0, 20.0, 20.0]), (FRAMES, 1))
    return Material('test', empty, empty, stamps, stamps, Box(10, 10, 20, 20), {},
                    Truth(boxes, hidden, events))


def write_table(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write a recorder's table; what a row leaves out has a usual value."""
    usual = {'x': 10, 'y': 10, 'w': 20, 'h': 20, 'score': 0.9, 'state': 'tracking',
             'mode': 'rgbt', 'template_frame': 0, 'latency_ms': 30, 'backend_ms': 20,
             'track_ms': 22, 'rgb_camera': 'ok', 'thermal_camera': 'ok', 'unpaired_rgb': 0}
    with path.open('w', newline='') as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows([usual | row for row in rows])
    return path


def left_over(mark: Path) -> list[str]:
    """Return the command lines of the processes that name a path."""
    found = []
    for entry in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = entry.read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        if str(mark) in line:
            found.append(line)
    return found


def await_true(done: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.05)


@pytest.mark.parametrize('first', [0, 1, 17])
def test_answers_are_matched_to_frames_by_their_stamps(first: int) -> None:
    rng = np.random.default_rng(5)
    stamps = np.cumsum(1 / 30 + rng.normal(0, 2e-3, 200).clip(-5e-3, 5e-3))
    kept = [frame for frame in range(first, 200) if frame == first or rng.random() < 0.8]
    answers = [1.7e9 + stamps[frame] + rng.normal(0, 1e-5) for frame in kept]
    assert match_frames(answers, stamps) == kept


def test_stamp_of_no_rgb_frame_matches_none() -> None:
    stamps = np.arange(10) / 30
    assert match_frames([100.0, 100.0 + 1 / 30, 100.05, 100.1], stamps) == [0, 1, None, 3]


def test_figures_of_a_faultless_run(tmp_path: Path) -> None:
    material = plain_material()
    rows = [{'stamp': f'{50 + stamp:.6f}'} for stamp in material.rgb_stamps]
    summary = summarize(read_run(write_table(tmp_path / 't.csv', rows), material), material)
    assert (summary.pairs, summary.single, summary.dropped, summary.lost) == (FRAMES, 0, 0, 0)
    assert summary.fps == pytest.approx(30)
    assert summary.latency_ms == pytest.approx((30, 30))
    assert summary.overhead_ms == pytest.approx((10, 10))
    assert summary.success == pytest.approx(20 / 21)            # IoU 1 is not over threshold 1
    assert summary.found_again is None


def test_frames_without_answers_keep_the_last_box_and_are_counted(tmp_path: Path) -> None:
    material = plain_material()
    rows = [{'stamp': f'{stamp:.6f}', 'x': 10 + frame, 'unpaired_rgb': 3}
            for frame, stamp in enumerate(material.rgb_stamps) if not 20 <= frame < 30]
    answers = read_run(write_table(tmp_path / 't.csv', rows), material)
    assert answers.boxes[:, 0].tolist() == [
        10.0 + (19 if 20 <= frame < 30 else frame) for frame in range(FRAMES)]
    summary = summarize(answers, material)
    assert (summary.unpaired, summary.dropped) == (3, 7)


@pytest.mark.parametrize(('x_after', 'found'), [(10, True), (200, False)])
def test_target_is_found_again_or_not(tmp_path: Path, x_after: float, found: bool) -> None:
    material = plain_material(occluded=range(20, 30))
    rows = [{'stamp': f'{stamp:.6f}', 'x': 10 if frame < 25 else x_after,
             'state': 'lost' if 22 <= frame < 30 else 'tracking',
             'thermal_camera': 'frozen' if frame == 5 else 'ok'}
            for frame, stamp in enumerate(material.rgb_stamps)]
    answers = read_run(write_table(tmp_path / 't.csv', rows), material)
    summary = summarize(answers, material)
    assert summary.found_again is found
    assert summary.lost == 8
    assert answers.seen[5].notes == {'thermal': 'frozen'}
    assert answers.seen[6].notes == {}
    assert dict(summary_rows(summary))['found again after the occlusion'] == (
        'yes' if found else 'no')


def test_run_that_never_started_is_an_error(tmp_path: Path) -> None:
    table = write_table(tmp_path / 't.csv', [{'stamp': '1.0', 'x': ''}])
    with pytest.raises(ModelError, match='never started'):
        read_run(table, plain_material())


def test_clip_is_made_once_and_an_older_one_removed(tmp_path: Path) -> None:
    (tmp_path / 'seed3-old').mkdir()
    (tmp_path / 'seed33-other').mkdir()
    folder = Path(str(short_clip(tmp_path, 0.2).parameters['clip']))
    made = (folder / 'meta.json').stat().st_mtime_ns
    short_clip(tmp_path, 0.2)
    assert (folder / 'meta.json').stat().st_mtime_ns == made
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted(
        [folder.name, 'seed33-other'])


def test_each_rgb_frame_comes_with_the_nearest_thermal_frame(tmp_path: Path) -> None:
    material = short_clip(tmp_path, 0.6)
    thermal = list(material.thermal.frames())
    for stamp, (_, given) in zip(material.rgb_stamps, material.frames(), strict=True):
        nearest = int(np.argmin(np.abs(material.thermal_stamps - stamp)))
        assert np.array_equal(given, thermal[nearest])


@pytest.mark.parametrize(('arguments', 'words'), [
    (['--rgb', 'a.mp4'], '--thermal and --init'),
    (['--init', '1,2,3,4'], '--rgb, --thermal'),
    (['--rgb', 'none.mp4', '--thermal', 'none.mp4', '--init', '1,2,30,40'], 'does not exist'),
    (['--rgb', 'none.mp4', '--thermal', 'none.mp4', '--init', '1,2,30'], '--init'),
    (['--model', 'no_such_model'], 'no_such_model'),
])
def test_bad_arguments_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str,
) -> None:
    model = [] if '--model' in arguments else ['--model', str(write_bundle(tmp_path / 'mock'))]
    assert run(['demo', '--output', str(tmp_path / 'out'), *model, *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / 'out').exists()


def test_box_outside_the_first_frame_is_refused(tmp_path: Path) -> None:
    folder = str(short_clip(tmp_path, 0.2).parameters['clip'])
    with pytest.raises(InputError, match=r'--init: box .* outside the 320x240 image'):
        recorded(f'{folder}/rgb', f'{folder}/thermal', '500,10,20,20')


@pytest.mark.ros
@pytest.mark.slow
def test_demo_writes_everything_and_leaves_nothing_running(tmp_path: Path) -> None:
    material = short_clip(tmp_path / 'clips')
    output = tmp_path / 'output'
    run_demo(material, output, str(write_bundle(tmp_path / 'mock')))

    boxes = np.loadtxt(output / 'boxes.txt', delimiter=',')
    assert boxes.shape == (len(material.rgb_stamps), 4)
    assert np.isfinite(boxes).all()
    assert boxes[0] == pytest.approx(material.init, abs=0.01)
    with (output / 'log.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:10] == [
        'frame', 'x', 'y', 'w', 'h', 'score', 'state', 'mode', 'template_frame', 'ms']
    assert len(rows) > 0.5 * len(material.rgb_stamps)
    assert [int(row['frame']) for row in rows] == sorted({int(row['frame']) for row in rows})
    assert 'rgb' in {row['mode'] for row in rows}               # while thermal was frozen
    with av.open(str(output / 'overlay.mp4')) as video:
        frames = [frame.to_ndarray(format='rgb24') for frame in video.decode(video=0)]
    assert len(frames) == len(material.rgb_stamps)
    assert frames[0].shape[1] > 2 * frames[0].shape[0]           # three panels side by side
    assert frames[-1][100:400, -400:].std() > 5                  # the fused one is not empty
    assert cv2.imread(str(output / 'summary.png')) is not None
    assert {file.name for file in (output / 'logs').glob('*.log')} == {
        'player_node.log', 'recorder_node.log', 'tracker_node.log'}
    assert left_over(tmp_path) == []


@pytest.mark.ros
@pytest.mark.slow
def test_interrupted_demo_ends_its_nodes(tmp_path: Path) -> None:
    folder = str(short_clip(tmp_path / 'clips').parameters['clip'])
    output = tmp_path / 'output'
    # A folder of images plays at 30 Hz; the box is that of the generated clip.
    init = (Path(folder) / 'init.txt').read_text().strip()
    process = subprocess.Popen(
        [sys.executable, '-m', 'rgbt_tracker_ros.cli.main', 'demo', '--rgb', f'{folder}/rgb',
         '--thermal', f'{folder}/thermal', '--init', init, '--output', str(output), '--model',
         str(write_bundle(tmp_path / 'mock'))],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    await_true(lambda: len(left_over(tmp_path)) == 4)              # itself and three nodes
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert 'Traceback' not in said
    assert left_over(tmp_path) == []
    assert not (output / 'boxes.txt').exists()


@pytest.mark.ros
@pytest.mark.slow
def test_node_that_fails_is_named_with_its_reason(tmp_path: Path) -> None:
    clip = Path(str(short_clip(tmp_path / 'clips').parameters['clip']))
    (clip / 'rgb' / '000020.jpg').write_bytes(b'broken')
    material = recorded(f'{clip}/rgb', f'{clip}/thermal', (clip / 'init.txt').read_text())
    with pytest.raises(ModelError, match=r'player_node ended with status 2.*000020\.jpg'):
        run_demo(material, tmp_path / 'output', str(write_bundle(tmp_path / 'mock')))
    assert left_over(tmp_path) == []


@pytest.mark.ros
@pytest.mark.slow
def test_model_that_cannot_be_loaded_is_reported_at_once(tmp_path: Path) -> None:
    model = write_bundle(tmp_path / 'mock')
    (model / 'search.onnx').write_bytes(b'torn')
    with pytest.raises(ModelError, match=r'tracker_node: .*search\.onnx'):
        run_demo(short_clip(tmp_path / 'clips', 0.5), tmp_path / 'output', str(model))
    assert left_over(tmp_path) == []


@pytest.fixture(autouse=True)
def environment_as_before() -> object:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
