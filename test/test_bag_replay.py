# SPDX-License-Identifier: Apache-2.0
"""Requests, silent cameras, loops and stamps of a bag are handled as the node handles them."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bag_files import (
    BEGIN,
    DETECTION,
    IMAGE,
    INFO,
    LATENCY,
    PERIOD,
    RGB,
    THERMAL,
    Entry,
    camera_info,
    image,
    init_box,
    scene,
    write_bag,
)
from bag_run import DETECTIONS, FRAMES, Clip, said, statuses
import pytest
from scenes import images

from rgbt_tracker_ros.bags.reader import BagReader


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return Clip(tmp_path_factory.mktemp('clip'))


@pytest.fixture
def bag(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clip:
    """Return the command, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return clip


def test_compressed_images_are_tracked_alike(bag: Clip, tmp_path: Path) -> None:
    write_bag(tmp_path / 'packed', scene(FRAMES, packed=True), storage='sqlite3',
              distribution='humble', version=8)
    assert bag(tmp_path / 'packed') == 0
    assert bag(output='raw') == 0
    assert [item.box for item in said()] == [item.box for item in said(Path('raw'))]


def recorded_request(after: int, stamp: int, box: tuple[float, ...]) -> Entry:
    return Entry(BEGIN + after * PERIOD + 2 * LATENCY, '/rgbt_tracker/init_box', DETECTION,
                 init_box(stamp, *box))


def test_a_recorded_init_box_starts_the_target_on_its_frame(
        bag: Clip, tmp_path: Path) -> None:
    entries = sorted([*scene(FRAMES), recorded_request(
        6, BEGIN + 5 * PERIOD, (55, 100, 32, 32))], key=lambda entry: entry.time)
    write_bag(tmp_path / 'bag', entries)
    assert bag(tmp_path / 'bag', init=None) == 0
    found = said()
    assert [item.box is None for item in found[:8]] == [True] * 7 + [False]
    # The newest frame is said once more, now with the target.
    assert found[7].stamp == found[6].stamp
    assert found[-1].box == pytest.approx([40 + 3 * (FRAMES - 1), 100, 32, 32], abs=4)
    assert statuses()[7]['request']['accepted'] == 'True'


def test_init_stamp_names_the_frame_of_the_box(bag: Clip) -> None:
    stamp = (BEGIN + 10 * PERIOD) * 1e-9
    assert bag(init='70,100,32,32', init_stamp=f'{stamp:.6f}') == 0
    found = said()
    assert [item.box is None for item in found] == [True] * 10 + [False] * (FRAMES - 10)
    assert found[10].box == pytest.approx([70, 100, 32, 32], abs=1)


def test_predictions_are_those_at_the_record_times(bag: Clip) -> None:
    Path('p.yaml').write_text('/**:\n  ros__parameters:\n    target: {predict_to_now: true}\n')
    assert bag(params='p.yaml') == 0
    with BagReader(Path('out')) as result:
        messages = list(result.messages([DETECTIONS]))
    for item in messages:
        measured, predicted = item.message.detections
        stamp = predicted.header.stamp
        assert stamp.sec * 10**9 + stamp.nanosec == item.time
        assert predicted.id == f'{measured.id}/predicted'
        assert predicted.header.frame_id == 'rgb_optical'
    ahead = predicted.bbox.center.position.x - measured.bbox.center.position.x
    assert ahead == pytest.approx(3 * LATENCY / PERIOD, rel=0.5)


def silent_thermal() -> Iterator[Entry]:
    """Yield a scene whose thermal camera says nothing for a second."""
    for entry in scene(90):
        if entry.topic == RGB or not 30 <= (entry.time - BEGIN) // PERIOD < 60:
            yield entry


def test_while_thermal_is_missing_rgb_goes_on_alone(
        bag: Clip, tmp_path: Path) -> None:
    write_bag(tmp_path / 'gap', silent_thermal())
    assert bag(tmp_path / 'gap') == 0
    modes = [item['target']['mode'] for item in statuses() if 'target' in item]
    assert modes[0] == modes[-1] == 'rgbt'
    assert modes.count('rgb') >= 20
    assert len(modes) >= 85


def test_a_loop_of_the_bag_goes_on(bag: Clip, tmp_path: Path) -> None:
    later = [entry._replace(time=entry.time + 40 * PERIOD) for entry in scene(20)]
    write_bag(tmp_path / 'loop', [*scene(40), *later])
    assert bag(tmp_path / 'loop') == 0
    found = said()
    assert len(found) >= 57
    assert found[-1].stamp == BEGIN + 19 * PERIOD
    assert statuses()[-1]['frames']['jumps'] == '1'


def test_thermal_that_arrives_late_and_out_of_order_is_still_paired(
        bag: Clip, tmp_path: Path) -> None:
    delays = (60_000_000, 5_000_000)
    entries = [entry if entry.topic == RGB else entry._replace(
        time=entry.time + delays[(entry.time - BEGIN) // PERIOD % 2]) for entry in scene(60)]
    write_bag(tmp_path / 'late', sorted(entries, key=lambda entry: entry.time))
    assert bag(tmp_path / 'late') == 0
    found = said()
    assert [item.stamp for item in found] == sorted(item.stamp for item in found)
    assert int(statuses()[-1]['frames']['pairs']) >= 25


def test_zero_stamps_are_replaced_by_record_times(
        bag: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def unstamped() -> Iterator[Entry]:
        for number in range(10):
            color, heat = images(40 + 3 * number, number=number)
            time_ = BEGIN + number * PERIOD
            yield Entry(time_, RGB, IMAGE, image(0, color, 'bgr8'))
            yield Entry(time_ + 1000, THERMAL, IMAGE, image(0, heat, 'mono8'))

    write_bag(tmp_path / 'zero', unstamped())
    assert bag(tmp_path / 'zero') == 0
    assert said()[0].stamp == BEGIN
    assert capsys.readouterr().err.count('stamps are zero') == 2


def test_recorded_calibrations_register_the_cameras(
        bag: Clip, tmp_path: Path) -> None:
    infos = [Entry(BEGIN, topic, INFO, camera_info(BEGIN, focal)) for topic, focal in (
        ('/camera/color/camera_info', 300.0), ('/boson/camera_info', 200.0))]
    write_bag(tmp_path / 'bag', [*infos, *scene(6)])
    # Said once, before the part that is worked through.
    assert bag(tmp_path / 'bag', start='0.05', init='46,100,32,32',
               set='registration.source=camera_info') == 0
    registration = statuses()[-1]['registration']
    assert [float(value) for value in registration['homography'].split()][:2] == [1.5, 0.0]
    assert bag(tmp_path / 'bag', output='plain') == 0
    assert 'registration' not in statuses(Path('plain'))[-1]
