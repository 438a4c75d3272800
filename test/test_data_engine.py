# SPDX-License-Identifier: Apache-2.0
"""Rivals that cross the target, styles of whole samples, and bridges between blobs of a video."""
from __future__ import annotations

from dataclasses import asdict

import cv2
import numpy as np
import pytest
import torch

from rgbt_tracker_ros.errors import InputError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.networks.unified import UnifiedConfig, UnifiedTracker
from rgbt_tracker_ros.training import thermal_source
from rgbt_tracker_ros.training.bridging import NanoTeacher, bridged
from rgbt_tracker_ros.training.crossing import MAX_HIDDEN, with_rival
from rgbt_tracker_ros.training.method import make_method
from rgbt_tracker_ros.training.mixing import mix_with_start
from rgbt_tracker_ros.training.recipe import Recipe
from rgbt_tracker_ros.training.styles import StyleConfig, styled
from rgbt_tracker_ros.training.thermal_source import thermal_video_targets
from rgbt_tracker_ros.training.thermal_tracks import STEP, ThermalTrack
from rgbt_tracker_ros.training.views import Crops, View, crop_view, search_placement

SIZE = (120, 240)
PERSON = (12, 40)


def _view(heat: int, mask: bool = True) -> View:
    thermal, outline = np.full((120, 160), 30, np.uint8), np.zeros((120, 160), np.uint8)
    thermal[40:80, 60:84] = heat
    outline[40:80, 60:84] = 255
    return View(None, thermal, Box(60, 40, 24, 40), outline if mask else None)


def test_a_rival_crosses_the_target_and_leaves_enough_of_it():
    changed = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        crop = crop_view(_view(220), search_placement(rng), 4.0, 128)
        crossed = with_rival(crop, _view(120), rng)
        assert crossed.box == crop.box
        target = crop.thermal > 180
        assert (crossed.thermal[target] > 180).mean() > 1 - MAX_HIDDEN - 0.1
        changed += not np.array_equal(crossed.thermal, crop.thermal)
    assert changed > 20


def test_a_rival_without_outline_or_camera_is_left_out():
    rng = np.random.default_rng(0)
    crop = crop_view(_view(220), search_placement(rng), 4.0, 128)
    assert with_rival(crop, _view(120, mask=False), rng) is crop
    rgb_only = View(np.zeros((120, 160, 3), np.uint8), None, Box(60, 40, 24, 40),
                    _view(120).mask)
    assert with_rival(crop, rgb_only, rng) is crop


def _crops(rgb: bool) -> Crops:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)
    view = View(image if rgb else None, image[..., 0], Box(60, 40, 24, 40))
    place = search_placement(rng)
    return Crops(*(crop_view(view, place, factor, out)
                   for factor, out in ((2.0, 128), (2.0, 128), (4.0, 256))))


def test_all_crops_of_a_sample_are_changed_alike():
    inverted = StyleConfig(1.0, 1.0, 0.0, 0.0, 0.0)
    before = _crops(rgb=False)
    after, seen_by = styled(before, inverted, np.random.default_rng(0), 'thermal')
    assert seen_by == 'thermal'
    curves = []
    for old, new in zip(before, after, strict=True):
        assert new.rgb is None
        assert new.box == old.box
        curves.append({int(level): int(new.thermal[old.thermal == level][0])
                       for level in (60, 120, 180)})
    assert curves[0] == curves[1] == curves[2]
    assert curves[0][60] >= curves[0][120] >= curves[0][180]


def test_smoke_over_all_crops_needs_a_camera_that_sees_through_it():
    veiled = StyleConfig(0.0, 0.0, 0.0, 0.0, 1.0)
    crops = _crops(rgb=True)
    assert styled(crops, veiled, np.random.default_rng(0), 'rgb') == (crops, 'rgb')
    hidden, seen_by = styled(crops, veiled, np.random.default_rng(0), 'both')
    assert seen_by == 'thermal'
    for old, new in zip(crops, hidden, strict=True):
        assert new.rgb.std() < 0.7 * old.rgb.std()
        np.testing.assert_array_equal(new.thermal, old.thermal)


def test_a_far_target_has_few_pixels():
    far = StyleConfig(0.0, 0.0, 0.0, 1.0, 0.0)
    crops = _crops(rgb=True)
    coarse, _ = styled(crops, far, np.random.default_rng(1), 'both')
    for old, new in zip(crops, coarse, strict=True):
        assert new.thermal.shape == old.thermal.shape
        assert np.abs(np.diff(new.thermal.astype(int))).mean() < 0.7 * np.abs(
            np.diff(old.thermal.astype(int))).mean()


def _truth(person: int, index: int) -> Box:
    """Two people walk towards each other and past."""
    x = 20 + 4 * index if person == 0 else 200 - 4 * index
    return Box(x, 50, *PERSON)


def _film(count: int = 46) -> list[np.ndarray]:
    frames = []
    for index in range(count):
        frame = np.full(SIZE, 40, np.uint8)
        for person, heat in ((1, 150), (0, 220)):
            box = _truth(person, index)
            frame[50:90, int(box.x):int(box.x) + PERSON[0]] = heat
        frames.append(frame)
    return frames


