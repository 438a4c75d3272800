# SPDX-License-Identifier: Apache-2.0
"""Generated clips: repeatable by seed, true to their ground truth, written whole or not at all."""
from __future__ import annotations

from dataclasses import asdict, replace
import json
from math import nan

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from rgbt_tracker_ros.cli.generate import generate as generate_command
from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.synthetic.clip import Clip, generate
from rgbt_tracker_ros.synthetic.clip_files import read_clip, write_clip
from rgbt_tracker_ros.synthetic.scripts import demo_spec, random_spec
from rgbt_tracker_ros.synthetic.spec import EVENTS, KINDS, THEMES, Actor, ClipSpec, Event
from rgbt_tracker_ros.synthetic.stage import Stage

WALKER = Actor('person', ((0.0, 0.5, 0.6), (4.0, 1.1, 0.6)), heat=300)


def small(*events, **changes):
    """Return a 3 s clip of one walker at 160 x 120."""
    return replace(
        ClipSpec(actors=(WALKER,), events=events, size=(160, 120), duration=3.0), **changes)


@pytest.fixture(scope='module')
def demo():
    return Clip(demo_spec((160, 120)), 7)


def at(stamps, time):
    return int(np.argmin(np.abs(stamps - time)))


def ring_contrast(image, box):
    """Return how far the box's middle stands out from what is left and right of it."""
    x, y, w, h = (round(value) for value in box)
    body = image[y + h // 5:y + h - h // 5, x + w // 3:x + w - w // 3].astype(float)
    rows = slice(y + h // 5, y + h - h // 5)
    around = np.hstack((image[rows, max(0, x - w):x], image[rows, x + w:x + 2 * w])).astype(float)
    return float(np.median(body) - np.median(around))


def test_same_seed_same_frames_in_any_order():
    spec = random_spec(np.random.default_rng(0), (128, 96), 2.0, ('smoke', 'dark'))
    first, second = Clip(spec, 5), Clip(spec, 5)
    forward = [first.rgb(index)[0] for index in range(4)]
    backward = [second.rgb(index)[0] for index in reversed(range(4))][::-1]
    np.testing.assert_array_equal(forward, backward)
    np.testing.assert_array_equal(first.thermal(3), second.thermal(3))
    other = Clip(spec, 6)
    assert (other.rgb(0)[0] != forward[0]).any()
    assert (other.thermal(3) != first.thermal(3)).any()


def test_stamps_ascend_are_never_zero_and_differ_between_the_cameras(demo):
    for stamps, rate in ((demo.rgb_stamps, 30), (demo.thermal_stamps, 25)):
        assert stamps[0] > 0
        assert len(stamps) == 18 * rate
        assert (np.diff(stamps) > 0.5 / rate).all()
        assert np.diff(stamps).mean() == pytest.approx(1 / rate, rel=0.01)
        assert np.diff(stamps).std() > 1e-4
    assert not set(demo.rgb_stamps) & set(demo.thermal_stamps)


@pytest.mark.parametrize('kind', KINDS)
def test_the_box_is_tight_about_what_is_drawn(kind):
    actor = replace(WALKER, kind=kind, size=0.4)
    stage = Stage(small(actors=(actor,)), np.random.default_rng(1))
    for time in (0.3, 1.5, 2.8):
        _, seen = stage.rgb(time)
        drawn = np.abs(stage.heat(time, 1.0) - stage.heat(time, -1.0)) > 4
        rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
        tight = Box(columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert np.abs(np.subtract(seen[0].box, tight)).max() <= 2
        assert seen[0].visible == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(('heat', 'sign'), [(300, 1), (-200, -1)])
def test_the_target_stands_out_in_thermal(heat, sign):
    clip = Clip(small(actors=(replace(WALKER, heat=heat),)), 2)
    for index in range(0, len(clip.thermal_stamps), 15):
        _, truth = clip.rgb(at(clip.rgb_stamps, clip.thermal_stamps[index]))
        assert sign * ring_contrast(clip.thermal(index), truth.box) > 40


def test_smoke_and_darkness_blind_rgb_only():
    clip = Clip(small(Event('smoke', 0.2, 1.4), Event('dark', 1.6, 2.9)), 3)
    clear, smoky, dark = (clip.rgb(at(clip.rgb_stamps, time))[0] for time in (0.02, 0.8, 2.2))
    assert smoky.std() < 0.3 * clear.std()
    assert dark.mean() < 15
    for time in (0.8, 2.2):
        _, truth = clip.rgb(at(clip.rgb_stamps, time))
        thermal = clip.thermal(at(clip.thermal_stamps, time))
        assert ring_contrast(thermal, truth.box) > 40


def test_crossover_blinds_thermal_only():
    spec = small(Event('crossover', 0.5, 2.5))
    clip, clear = Clip(spec, 3), Clip(replace(spec, events=()), 3)
    index = at(clip.thermal_stamps, 1.5)
    _, truth = clip.rgb(at(clip.rgb_stamps, 1.5))
    assert truth.event == 'crossover'
    assert abs(ring_contrast(clip.thermal(index), truth.box)) \
        < 0.3 * ring_contrast(clear.thermal(index), truth.box)
    np.testing.assert_array_equal(clip.rgb(45)[0], clear.rgb(45)[0])


def test_a_freeze_repeats_one_thermal_frame_and_then_goes_on():
    clip = Clip(small(Event('freeze', 1.0, 1.7)), 4)
    first, last = (int(np.searchsorted(clip.thermal_stamps, time)) for time in (1.0, 1.7))
    frozen = clip.thermal(first - 1)
    assert last - first >= 16
    for index in range(first, last):
        np.testing.assert_array_equal(clip.thermal(index), frozen)
    assert (clip.thermal(first - 2) != frozen).mean() > 0.5
    assert (clip.thermal(last) != frozen).mean() > 0.5


def test_an_occlusion_hides_the_target_and_gives_it_back():
    clip = Clip(small(Event('occlusion', 1.0, 2.0)), 5)
    truths = [clip.rgb(index)[1] for index in range(len(clip.rgb_stamps))]
    for stamp, truth in zip(clip.rgb_stamps, truths, strict=True):
        assert truth.box is not None
        if 1.05 < stamp < 1.95:
            assert truth.occluded
            assert truth.visibility[0] < 0.12
        if stamp < 0.3 or stamp > 2.7:
            assert not truth.occluded
            assert truth.visibility[0] > 0.8


def test_a_distractor_in_front_lowers_the_visibility_and_keeps_its_own_box():
    walker = replace(WALKER, path=((0.0, 0.9, 0.6),))
    before = replace(WALKER, path=((0.0, 0.92, 0.63),), look=9)
    clip = Clip(small(actors=(walker, before), sway=0.0), 1)
    _, truth = clip.rgb(0)
    assert 0.05 < truth.visibility[0] < 0.9
    assert truth.visibility[1] == 1.0
    assert truth.boxes[0] == truth.box
    assert truth.boxes[1].iou(truth.box) > 0.3


def test_a_target_outside_the_image_is_absent():
    leaver = replace(WALKER, path=((0.0, 0.6, 0.6), (1.0, -1.5, 0.6)))
    clip = Clip(small(actors=(leaver,)), 1)
    _, truth = clip.rgb(len(clip.rgb_stamps) - 1)
    assert truth.absent
    assert truth.box is None
    assert not truth.occluded
    assert truth.boxes == {}


def test_every_event_of_the_demo_labels_frames_and_the_target_stays_in_the_image(demo):
    labels = set()
    for index in range(0, len(demo.rgb_stamps), 9):
        _, truth = demo.rgb(index)
        labels.update(truth.event.split('+'))
        assert truth.box.inside(160, 120) == truth.box
        hidden = 8.2 < demo.rgb_stamps[index] < 10.0
        assert hidden or truth.event == 'crossing' or not truth.occluded
    assert labels == {*EVENTS, 'clear'}


def test_generate_pairs_each_rgb_frame_with_the_nearest_thermal_one():
    spec = small(duration=0.5)
    clip = Clip(spec, 8)
    frames = list(generate(spec, 8))
    assert [frame.index for frame in frames] == list(range(15))
    for frame in frames:
        gaps = np.abs(clip.thermal_stamps - frame.stamp)
        assert abs(frame.thermal_stamp - frame.stamp) == gaps.min()
        assert frame.rgb.shape == (120, 160, 3)
        assert frame.rgb.dtype == np.uint8
        assert frame.thermal.shape == (120, 160)
        assert frame.thermal.dtype == np.uint16
        assert 2000 < frame.thermal.mean() < 4000
    np.testing.assert_array_equal(frames[5].thermal, clip.thermal(frames[5].thermal_index))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**31), names=st.lists(st.sampled_from(EVENTS), max_size=5))
def test_random_specs_make_sound_clips(seed, names):
    spec = random_spec(np.random.default_rng(seed), (96, 72), 3.0, names)
    assert sorted(event.name for event in spec.events) == sorted(names)
    assert all(0 < event.start < event.end <= 3.0 for event in spec.events)
    assert ClipSpec.from_dict(json.loads(json.dumps(asdict(spec)))) == spec
    clip = Clip(spec, seed)
    for index in (0, len(clip.rgb_stamps) // 2):
        image, truth = clip.rgb(index)
        assert image.shape == (72, 96, 3)
        assert set(truth.visibility) == set(range(len(spec.actors)))
        for box in truth.boxes.values():
            assert 0 <= box.x < box.x + box.w <= 96
            assert 0 <= box.y < box.y + box.h <= 72
        assert all(0 <= share <= 1 for share in truth.visibility.values())
    assert clip.thermal(0).max() <= 16383


def test_random_specs_vary():
    specs = [random_spec(np.random.default_rng(seed)) for seed in range(60)]
    assert {spec.theme for spec in specs} == set(THEMES)
    assert {spec.actors[0].kind for spec in specs} == set(KINDS)
    assert {spec.actors[0].heat > 0 for spec in specs} == {True, False}
    assert random_spec(np.random.default_rng(1)) == specs[1]


def test_a_written_clip_reads_back(tmp_path):
    spec = small(Event('freeze', 0.4, 0.8), Event('occlusion', 1.0, 1.5), duration=2.0)
    done = []
    folder = write_clip(tmp_path / 'clip', spec, 9, lambda *count: done.append(count))
    clip, made = read_clip(folder), Clip(spec, 9)
    assert done == [(count, 110) for count in range(1, 111)]
    assert (len(clip.rgb_files), len(clip.thermal_files)) == (60, 50)
    np.testing.assert_allclose(clip.rgb_stamps, made.rgb_stamps, atol=1e-6)
    np.testing.assert_allclose(clip.thermal_stamps, made.thermal_stamps, atol=1e-6)
    for index in (0, 14, 49):
        np.testing.assert_array_equal(clip.thermal(index), made.thermal(index))
    image, truth = made.rgb(20)
    assert np.abs(clip.rgb(20).astype(int) - image).mean() < 5
    np.testing.assert_allclose(clip.groundtruth[20], truth.box, atol=0.01)
    np.testing.assert_allclose(clip.init, clip.groundtruth[0])
    assert clip.occluded.any()
    assert not clip.absent.any()
    assert set(clip.events) == {'clear', 'freeze', 'occlusion'}
    assert clip.meta['seed'] == 9
    assert ClipSpec.from_dict(clip.meta['spec']) == spec


def test_absent_frames_are_nan_on_disk(tmp_path):
    leaver = replace(WALKER, path=((0.0, 0.6, 0.6), (1.0, -1.5, 0.6)))
    clip = read_clip(write_clip(tmp_path / 'clip', small(actors=(leaver,), duration=1.5), 1))
    assert clip.absent.any()
    np.testing.assert_array_equal(np.isnan(clip.groundtruth).all(axis=1), clip.absent)


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_write_leaves_nothing(tmp_path, error):
    def stop(done, total):
        if done == 20:
            raise error

    with pytest.raises(error):
        write_clip(tmp_path / 'clip', small(), 1, stop)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_overwrite_keeps_the_old_clip(tmp_path):
    folder = write_clip(tmp_path / 'clip', small(duration=0.2), 1)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(folder, small(duration=0.2), 2, stop, overwrite=True)
    assert read_clip(folder).meta['seed'] == 1
    assert read_clip(write_clip(folder, small(duration=0.2), 3, overwrite=True)).meta['seed'] == 3
    assert list(tmp_path.iterdir()) == [folder]


def test_folders_that_are_in_the_way_are_kept(tmp_path):
    (tmp_path / 'precious').mkdir()
    for overwrite in (False, True):
        with pytest.raises(InputError, match='precious'):
            write_clip(tmp_path / 'precious', small(), 1, overwrite=overwrite)
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='cannot be written'):
        write_clip(tmp_path / 'file' / 'clip', small(), 1)


def test_a_folder_that_is_no_clip_or_a_torn_one_is_refused(tmp_path):
    with pytest.raises(InputError, match='no generated clip'):
        read_clip(tmp_path)
    folder = write_clip(tmp_path / 'clip', small(duration=0.3), 1)
    (folder / 'rgb' / '000003.jpg').unlink()
    with pytest.raises(InputError, match='differ'):
        read_clip(folder)


@pytest.mark.parametrize('make', [
    lambda: Event('fog', 0, 1), lambda: Event('smoke', 2, 1), lambda: Event('smoke', 0, 1, 2.0),
    lambda: Actor('ghost', ((0, 0, 0),)), lambda: Actor('person', ()),
    lambda: Actor('person', ((1, 0, 0.5), (0, 1, 0.5))), lambda: ClipSpec(actors=()),
    lambda: Actor('blob', ((0, 0, 0),)), lambda: Actor('blob', ((0, np.nan, 1),)),
    lambda: Actor('blob', ((0, 0, 1),), size=np.nan),
    lambda: small(size=(8, 8)), lambda: small(theme='moon'), lambda: small(duration=0.0),
    lambda: small(rgb_rate=nan), lambda: small(jitter=-1.0)])
def test_wrong_specs_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_the_command_writes_a_clip(tmp_path, capsys):
    generate_command(tmp_path / 'clip', seed=3, random=True, size='96x72', duration=1.0)
    assert read_clip(tmp_path / 'clip').meta['spec']['size'] == [96, 72]
    assert 'seed 3' in capsys.readouterr().err
    # The first draw of seed 7 has its target outside the first image.
    generate_command(tmp_path / 'second', seed=7, random=True, size='96x72', duration=1.0)
    with pytest.raises(InputError, match='--size'):
        generate_command(tmp_path / 'other', size='big')
