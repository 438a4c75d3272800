# SPDX-License-Identifier: Apache-2.0
"""Whole batches of samples of targets: crops, boxes, absent targets, rivals and crossings."""
from __future__ import annotations

import io

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
import torch

from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.networks.inputs import BORDER, RGB, SEARCH_FACTOR, THERMAL
from rgbt_tracker_ros.training.batched.bank import Bank
from rgbt_tracker_ros.training.batched.choosing import Chooser
from rgbt_tracker_ros.training.batched.crossings import crossed
from rgbt_tracker_ros.training.batched.cutting import cut, cuts, extended
from rgbt_tracker_ros.training.batched.moments import moment_samples
from rgbt_tracker_ros.training.batched.packing import Packer
from rgbt_tracker_ros.training.batched.placements import Places, aimed
from rgbt_tracker_ros.training.crossing import MAX_HIDDEN
from rgbt_tracker_ros.training.sources import MomentSource
from rgbt_tracker_ros.training.views import Placement, View, crop_view

SIZES = (32, 64)
BOX = Box(60, 40, 24, 40)


def bank_of(*pools):
    """Return a bank of pools of targets, as one part of a recipe's data gives it."""
    file = io.BytesIO()
    packer = Packer(file)
    for targets in pools:
        packer.targets('thermal_videos', 'made', targets)
    return Bank(torch.from_numpy(np.frombuffer(file.getvalue(), np.uint8).copy()),
                packer.tables())


def samples_of(targets, count, *, hard=False, gap=0, sizes=SIZES):
    """Return samples of a pool of targets, without crossings."""
    bank = bank_of(targets)
    return moment_samples(
        bank, Chooser(bank.tables, np.array([gap])), np.zeros(count, int),
        np.random.default_rng(0), sizes, 0.0, hard=hard)


def target(grey, *, box=BOX, rivals=(), background=40):
    """Return a view of a grey target."""
    thermal = np.full((120, 160), background, np.uint8)
    mask = np.zeros_like(thermal)
    mask[int(box.y):int(box.y + box.h), int(box.x):int(box.x + box.w)] = 255
    thermal[mask > 0] = grey
    return View(None, thermal, box, mask, rivals)


def _smooth(rng, height, width, channels):
    noise = rng.integers(0, 256, (height, width, channels)).astype(np.float32)
    image = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    return np.squeeze(image.astype(np.uint8))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_crops_of_different_images_are_those_of_opencv(seed):
    rng = np.random.default_rng(seed)
    views, places = [], []
    for _ in range(3):
        height, width = rng.integers(20, 90, 2).tolist()
        x, y = rng.uniform(-10, [width, height]).tolist()
        w, h = rng.uniform(8, 40, 2).tolist()
        mask = (_smooth(rng, height, width, 1) > 170).astype(np.uint8) * 255
        mask = cv2.GaussianBlur(mask, (0, 0), 2)
        views.append(View(_smooth(rng, height, width, 3), _smooth(rng, height, width, 1),
                          Box(x, y, w, h), mask))
        places.append(Placement(*rng.uniform(0.2, 0.8, 2), *rng.uniform(0.5, 2.0, 2)))
    bank = bank_of([[lambda view=view: view] for view in views])
    moments = bank.tables['moments']
    size = moments['box'][:, 2:].astype(float)
    aim = aimed(moments['box'][:, :2] + size / 2, size, Places(
        np.array([[place.cx, place.cy] for place in places]),
        np.array([[place.scale_x, place.scale_y] for place in places])), SEARCH_FACTOR, 48)
    corner = np.pad(moments['corner'], ((0, 0), (0, 2)))
    images = [
        cut(bank, cuts(bank, moments['rgb'], aim.places), 48, 3, RGB.fill(BORDER)),
        cut(bank, cuts(bank, moments['thermal'], aim.places), 48, 1, THERMAL.fill(BORDER)),
        cut(bank, cuts(bank, moments['mask'], aim.places - corner), 48, 1, (0,))]
    for row, (view, place) in enumerate(zip(views, places, strict=True)):
        crop = crop_view(view, place, SEARCH_FACTOR, 48)
        np.testing.assert_allclose(aim.box[row], crop.box, atol=1e-5)
        for image, wanted in zip(images, (crop.rgb, crop.thermal, crop.mask), strict=True):
            found = image[row].permute(1, 2, 0).squeeze().numpy()
            difference = np.abs(found - wanted)
            # OpenCV rounds places to parts of a pixel, which shows at the image's border.
            assert np.percentile(difference, 95) <= 2.5
            assert difference.mean() < 1.0


