# SPDX-License-Identifier: Apache-2.0
"""OpenCV's trackers behind the interface of ours."""
from __future__ import annotations

import cv2
import miniature
from mock_model import write_bundle
import numpy as np
import pytest
from scenes import images

from rgbt_tracker_ros.benchmark.datasets.registry import load_dataset
from rgbt_tracker_ros.benchmark.nanotrack import NanoTrack, find_graphs, graph_sets
from rgbt_tracker_ros.benchmark.peer_tracker import VIEWS, PeerTracker, viewed
from rgbt_tracker_ros.benchmark.peers import contenders, make_peer_job, missing_peers
from rgbt_tracker_ros.benchmark.protocol.job import make_tracker
from rgbt_tracker_ros.errors import InputError, ModelError
from rgbt_tracker_ros.imaging.box import Box
from rgbt_tracker_ros.imaging.image_pair import ImagePair
from rgbt_tracker_ros.settings import Settings
from rgbt_tracker_ros.tracking.result import State

START = Box(40, 100, 32, 32)


def pair(number, cameras='rgbt'):
    rgb, thermal = images(40 + 3 * number, number=number)
    return ImagePair(rgb if 'rgb' in cameras else None,
                     None if cameras == 'rgb' else thermal, size=(320, 240))


@pytest.mark.parametrize('view', VIEWS)
def test_a_target_is_followed_the_same_each_time(view):
    tracker = make_tracker(make_peer_job('opencv:mil', Settings(), view))
    runs = []
    for _ in range(2):
        tracker.reset()
        assert tracker.box is None
        tracker.initialize(pair(0), START)
        runs.append([tracker.track(pair(number)).box for number in range(1, 8)])
    assert runs[0] == runs[1]
    assert abs(runs[0][-1].x - (40 + 3 * 7)) < 12
    assert tracker.state is State.TRACKING


def test_a_frame_without_its_image_leaves_the_box():
    tracker = make_tracker(make_peer_job('opencv:mil', Settings(), 'thermal'))
    before = tracker.initialize(pair(0), START).box
    result = tracker.track(pair(1, 'rgb'))
    assert (result.box, result.score, result.note) == (before, 0.0, 'no thermal image')
    assert tracker.miss('dark').note == 'dark'
    with pytest.raises(InputError, match='first thermal image is missing'):
        tracker.initialize(pair(0, 'rgb'), START)


class Lost:
    """A tracker that finds nothing, then breaks."""

    def __init__(self):
        self._count = 0

    def init(self, image, box):
        assert image.shape == (240, 320, 3)

    def update(self, image):
        self._count += 1
        if self._count > 1:
            raise cv2.error('no such\n thing')
        return False, (0, 0, 0, 0)


def test_a_lost_target_stays_where_it_was():
    tracker = PeerTracker(Lost, 'rgb')
    tracker.initialize(pair(0), START)
    lost = tracker.track(pair(1))
    assert (lost.state, lost.box, lost.score) == (State.LOST, START, 0.0)
    assert tracker.track(pair(2)).note == 'no such thing'


def test_views_are_in_the_frame_of_rgb():
    rgb, thermal = np.full((8, 10, 3), (200, 100, 0), np.uint8), np.full((4, 5), 50, np.uint8)
    both = ImagePair(rgb, thermal)
    np.testing.assert_array_equal(viewed(both, 'rgb')[0, 0], (0, 100, 200))
    np.testing.assert_array_equal(viewed(both, 'thermal'), np.full((8, 10, 3), 50))
    np.testing.assert_array_equal(viewed(both, 'average')[3, 3], (25, 75, 125))
    np.testing.assert_array_equal(viewed(ImagePair(rgb, None), 'average')[0, 0], (0, 100, 200))
    assert viewed(ImagePair(rgb, None), 'thermal') is None
    moved = ImagePair(rgb, np.eye(8, 10, dtype=np.uint8) * 90, thermal_to_rgb=np.array(
        [[1, 0, 2], [0, 1, 0], [0, 0, 1.0]]))
    assert viewed(moved, 'thermal')[3, 5, 0] == 90


@pytest.mark.parametrize(('name', 'view', 'message'), [
    ('opencv:goturn', 'rgb', 'give opencv:csrt'), ('mil', 'rgb', 'give opencv:csrt'),
    ('opencv:mil', 'rgbt', 'looks at one image: give rgb, thermal, average'),
    ('opencv:nano', 'rgb', r'needs a folder with \*backbone\*'),
    ('opencv:nano-v3', 'rgb', r'opencv:nano-v3 needs a folder'),
    ('opencv:mil-v3', 'rgb', 'give opencv:csrt'),
])
def test_what_cannot_be_made_is_refused(name, view, message):
    with pytest.raises(InputError, match=message):
        make_peer_job(name, Settings(), view)


def test_an_opencv_without_the_tracker_is_named(monkeypatch):
    monkeypatch.delattr(cv2, 'TrackerMIL')
    with pytest.raises(InputError, match='pip install opencv-contrib-python-headless'):
        make_peer_job('opencv:mil', Settings())
    assert 'opencv-contrib' in missing_peers(None)['mil']
    assert missing_peers(None)['nano'].startswith('--weights')