class _Teacher:
    """Knows the truth; a faithless one comes back with the other person."""

    def __init__(self, frames, faithless=False):
        self._numbers = {id(frame): index for index, frame in enumerate(frames)}
        self._faithless = faithless

    def follow(self, frames, box):
        """Return where the person is who was in the box."""
        numbers = [self._numbers[id(frame)] for frame in frames]
        person = max((0, 1), key=lambda each: _truth(each, numbers[0]).iou(box))
        if self._faithless and numbers[0] > numbers[-1]:
            person = 1 - person
        return [_truth(person, number) for number in numbers[1:]]


def _broken_tracks() -> list[ThermalTrack]:
    return [ThermalTrack('video', {index: _truth(person, index) for index in span})
            for person in (0, 1) for span in (range(18), range(28, 46))]


def test_a_bridge_joins_what_was_one_person_before_and_after_a_crossing():
    frames = _film()
    background = np.full(SIZE, 40, np.uint8)
    joined = bridged(_broken_tracks(), frames, background, _Teacher(frames), set())
    assert len(joined) == 2
    for person, track in enumerate(joined):
        assert sorted(track.boxes) == list(range(46))
        assert all(box.iou(_truth(person, index)) > 0.99 for index, box in track.boxes.items())


@pytest.mark.parametrize('fault', ['faithless', 'excluded', 'background'])
def test_no_bridge_where_it_cannot_be_trusted(fault):
    frames = _film()
    background = frames[22] if fault == 'background' else np.full(SIZE, 40, np.uint8)
    excluded = set(range(20, 25)) if fault == 'excluded' else set()
    joined = bridged(_broken_tracks(), frames, background,
                     _Teacher(frames, faithless=fault == 'faithless'), excluded)
    labelled = {index for track in joined for index in track.boxes}
    assert not labelled & excluded
    if fault == 'background':
        assert 22 not in labelled
    else:
        assert len(joined) == 4


def test_videos_with_development_tracks_can_be_left_out_whole(tmp_path):
    films, tracks = (tmp_path / name for name in (
        'train/thermal_only_videos', 'dev/tracks_thermal/night_walk_2'))
    films.mkdir(parents=True)
    tracks.mkdir(parents=True)
    for name in ('night_walk', 'street'):
        (films / f'{name}.mp4').touch()
    (tracks / 'flags.csv').write_text('frame\n30\n31\n')
    spans = {video.file.stem: video.excluded for video in thermal_source.thermal_videos(tmp_path)}
    assert spans == {'night_walk': {10, 11}, 'street': frozenset()}
    rest = thermal_source.thermal_videos(tmp_path, whole_out=True)
    assert [video.file.stem for video in rest] == ['street']


def test_tracks_of_a_video_are_found_once(tmp_path, monkeypatch):
    folder = tmp_path / 'train' / 'thermal_only_videos'
    folder.mkdir(parents=True)
    writer = cv2.VideoWriter(
        str(folder / 'walk.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 30, SIZE[::-1], False)
    for frame in _film(40):
        for _ in range(STEP):
            writer.write(frame)
    writer.release()
    first = thermal_video_targets(tmp_path, None, tmp_path / 'cache')
    monkeypatch.setattr(thermal_source, 'find_tracks', lambda *_: pytest.fail('found again'))
    again = thermal_video_targets(tmp_path, None, tmp_path / 'cache')
    assert len(first) == len(again) == 1
    assert [moments[0]().box for moments in first[0]] == [moments[0]().box for moments in again[0]]
    view = first[0][0][0]()
    inside = view.mask[int(view.box.y) + 8:int(view.box.y + view.box.h) - 8,
                       int(view.box.cx) - 2:int(view.box.cx) + 2]
    assert inside.min() == 255
    assert view.mask[0].max() == 0


def test_a_teacher_without_graphs_is_refused(tmp_path):
    with pytest.raises(InputError, match=r'data\.teacher'):
        NanoTeacher(tmp_path)


def test_a_run_starts_from_a_checkpoint_with_what_is_frozen(tmp_path):
    config = UnifiedConfig(channels=32, blocks=1)
    trained = UnifiedTracker(config)
    file = tmp_path / 'checkpoint.pt'
    torch.save({'network_config': asdict(config), 'network': trained.state_dict()}, file)
    recipe = Recipe.model_validate({
        'name': 'tiny', 'data': {'root': '.'}, 'optim': {'steps': 1},
        'network': {'channels': 32, 'blocks': 1, 'start': str(file), 'frozen_blocks': 2,
                    'frozen_filters': True}})
    network = make_method(recipe, torch.device('cpu')).network
    assert all(torch.equal(network.state_dict()[key], value)
               for key, value in trained.state_dict().items())
    learns = [name for name, weight in network.trunk.named_parameters() if weight.requires_grad]
    assert learns
    assert not any('depthwise' in name or name.startswith(('_blocks.0', '_blocks.1.'))
                   for name in learns)


def test_exported_weights_lie_between_start_and_end(tmp_path):
    config = UnifiedConfig(channels=32, blocks=1)
    first, last = UnifiedTracker(config), UnifiedTracker(config)
    file = tmp_path / 'checkpoint.pt'
    torch.save({'network_config': asdict(config), 'network': first.state_dict()}, file)
    expected = 0.75 * last.neck.weight + 0.25 * first.neck.weight
    mix_with_start(last, file, 0.25)
    torch.testing.assert_close(last.neck.weight, expected)
    with pytest.raises(InputError, match='start-share'):
        mix_with_start(last, 'scratch', 0.25)