def test_windows_are_resized_as_opencv_does():
    image = _smooth(np.random.default_rng(1), 60, 90, 3)
    bank = bank_of([[lambda: View(image, None, Box(10, 10, 20, 20))]])
    for side, out in ((40, 64), (50, 32)):
        step = side / out
        places = np.array([[(step - 1) / 2, (step - 1) / 2, step, step]])
        found, _ = extended(bank, cuts(bank, np.array([0]), places, np.array([[7, 5, side]])),
                            out, 3)
        wanted = cv2.resize(image[5:5 + side, 7:7 + side], (out, out))
        assert np.abs(found[0].permute(1, 2, 0).numpy() - wanted).max() < 1.5


def test_the_box_surrounds_the_target_in_every_crop():
    other = target(120, box=Box(100, 30, 20, 30), background=10)
    samples = samples_of([[lambda: target(220)], [lambda: other]], 60)
    for crops in samples:
        at = (np.arange(crops.size) + 0.5) / crops.size
        for row in np.flatnonzero(crops.box[:, 2] > 0):
            cx, cy, w, h = crops.box[row]
            box = (np.abs(at - cy) < h / 2)[:, None] & (np.abs(at - cx) < w / 2)
            shown = crops.mask[row, 0].numpy() > 0.5
            assert (box & shown).sum() > 0.75 * (box | shown).sum()
            grey = np.median(crops.thermal[row, 0].numpy()[shown])
            assert grey in (120, 220)
    assert samples.search.has_thermal.all()
    assert samples.search.has_mask.all()
    assert not samples.search.has_rgb.any()


@pytest.mark.parametrize('hard', [False, True])
def test_samples_are_distributed_as_the_ones_drawn_one_by_one(hard):
    views = [target(220, rivals=(Box(100, 30, 20, 30), Box(20, 60, 20, 40))),
             target(220, box=Box(70, 50, 30, 50))]
    targets = [[lambda view=view: view for view in views]]
    source, rng = MomentSource(targets, 1, 0.0), np.random.default_rng(5)
    single = [source.crops(rng, 4, 4, hard=hard) for _ in range(1500)]
    batch = samples_of(targets, 1500, hard=hard, gap=1)
    for number, crops in enumerate(batch):
        boxes = np.array([crop[number].box or (0.5, 0.5, 0.0, 0.0) for crop in single])
        assert abs((boxes[:, 2] == 0).mean() - (crops.box[:, 2] == 0).mean()) < 0.035
        present = boxes[boxes[:, 2] > 0], crops.box[crops.box[:, 2] > 0]
        quantiles = [np.quantile(boxes, (0.1, 0.25, 0.5, 0.75, 0.9), axis=0) for boxes in present]
        np.testing.assert_allclose(*quantiles, atol=0.035)


def test_crops_without_the_target_show_nothing_of_it():
    search = samples_of([[lambda: target(250)]], 300).search
    absent = search.box[:, 2] == 0
    assert 0.04 < absent.mean() < 0.13
    np.testing.assert_array_equal(search.box[absent], [(0.5, 0.5, 0.0, 0.0)] * absent.sum())
    assert search.mask[absent].max() == 0
    assert search.thermal[absent].max() <= max(THERMAL.fill(BORDER))


def test_hard_samples_look_at_rivals_and_want_the_target_where_it_is():
    view = target(220, rivals=(Box(90, 40, 24, 40),))
    search = samples_of([[lambda: view]], 200, hard=True).search
    off = np.abs(search.box[:, 0] - 0.5) > 0.3
    assert off.mean() > 0.1
    at = (np.arange(SIZES[1]) + 0.5) / SIZES[1]
    for row in np.flatnonzero(off & (search.box[:, 2] > 0)):
        cx, cy, w, h = search.box[row]
        inside = (np.abs(at - cy) < h / 4)[:, None] & (np.abs(at - cx) < w / 4)
        assert search.thermal[row, 0].numpy()[inside].mean() > 180