def test_weights_are_part_of_the_job(tmp_path):
    with pytest.raises(InputError, match='is missing in it'):
        make_peer_job('opencv:nano', Settings(), weights=tmp_path)
    for part in ('v2_backbone', 'v2_head'):
        (tmp_path / f'{part}.onnx').write_bytes(b'1')
    job = make_peer_job('opencv:nano', Settings(), weights=tmp_path)
    (tmp_path / 'v2_head.onnx').write_bytes(b'2')
    assert make_peer_job('opencv:nano', Settings(), weights=tmp_path).digest != job.digest
    with pytest.raises(ModelError, match='not the one the evaluation was started with'):
        job.load()


def write_graphs(folder, *versions):
    for version in versions:
        for part in ('backbone_sim', 'head_sim'):
            (folder / f'nanotrack{version}_nano_{part}.onnx').write_bytes(version.encode())


def test_graphs_belong_together_by_what_stands_before(tmp_path):
    assert graph_sets(tmp_path) == {}
    assert find_graphs(tmp_path) is None
    write_graphs(tmp_path, 'v2', 'v3')
    (tmp_path / 'zz_backbone.onnx').write_bytes(b'alone')
    assert list(graph_sets(tmp_path)) == ['v2', 'v3']
    assert find_graphs(tmp_path) == graph_sets(tmp_path)['v2']
    for part in ('backbone', 'head'):
        (tmp_path / f'zz_{part}.onnx').write_bytes(b'pair')
    assert list(graph_sets(tmp_path)) == ['v2', 'v3', 'zz']


def test_all_versions_and_models_come_side_by_side(tmp_path):
    (tmp_path / 'weights').mkdir()
    write_graphs(tmp_path / 'weights', 'v2', 'v3')
    data = load_dataset('gtot', miniature.write_gtot_root(tmp_path / 'gtot'))
    models = [str(write_bundle(tmp_path / name)) for name in ('one', 'two')]
    jobs = contenders(models, Settings(), data, tmp_path / 'weights')
    names = [(job.model.rpartition('/')[2], job.modality) for job in jobs]
    assert names[:6] == [(name, view) for name in ('one', 'two')
                         for view in ('rgbt', 'rgb', 'thermal')]
    for version in ('v2', 'v3'):
        assert [(f'opencv:nano-{version}', view) in names for view in VIEWS] == [True] * 3
    digests = {job.digest for job in jobs if 'nano-' in job.model}
    assert len(digests) == 2
    with pytest.raises(InputError, match=r'opencv:nano-v9: .* has v2, v3 only'):
        make_peer_job('opencv:nano-v9', Settings(), weights=tmp_path / 'weights')


class Backbone:
    """Gives the crop itself, as B, G, R."""

    def setInput(self, blob):  # noqa: N802 (OpenCV's name)
        self._blob = blob

    def forward(self):
        return self._blob[0].transpose(1, 2, 0)


class Head:
    """Finds what is bright, and says so for each cell of a map."""

    def __init__(self, side):
        self._side = side

    def setInput(self, features, name):  # noqa: N802 (OpenCV's name)
        self._crop = features

    def forward(self, names):
        steps = (np.arange(self._side) - self._side // 2) * 16.0
        x, y = np.meshgrid(steps, steps)
        rows, columns = np.nonzero(self._crop[..., 0] > 180)
        if not len(rows):
            return np.zeros((1, 2, *x.shape)), np.ones((1, 4, *x.shape))
        left, right, top, bottom = (value - 127 for value in (
            columns.min(), columns.max() + 1, rows.min(), rows.max() + 1))
        far = np.hypot(x - (left + right) / 2, y - (top + bottom) / 2)
        return (np.stack([np.zeros_like(x), 4 - far / 8])[None],
                np.stack([x - left, y - top, right - x, bottom - y])[None])


@pytest.mark.parametrize('side', [15, 16])
def test_nanotrack_follows_and_fits_a_target_with_any_map(side):
    tracker = NanoTrack(Backbone(), Head(side))
    assert tracker.side == side
    for number in range(12):
        image = np.full((240, 320, 3), 60, np.uint8)
        x, y, size = 30 + 12 * number, 150 - 10 * number, 30 + number
        cv2.rectangle(image, (x, y), (x + size - 1, y + size - 1), (240, 240, 240), -1)
        if number == 0:
            tracker.init(image, (x, y, size, size))
            continue
        found, box = tracker.update(image)
        assert found
        assert 0.5 < tracker.getTrackingScore() <= 1
        np.testing.assert_allclose(box, (x, y, size, size), atol=4)


def test_nanotrack_stays_in_the_image():
    tracker = NanoTrack(Backbone(), Head(15))
    image = np.full((120, 160, 3), 60, np.uint8)
    tracker.init(image, (150, 110, 10, 10))
    for _ in range(5):
        x, y, w, h = tracker.update(image)[1]
        assert 0 <= x + w / 2 <= 160
        assert 0 <= y + h / 2 <= 120