def test_template_and_search_are_at_most_the_gap_apart_and_the_dynamic_template_between():
    targets = [[lambda number=number: target(100 + number, background=100 + number)
                for number in range(40)]]
    samples = samples_of(targets, 200, gap=12)
    present = samples.search.mask.amax((1, 2, 3)).numpy() == 1
    # The mean of the pixels that show nothing but the target.
    first, between, last = (
        ((crops.thermal * (crops.mask == 1)).sum((1, 2, 3)) / (crops.mask == 1).sum((1, 2, 3)))
        .round().numpy()[present] for crops in samples)
    assert np.abs(last - first).max() == 12
    assert (between >= np.minimum(first, last)).all()
    assert (between <= np.maximum(first, last)).all()
    assert len(np.unique(first)) > 30


def test_meetings_lie_between_template_and_search():
    near, far = (Box(70, 50, 20, 20),), (Box(130, 90, 20, 20),)
    alone = [lambda: target(90)] * 5
    meeting = [lambda number=number: target(90, rivals=near if number in (9, 25) else far)
               for number in range(40)]
    tables = bank_of([alone], [alone, meeting]).tables
    pools = np.repeat([0, 1], 500)
    chosen = Chooser(tables, np.array([6, 6]), 1.0).choose(pools, np.random.default_rng(0))
    np.testing.assert_array_equal(chosen.targets, np.where(pools == 0, 0, 2))
    start = tables['targets']['start'][chosen.targets]
    first, between, last = (number - start for number in chosen[1:])
    low, high = np.minimum(first, last), np.maximum(first, last)
    assert (high - low).max() == 6
    assert ((low <= between) & (between <= high)).all()
    assert (first < last).any()
    assert (first > last).any()
    met = pools == 1
    across = [((low <= at) & (at <= high))[met] for at in (9, 25)]
    assert np.logical_xor(*across).all()
    assert min(one.mean() for one in across) > 0.4


def test_rivals_cross_and_never_hide_more_of_the_target_than_allowed():
    targets = [[lambda: target(200)], [lambda: target(90, box=Box(30, 20, 20, 44))]]
    bank = bank_of(targets)
    plain, search = (samples_of(targets, 100, hard=True, sizes=(8, 128)).search for _ in '12')
    rivals = bank.tables['moments'][np.where(plain.thermal.amax((1, 2, 3)) > 150, 1, 0)]
    crossed(bank, search, rivals, np.ones(100, bool), np.random.default_rng(3))
    np.testing.assert_array_equal(search.box, plain.box)
    changed = ((search.thermal - plain.thermal).abs() / 110.0).clamp_max(1.0)
    assert (changed.amax((1, 2, 3)) > 0.5).float().mean() > 0.6
    seen = plain.mask > 0
    hidden = ((changed * seen).sum((1, 2, 3)) / seen.sum((1, 2, 3)).clamp_min(1)).numpy()
    assert hidden[plain.box[:, 2] > 0].max() <= MAX_HIDDEN + 0.05
    assert (hidden > 0.2).mean() > 0.05


def test_a_rival_without_outline_or_camera_is_left_out():
    without = View(None, np.full((120, 160), 200, np.uint8), Box(10, 10, 30, 30))
    colour = View(np.full((120, 160, 3), 200, np.uint8), None, Box(10, 10, 30, 30),
                  np.full((120, 160), 255, np.uint8))
    bank = bank_of([[lambda: target(90)], [lambda: without], [lambda: colour]])
    for number in (1, 2):
        search = samples_of([[lambda: target(90)]], 20).search
        before = search.thermal.clone()
        rivals = bank.tables['moments'][np.full(20, number)]
        crossed(bank, search, rivals, np.ones(20, bool), np.random.default_rng(0))
        assert torch.equal(search.thermal, before)
